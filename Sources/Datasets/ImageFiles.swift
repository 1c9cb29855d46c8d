public import Foundation
internal import Support

/// Single image files, without labels; their names are their paths.
public struct ImageFiles: ImageCollection {
    public let paths: [String]
    public let classes: [String] = []
    public let source = "the images given"

    public init(_ paths: [String]) { self.paths = paths }

    public var count: Int { paths.count }
    public func name(_ i: Int) -> String { paths[i] }
    public func label(_ i: Int) -> Int? { nil }
    public func path(_ i: Int) -> String { paths[i] }
    public func data(_ i: Int) throws -> Data { try Files.read(paths[i]) }
}
