public import Foundation
internal import Support

extension Annotation {
    /// Files longer than this are refused unread: official annotations stay under 30 kB.
    public static let maximumFileSize = 8 << 20

    /// Reads one VOC annotation file.
    ///
    /// - Throws: `InputError` naming the file and what is wrong in it (and the object and field, where it is one).
    public static func read(_ path: String) throws -> Annotation {
        try AnnotationParser().parse(BoundedFile.read(path, limit: maximumFileSize), file: path)
    }

    /// Parses the bytes of a VOC annotation; `name` stands for the file in errors.
    public static func parse(_ data: Data, name: String) throws -> Annotation {
        guard data.count <= maximumFileSize else {
            throw InputError(
                name, "is \(data.count) bytes long; at most \(maximumFileSize) are accepted for such a file")
        }
        return try AnnotationParser().parse([UInt8](data), file: name)
    }
}
