/// Parts of a path, by its text alone: the file need not exist.
///
/// Foundation's own of a path of one character end the program (swift-foundation in Swift 6.3).
extension String {
    /// The last part: "b.jpg" of "a/b.jpg" and of "a/b.jpg/"; "/" of "/".
    public var fileName: String { String(lastPart) }

    /// All but the last part, without the slash before it: "a" of "a/b.jpg", "" of "b.jpg", "/" of "/a".
    public var parentFolder: String {
        let path = self[...].withoutEndingSlashes
        guard let slash = path.utf8.lastIndex(of: .slash) else { return "" }
        let parent = path[..<slash].withoutEndingSlashes
        return parent.isEmpty ? "/" : String(parent)
    }

    /// What follows the last point of the file name, as it is written; empty for ".hidden" and for names without.
    public var fileExtension: String {
        let name = lastPart
        return name.extensionStart.map { String(name[name.utf8.index(after: $0)...]) } ?? ""
    }

    /// The file name up to the point of its extension: "b" of "a/b.jpg".
    public var fileStem: String {
        let name = lastPart
        return String(name.extensionStart.map { name[..<$0] } ?? name)
    }

    /// Whether the name is that of a JPEG or PNG file, in any case.
    public var hasImageExtension: Bool { ["jpg", "jpeg", "png"].contains(fileExtension.lowercased()) }

    private var lastPart: Substring {
        let path = self[...].withoutEndingSlashes
        guard let slash = path.utf8.lastIndex(of: .slash) else { return path }
        let name = path[path.utf8.index(after: slash)...]
        return name.isEmpty ? "/" : name
    }
}

/// By bytes: a path is bytes to the system, and characters of thousands of names cost a tenth of a second.
extension Substring {
    /// A path of slashes alone keeps one.
    fileprivate var withoutEndingSlashes: Substring {
        var path = utf8
        while path.last == .slash, path.dropFirst().first != nil { path.removeLast() }
        return Substring(path)
    }

    /// Of a file name.
    fileprivate var extensionStart: Index? {
        guard let point = utf8.lastIndex(of: .point), point > startIndex, utf8.index(after: point) < endIndex
        else { return nil }
        return point
    }
}

extension UInt8 {
    fileprivate static let slash = UInt8(ascii: "/")
    fileprivate static let point = UInt8(ascii: ".")
}
