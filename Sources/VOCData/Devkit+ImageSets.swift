public import Foundation
internal import Support

/// One line of a per-class image set.
public struct ImageSetLabel: Hashable, Sendable {
    public var id: String
    /// 1: the class is in the image; -1: it is not; 0: only objects marked difficult are.
    public var label: Int

    public init(id: String, label: Int) {
        self.id = id
        self.label = label
    }
}

/// The images of a set.
struct ImageSetListing: Sendable {
    /// Each once, in the order of the set.
    var ids: [String]
    /// Ids that are listed again, with the place where: "test.txt:3".
    var repeated: [(place: String, id: String)] = []
}

extension Devkit {
    /// The image ids of a set, in file order: of `ImageSets/Main/NAME.txt`, of the folder NAME, of the split, or `all`.
    ///
    /// Where there is no `trainval`, it is `train` and `val` together; `val`, `valid` and `validation` are one name.
    /// - Throws: `InputError` for a missing set (naming those that exist), an empty one, an id that is not a plain
    ///   name, and an id that is listed twice.
    public func imageSet(_ name: String) throws -> [String] {
        let listing = try listing(name)
        if let first = listing.repeated.first {
            throw InputError(first.place, "the image \(first.id) is listed twice", remedy: "take one of the lines out")
        }
        return listing.ids
    }

    /// The same; ids that are listed twice are told beside it.
    func listing(_ name: String) throws -> ImageSetListing {
        try requireFileName(name, subject: root, what: "image set")
        if let split {
            guard let ids = name == "all" ? index.contents.ids : split.ids(name, of: index.contents.ids) else {
                throw InputError(
                    root, "a split has no set \"\(name)\"",
                    remedy: "choose one of \(SetSplit.names.joined(separator: ", ")), all")
            }
            if ids.isEmpty {
                throw InputError(
                    root, "the set \"\(name)\" of the split (\(split.text)) is empty", remedy: "give it a larger share")
            }
            return ImageSetListing(ids: ids)
        }
        if let known = try stored(name) { return known }
        if name == "all" {
            let ids = index.contents.ids
            if ids.isEmpty { throw InputError(root, "holds no images") }
            return ImageSetListing(ids: ids)
        }
        if let other = Self.aliases(of: name).lazy.compactMap({ try? stored($0) }).first { return other }
        if name == "trainval", let train = try stored("train") ?? stored("training") {
            let val = try Self.validationNames.compactMap { try stored($0) }.first
            let seen = Set(train.ids)
            return ImageSetListing(
                ids: train.ids + (val?.ids.filter { !seen.contains($0) } ?? []),
                repeated: train.repeated + (val?.repeated ?? []))
        }
        throw InputError(
            Files.isFolder(layout.setFolder) ? imageSetPath(name) : root, "there is no image set \"\(name)\"",
            remedy: "choose one of " + availableSets.joined(separator: ", ")
                + (setNames.isEmpty ? ", or let --split .8,.1,.1 make sets" : ""))
    }

    private static let validationNames = ["val", "valid", "validation"]

    private static func aliases(of name: String) -> [String] {
        [validationNames, ["train", "training"], ["test", "testing"]].first { $0.contains(name) }?.filter { $0 != name }
            ?? []
    }

    /// A set that the devkit brings as a file or as a folder.
    private func stored(_ name: String) throws -> ImageSetListing? {
        if let path = storedPath(name) {
            let data = try Files.read(path, limit: ImageSetLine.maximumFileSize)
            let lines = try ImageSetLine.parse(data, name: path, isImage: knows)
            var listing = ImageSetListing(ids: [])
            var seen: Set<String> = []
            for line in lines {
                if seen.insert(line.id).inserted {
                    listing.ids.append(line.id)
                } else {
                    listing.repeated.append(("\(path):\(line.number)", line.id))
                }
            }
            return listing
        }
        return setFolders.first { $0.key.lowercased() == name.lowercased() }.map { ImageSetListing(ids: $0.value) }
    }

    /// The file of a set, whatever the case of its name.
    private func storedPath(_ name: String) -> String? {
        if Files.exists(imageSetPath(name)) { return imageSetPath(name) }
        let wanted = "\(name.lowercased()).txt"
        return (try? Files.list(layout.setFolder))?.first { $0.lowercased() == wanted }.map {
            "\(layout.setFolder)/\($0)"
        }
    }

    /// Sets that are folders; lists take their place.
    private var setFolders: [String: [String]] {
        layout.isVOC && Files.isFolder(layout.setFolder) ? [:] : index.contents.sets
    }

    /// Whether an image or an annotation has this id.
    private func knows(_ id: String) -> Bool { imageFile(id) != nil || annotationFile(id) != nil }

    /// The labels of `ImageSets/Main/CLASS_SET.txt`, in file order. Throws as `imageSet` does, and for a line whose
    /// label is not -1, 0 or 1.
    ///
    /// - Parameter missing: Under `skip` an image that is listed again with the same label is taken once.
    public func imageSetLabels(
        class className: String, set: String, missing: MissingPolicy = .stop
    ) throws -> [ImageSetLabel] {
        let path = imageSetPath("\(className)_\(set)")
        try requireFileName("\(className)_\(set)", subject: root, what: "image set")
        var seen: [String: Int] = [:]
        return try ImageSetLine.parse(
            Files.read(path, limit: ImageSetLine.maximumFileSize), name: path, hasLabels: true, isImage: knows
        ).compactMap { line in
            guard let label = line.label.flatMap({ Int($0) }), (-1...1).contains(label) else {
                throw InputError(
                    "\(path):\(line.number)",
                    "the label of \(line.id) is \(line.label.map { "\"\($0)\"" } ?? "missing"), not -1, 0 or 1")
            }
            if let earlier = seen.updateValue(label, forKey: line.id) {
                if missing == .skip, earlier == label { return nil }
                throw InputError(
                    "\(path):\(line.number)",
                    "the image \(line.id) is listed twice" + (earlier == label ? "" : ", with different labels"),
                    remedy: "take one of the lines out")
            }
            return ImageSetLabel(id: line.id, label: label)
        }
    }

    /// Names of the image sets that the devkit brings, per-class sets (`CLASS_SET`) left out when their plain set exists.
    public func imageSetNames() throws -> [String] {
        if !setFolders.isEmpty, !Files.isFolder(layout.setFolder) {
            return setFolders.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        let names = try Files.list(layout.setFolder).compactMap { name in
            name.hasSuffix(".txt") ? String(name.dropLast(4)) : nil
        }
        let plain = Set(names)
        return names.filter { name in
            guard let underscore = name.lastIndex(of: "_") else { return true }
            return !plain.contains(String(name[name.index(after: underscore)...]))
        }
    }

    private var setNames: [String] { (try? imageSetNames()) ?? [] }

    /// Names that `imageSet` takes: the sets there are, and `all`.
    public var availableSets: [String] {
        if split != nil { return SetSplit.names + ["all"] }
        var names = setNames
        if !names.contains("trainval"), names.contains("train") { names.append("trainval") }
        return names.contains("all") ? names : names + ["all"]
    }

    public func imageSetPath(_ name: String) -> String { "\(layout.setFolder)/\(name).txt" }
}

/// A line of an image-set file.
public struct ImageSetLine: Hashable, Sendable {
    /// A plain name, perhaps with folders in front of it: it can lead out of no folder.
    public var id: String
    /// What stands behind the id, where it is a label.
    public var label: String?
    /// Counted from 1.
    public var number: Int

    /// Longer files are refused unread: two million images of VOC's kind fit.
    public static let maximumFileSize = 64 << 20

    /// The lines of an image-set file, empty ones left out; `name` stands for the file in errors.
    ///
    /// A line is an id, blanks and all; the last word is a label where it is -1, 0 or 1 and the line as a whole names no
    /// image. An id may stand in quotation marks (CVAT), with the extension of its image, or with the folders of its
    /// image where those are not part of it.
    ///
    /// - Parameters:
    ///   - hasLabels: the last word of each line is a label, as in `CLASS_SET.txt`.
    ///   - isImage: whether there is an image or an annotation of that id.
    /// - Throws: `InputError` for an id that is not a plain name, and for a file without any.
    public static func parse(
        _ data: Data, name: String, hasLabels: Bool = false, isImage: (String) -> Bool = { _ in false }
    ) throws -> [ImageSetLine] {
        var result: [ImageSetLine] = []
        for line in try TextFile.lines(data, name: name, escapes: true) where !line.text.isEmpty {
            let parts = split(line.text, hasLabels: hasLabels, isImage: isImage)
            let id = shortened(parts.id, isImage: isImage) ?? parts.id
            try requireFileName(id, subject: "\(name):\(line.number)", what: "image id", allowsFolders: true)
            result.append(ImageSetLine(id: id, label: parts.label, number: line.number))
        }
        guard !result.isEmpty else { throw InputError(name, "lists no image") }
        return result
    }

    private static func split(
        _ text: String, hasLabels: Bool, isImage: (String) -> Bool
    ) -> (id: String, label: String?) {
        // A file's own name may begin with one, too.
        if text.hasPrefix("\""), !isImage(text), let end = text.dropFirst().lastIndex(of: "\"") {
            let label = TextFile.trimmed(text[text.index(after: end)...])
            return (String(text[text.index(after: text.startIndex)..<end]), label.isEmpty ? nil : label)
        }
        guard let blank = text.lastIndex(where: \.isWhitespace) else { return (text, nil) }
        let last = String(text[text.index(after: blank)...])
        let isLabel = hasLabels || (["-1", "0", "1", "+1"].contains(last) && !isImage(text))
        return isLabel ? (TextFile.trimmed(text[..<blank]), last) : (text, nil)
    }

    /// Without extension or folders, where that names an image and the whole does not.
    private static func shortened(_ id: String, isImage: (String) -> Bool) -> String? {
        // Most ids have neither, and the disk need not be asked.
        guard id.utf8.contains(where: { $0 == 0x2E || $0 == 0x2F || $0 == 0x5C }), !isImage(id) else { return nil }
        let isFile = id.hasImageExtension || id.fileExtension.lowercased() == "xml"
        let name = id.replacing("\\", with: "/").fileName
        let stems = isFile ? [String(id.dropLast(id.fileExtension.count + 1)), name.fileStem] : [name]
        return stems.first { !$0.isEmpty && $0 != id && $0 != ".." && isImage($0) }
    }
}
