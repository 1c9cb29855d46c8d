public import Datasets
public import Foundation
internal import Support

/// The images of image sets as an unlabelled collection, in their order.
public struct VOCImages: ImageCollection {
    public let ids: [String]
    public let source: String
    private let paths: [String]
    private let names: [String]

    /// - Throws: `InputError` for the set, and naming the first image that is missing.
    public init(_ devkit: Devkit, set: String) throws {
        let images = try devkit.imageSet(set).map { id in
            let path = devkit.imagePath(id)
            guard Files.exists(path) else {
                throw InputError(
                    path, "the image set \"\(set)\" names this image, which does not exist",
                    remedy: "complete the devkit or take the image out of the set")
            }
            return SetImage(id: id, image: path, annotation: nil)
        }
        self.init(images, source: devkit.imageFolder)
    }

    /// - Parameter images: those without a file are left out.
    public init(_ images: [SetImage], source: String) {
        let images = images.filter { $0.image != nil }
        ids = images.map(\.id)
        paths = images.compactMap(\.image)
        // Files of different folders may have one name; their ids differ.
        names = zip(ids, paths).map { id, path in id.contains("/") ? "\(id).\(path.fileExtension)" : path.fileName }
        self.source = source
    }

    public var count: Int { ids.count }
    public var classes: [String] { [] }
    /// The file name, with its extension.
    public func name(_ i: Int) -> String { names[i] }
    public func label(_ i: Int) -> Int? { nil }
    public func data(_ i: Int) throws -> Data { try Files.read(paths[i]) }
    public func path(_ i: Int) -> String { paths[i] }
}
