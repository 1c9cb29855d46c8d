/// Parts of a path, by its text alone: the file need not exist.
///
/// Foundation's own of a path of one character end the program (swift-foundation in Swift 6.3).
extension String {
    /// The last part: "b.jpg" of "a/b.jpg" and of "a/b.jpg/"; "/" of "/".
    public var fileName: String {
        let path = withoutEndingSlashes
        return path.lastIndex(of: "/").map { $0 == path.indices.last ? "/" : String(path[path.index(after: $0)...]) }
            ?? String(path)
    }

    /// All but the last part, without the slash before it: "a" of "a/b.jpg", "" of "b.jpg", "/" of "/a".
    public var parentFolder: String {
        let path = withoutEndingSlashes
        guard let slash = path.lastIndex(of: "/") else { return "" }
        let parent = String(path[..<slash]).withoutEndingSlashes
        return parent.isEmpty ? "/" : String(parent)
    }

    /// What follows the last point of the file name, as it is written; empty for ".hidden" and for names without.
    public var fileExtension: String { extensionStart.map { String(fileName[fileName.index(after: $0)...]) } ?? "" }

    /// The file name up to the point of its extension: "b" of "a/b.jpg".
    public var fileStem: String { extensionStart.map { String(fileName[..<$0]) } ?? fileName }

    /// Whether the name is that of a JPEG or PNG file, in any case.
    public var hasImageExtension: Bool { ["jpg", "jpeg", "png"].contains(fileExtension.lowercased()) }

    private var extensionStart: String.Index? {
        let name = fileName
        guard let point = name.lastIndex(of: "."), point > name.startIndex, name.index(after: point) < name.endIndex
        else { return nil }
        return point
    }

    /// A path of slashes alone keeps one.
    private var withoutEndingSlashes: Substring {
        var path = self[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        return path
    }
}
