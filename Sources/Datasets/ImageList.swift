public import Foundation
internal import Support

/// Images named by a text file, one a line: `PATH` or `PATH LABEL`, the label a whole number or a class name.
///
/// Paths are relative to the folder of the list; `#` at the start of a line makes a comment. Either every line has a
/// label or none. Images keep the order of the list. Blanks at either end of a line are no part of it.
public struct ImageList: ImageCollection {
    public let source: String
    public let classes: [String]
    private let folder: String
    private let names: PackedNames
    /// Empty without labels.
    private let labels: [Int32]

    /// - Throws: `InputError` naming the list and the line.
    public init(path: String) throws { try self.init(Files.read(path), path: path) }

    /// The same for bytes; `path` names the list in errors, and its folder is where images lie.
    public init(_ bytes: Data, path: String) throws {
        var names = PackedNames()
        var texts: [Substring] = []
        for line in try TextFile.lines(bytes, name: path, escapes: true) {
            let (number, line) = (line.number, line.text[...])
            if line.isEmpty || line.hasPrefix("#") { continue }
            // The label is the last word behind an image's name, which may hold spaces itself.
            let last = line.lastIndex(where: \.isWhitespace)
            let hasLabel = last.map { !ImageListing.isImage(line[line.index(after: $0)...]) } ?? false
            let file = hasLabel ? TextFile.trimmed(line[..<last!])[...] : line
            guard ImageListing.isImage(file) else {
                throw InputError(
                    path, "line \(number) names no image (\(file.prefix(80)))",
                    remedy: "list .jpg, .jpeg or .png files, each with a label or none with one")
            }
            names.append(file)
            if hasLabel { texts.append(line[line.index(after: last!)...]) }
            guard texts.isEmpty || texts.count == names.count else {
                throw InputError(
                    path, "line \(number) \(hasLabel ? "has a label, lines before it have none" : "has no label")",
                    remedy: "label every image or none")
            }
        }
        guard names.count > 0 else { throw InputError(path, "lists no images", remedy: "give one path a line") }
        source = path
        let parent = path.parentFolder
        folder = parent.isEmpty ? "." : parent
        self.names = names
        (classes, labels) = try Self.classes(texts, path)
    }

    /// Numbers stand for themselves, so that lists of train and test agree; names are sorted.
    private static func classes(_ texts: [Substring], _ path: String) throws -> ([String], [Int32]) {
        if texts.isEmpty { return ([], []) }
        let numbers = texts.compactMap { Int32($0) }
        if numbers.count == texts.count {
            guard let low = numbers.min(), let high = numbers.max(), low >= 0, high < 1_000_000 else {
                throw InputError(path, "has a label below 0 or above 999,999", remedy: "count classes from 0")
            }
            return ((0...high).map { String($0) }, numbers)
        }
        let names = Set(texts).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let positions = Dictionary(uniqueKeysWithValues: zip(names, (0 as Int32)...))
        return (names.map { String($0) }, texts.map { positions[$0]! })
    }

    public var count: Int { names.count }
    public func name(_ i: Int) -> String { names[i] }
    public func label(_ i: Int) -> Int? { labels.isEmpty ? nil : Int(labels[i]) }
    public func path(_ i: Int) -> String { names[i].hasPrefix("/") ? names[i] : "\(folder)/\(names[i])" }
    public func data(_ i: Int) throws -> Data { try Files.read(path(i)) }
}
