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

extension Devkit {
    /// The image ids of `ImageSets/Main/NAME.txt`, in file order.
    ///
    /// - Throws: `InputError` for a missing set (naming those that exist), an empty one, an id that is not a plain
    ///   name, and an id that is listed twice.
    public func imageSet(_ name: String) throws -> [String] {
        try lines(ofSet: name).map(\.id)
    }

    /// The labels of `ImageSets/Main/CLASS_SET.txt`, in file order. Throws as `imageSet` does, and for a line whose
    /// label is not -1, 0 or 1.
    public func imageSetLabels(class className: String, set: String) throws -> [ImageSetLabel] {
        try lines(ofSet: "\(className)_\(set)").map { line in
            guard let label = line.label.flatMap({ Int($0) }), (-1...1).contains(label) else {
                throw InputError(
                    "\(imageSetPath("\(className)_\(set)")):\(line.number)",
                    "the label of \(line.id) is \(line.label.map { "\"\($0)\"" } ?? "missing"), not -1, 0 or 1")
            }
            return ImageSetLabel(id: line.id, label: label)
        }
    }

    /// Names of the image sets, per-class sets (`CLASS_SET`) left out when their plain set exists.
    public func imageSetNames() throws -> [String] {
        let names = try Files.list("\(root)/ImageSets/Main").compactMap { name in
            name.hasSuffix(".txt") ? String(name.dropLast(4)) : nil
        }
        let plain = Set(names)
        return names.filter { name in
            guard let underscore = name.lastIndex(of: "_") else { return true }
            return !plain.contains(String(name[name.index(after: underscore)...]))
        }
    }

    public func imageSetPath(_ name: String) -> String { "\(root)/ImageSets/Main/\(name).txt" }

    private func lines(ofSet name: String) throws -> [ImageSetLine] {
        let path = imageSetPath(name)
        try requireFileName(name, subject: root, what: "image set")
        guard Files.exists(path) else {
            let names = (try? imageSetNames()) ?? []
            throw InputError(
                path, "there is no image set \"\(name)\"",
                remedy: names.isEmpty ? "check the devkit" : "choose one of " + names.joined(separator: ", "))
        }
        return try ImageSetLine.parse(Files.read(path, limit: ImageSetLine.maximumFileSize), name: path)
    }
}

/// A line of an image-set file.
public struct ImageSetLine: Hashable, Sendable {
    /// A plain name: it can lead out of no folder.
    public var id: String
    /// The second word, where there is one.
    public var label: String?
    /// Counted from 1.
    public var number: Int

    /// Longer files are refused unread: two million images of VOC's kind fit.
    public static let maximumFileSize = 64 << 20

    /// The lines of an image-set file, empty ones left out; `name` stands for the file in errors.
    ///
    /// - Throws: `InputError` for what is not UTF-8, a line of more than two words, an id that is not a plain name or
    ///   is listed twice, and a file without any.
    public static func parse(_ data: Data, name: String) throws -> [ImageSetLine] {
        guard let text = String(data: data, encoding: .utf8) else { throw InputError(name, "is not UTF-8 text") }
        var result: [ImageSetLine] = []
        var seen: Set<String> = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard let first = words.first else { continue }
            let subject = "\(name):\(index + 1)"
            guard words.count <= 2 else {
                throw InputError(subject, "has \(words.count) words; a line is an image id, or an id and a label")
            }
            let id = String(first)
            try requireFileName(id, subject: subject, what: "image id")
            guard seen.insert(id).inserted else { throw InputError(subject, "the image \(id) is listed twice") }
            result.append(
                ImageSetLine(id: id, label: words.count == 2 ? String(words[1]) : nil, number: index + 1))
        }
        guard !result.isEmpty else { throw InputError(name, "lists no image") }
        return result
    }
}
