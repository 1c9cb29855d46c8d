internal import Datasets
internal import Support
internal import VOCData

/// What `--data DIR` means: a VOC devkit, or a folder of images.
enum DataSource {
    /// - Parameter set: The image set of a devkit; ignored for other data.
    /// - Throws: `InputError` when the folder is neither.
    static func open(_ path: String, set: String = "trainval", limit: Int? = nil) throws -> any ImageCollection {
        let isDevkit = Files.isFolder(path) && ((try? Devkit(path)) != nil)
        let images: any ImageCollection = isDevkit ? try VOCImages(Devkit(path), set: set) : try ImageFolder(path: path)
        return limit == nil ? images : images.limited(to: limit)
    }
}
