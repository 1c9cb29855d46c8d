public import Foundation
internal import Support

/// One image file, without label.
public struct SingleImage: ImageCollection {
    public let classes: [String] = []
    public let count = 1
    /// The file's folder.
    public let source: String
    private let file: String

    public init(path: String) {
        let folder = path.parentFolder
        source = folder.isEmpty ? "." : folder
        file = path.fileName
    }

    public func name(_ i: Int) -> String { file }
    public func label(_ i: Int) -> Int? { nil }
    public func data(_ i: Int) throws -> Data { try Files.read(path(i)) }
}
