public import Datasets
public import Foundation
internal import Support

/// The images of a VOC image set as an unlabelled collection, in the order of the set.
public struct VOCImages: ImageCollection {
    public let devkit: Devkit
    public let ids: [String]
    private let paths: [String]

    /// - Throws: `InputError` for the set, and naming the first image that is missing.
    public init(_ devkit: Devkit, set: String) throws {
        self.devkit = devkit
        ids = try devkit.imageSet(set)
        paths = ids.map(devkit.imagePath)
        if let missing = paths.first(where: { !Files.exists($0) }) {
            throw InputError(
                missing, "the image set \"\(set)\" names this image, which does not exist",
                remedy: "complete the devkit or take the image out of the set")
        }
    }

    public var count: Int { ids.count }
    public var classes: [String] { [] }
    /// The file name, with its extension.
    public func name(_ i: Int) -> String { paths[i].fileName }
    public func label(_ i: Int) -> Int? { nil }
    public func data(_ i: Int) throws -> Data { try Files.read(paths[i]) }
    public var source: String { devkit.imageFolder }
}
