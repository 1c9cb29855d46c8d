internal import Support

/// Lists of class names, whose order fixes the class indices.
public enum VOCClasses {
    /// The 20 classes of PASCAL VOC 2007 to 2012, in the devkit's order.
    public static let voc2007 = [
        "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
        "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
    ]

    /// One class name a line; empty lines are skipped. Throws `InputError` for a name that is repeated or not usable
    /// in a file name, and for a file without any.
    public static func read(_ path: String) throws -> [String] {
        var names: [String] = []
        var seen: Set<String> = []
        for (index, line) in try Files.readText(path).split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let name = trimmed(line)
            if name.isEmpty { continue }
            try requireFileName(name, subject: "\(path):\(index + 1)", what: "class name")
            guard seen.insert(name).inserted else {
                throw InputError("\(path):\(index + 1)", "the class \"\(name)\" is listed twice")
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

/// Without the spaces, tabs and carriage returns at both ends.
func trimmed(_ text: some StringProtocol) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\n" || $0 == "\r\n" }
    guard let first = text.firstIndex(where: { !isBlank($0) }), let last = text.lastIndex(where: { !isBlank($0) })
    else { return "" }
    return String(text[first...last])
}

/// Refuses what could lead out of its folder when put into a path.
func requireFileName(_ name: String, subject: String, what: String) throws {
    let isPlain =
        !name.isEmpty && name != "." && !name.contains("..")
        && name.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") && $0 != 0x7f }
    guard isPlain else {
        throw InputError(
            subject, "the \(what) \"\(name)\" is not a plain name",
            remedy: "use a name that is not empty and has no \"/\", \"\\\", \"..\" or control characters")
    }
}
