internal import Support

/// Lists of class names, whose order fixes the class indices.
public enum VOCClasses {
    /// The 20 classes of PASCAL VOC 2007 to 2012, in the devkit's order.
    public static let voc2007 = [
        "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
        "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
    ]

    /// One class name a line; empty lines are skipped. Throws `InputError` for a name that is repeated or no text, and for
    /// a file without any.
    public static func read(_ path: String) throws -> [String] {
        var names: [String] = []
        var seen: Set<String> = []
        for line in try Files.readLines(path) where !line.text.isEmpty {
            let name = line.text
            try requireClassName(name, subject: "\(path):\(line.number)")
            guard seen.insert(name).inserted else {
                throw InputError("\(path):\(line.number)", "the class \"\(name)\" is listed twice")
            }
            names.append(name)
        }
        guard !names.isEmpty else { throw InputError(path, "lists no class", remedy: "write one class name a line") }
        return names
    }

    /// The classes of some annotations: VOC's list when they hold nothing else, otherwise the names found, sorted.
    public static func found(in annotations: some Sequence<Annotation>) -> [String] {
        var names: Set<String> = []
        for annotation in annotations { for object in annotation.objects { names.insert(object.name) } }
        if names.isSubset(of: voc2007) { return voc2007 }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

/// Refuses what could lead out of its folder when put into a path.
///
/// Folders in front of the name are allowed where `allowsFolders` says so.
func requireFileName(_ name: String, subject: String, what: String, allowsFolders: Bool = false) throws {
    let isPlain = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
            && part.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }
    // A backslash comes from Windows' paths, or writes a byte that is not UTF-8.
    let backslashes = name.utf8.count { $0 == UInt8(ascii: "\\") }
    let isPath = name.contains("/") && !allowsFolders
    guard isPlain, !isPath, backslashes == 0 || name.unescapedBytes?.contains(UInt8(ascii: "\\")) == false else {
        throw InputError(
            subject, "the \(what) \"\(name.printable)\" is not a plain name",
            remedy: "use a name that is not empty, not \"..\", and has no \"/\", \"\\\" or control characters")
    }
}

/// Refuses a class name that nobody can have meant.
func requireClassName(_ name: String, subject: String) throws {
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
        throw InputError(
            subject, "the class name \"\(name.printable)\" is empty or holds control characters",
            remedy: "write one name a line")
    }
}
