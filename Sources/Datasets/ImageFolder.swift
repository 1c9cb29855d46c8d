public import Foundation
internal import Glibc
internal import Support

/// The JPEG and PNG files of a folder: `DIR/<class>/…/*.jpg`, the class folders sorted by name, or a flat folder
/// without labels.
public struct ImageFolder: ImageCollection {
    public let source: String
    private let listing: ImageListing

    /// Lists the folder; a large one from the cache if it has not changed since.
    ///
    /// - Parameter cache: Where listings are kept; nil for nowhere.
    /// - Throws: `InputError` when the folder is missing, holds no images, mixes images with folders, holds a class
    ///   without images, or holds only the splits `train`, `val`, `test`.
    public init(path: String, cache: ListingCache? = .standard) throws {
        guard Files.exists(path) else { throw InputError(path, "does not exist", remedy: "check the path") }
        guard Files.isFolder(path) else { throw InputError(path, "is not a folder", remedy: "give an image folder") }
        source = path
        if let known = cache?.folder(path) {
            listing = known
            return
        }
        var reader = FolderReader()
        listing = try reader.read(path)
        cache?.store(listing, of: path, folders: reader.folders)
    }

    public var count: Int { listing.count }
    public var classes: [String] { listing.classes }
    public func name(_ i: Int) -> String { listing.name(i) }
    public func label(_ i: Int) -> Int? { listing.label(i) }
    public func data(_ i: Int) throws -> Data { try Files.read(path(i)) }
    public var notes: [String] { listing.notes }
}

/// A folder that was listed, as it was then: an entry that is added, removed or renamed changes it.
struct FolderState: Hashable, Sendable {
    var path: String
    var device: UInt64
    var inode: UInt64
    /// Last change in nanoseconds since 1970.
    var changed: Int64

    init(path: String, device: UInt64, inode: UInt64, changed: Int64) {
        self.path = path
        self.device = device
        self.inode = inode
        self.changed = changed
    }

    /// The folder as it is now; nil when it cannot be looked at.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(
            path: path, device: UInt64(status.st_dev), inode: UInt64(status.st_ino),
            changed: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
    }
}

/// Walks an image folder and remembers every folder it has looked into.
private struct FolderReader {
    private(set) var folders: [FolderState] = []
    private var passedOver = PassedOver()

    mutating func read(_ path: String) throws -> ImageListing {
        let entries = try list(path)
        let images = entries.filter(ImageListing.isImage)
        let others = entries.filter { !ImageListing.isImage($0) }
        let folders = others.filter { Files.isFolder("\(path)/\($0)") }
        let isFolder = Set(folders)
        for other in others where !isFolder.contains(other) { passedOver.add(.otherFiles, other) }
        guard !images.isEmpty || !folders.isEmpty else {
            throw InputError(
                path, "holds no images", remedy: "give a folder of .jpg, .jpeg or .png files, or of class folders")
        }
        guard images.isEmpty || folders.isEmpty else {
            throw InputError(
                path, "holds both images and folders (\(images[0]), \(folders[0]), …)",
                remedy: "give a folder of class folders, or one of images alone")
        }
        if let split = folders.first, folders.allSatisfy(ImageListing.splits.contains) {
            throw InputError(
                path, "holds the splits \(folders.joined(separator: ", ")), not classes",
                remedy: "name one of them, as \(path)/\(split)")
        }
        var listing = ImageListing()
        for image in images { listing.names.append(image) }
        for folder in folders {
            listing.classStarts.append(listing.count)
            let before = listing.count
            var visited: Set<[UInt64]> = []
            try collect("\(path)/\(folder)", prefix: "", into: &listing.names, visited: &visited)
            guard listing.count > before else {
                throw InputError(
                    "\(path)/\(folder)", "is a class folder without images", remedy: "fill it or remove it")
            }
        }
        listing.classes = folders
        listing.notes = passedOver.notes(in: path)
        return listing
    }

    /// Adds the images under a folder; one met a second time, through a symbolic link, is passed over.
    private mutating func collect(
        _ folder: String, prefix: String, into names: inout PackedNames, visited: inout Set<[UInt64]>
    ) throws {
        let entries = try list(folder)
        guard let state = folders.last, visited.insert([state.device, state.inode]).inserted else {
            return passedOver.add(.repeatedFolders, folder)
        }
        for entry in entries {
            if ImageListing.isImage(entry) {
                names.append(prefix + entry)
            } else if Files.isFolder("\(folder)/\(entry)") {
                try collect("\(folder)/\(entry)", prefix: "\(prefix)\(entry)/", into: &names, visited: &visited)
            } else {
                passedOver.add(.otherFiles, "\(folder)/\(entry)")
            }
        }
    }

    private mutating func list(_ folder: String) throws -> [String] {
        // Looked at first: a change while the folder is being read must show afterwards.
        guard let state = FolderState(folder) else { throw Files.systemError(folder, "cannot be read") }
        folders.append(state)
        return try Files.list(folder)
    }
}
