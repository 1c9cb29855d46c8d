public import Foundation
internal import Support

#if canImport(Glibc)
internal import Glibc
#endif

/// The JPEG and PNG files of a folder: `DIR/<class>/…/*.jpg`, the class folders sorted by name, or a flat folder
/// without labels.
public struct ImageFolder: ImageCollection {
    public let source: String
    public let classes: [String]
    private let names: PackedNames
    /// The first image of each class, then the number of images; the images of a class stand together.
    private let classStarts: [Int]

    /// Lists the folder.
    ///
    /// - Throws: `InputError` when the folder is missing, holds no images, mixes images with folders, holds a class
    ///   without images, or holds only the splits `train`, `val`, `test`.
    public init(path: String) throws {
        guard Files.exists(path) else { throw InputError(path, "does not exist", remedy: "check the path") }
        guard Files.isFolder(path) else { throw InputError(path, "is not a folder", remedy: "give an image folder") }
        let entries = try Files.list(path)
        let images = entries.filter(Self.isImage)
        let folders = entries.filter { !Self.isImage($0) && Files.isFolder("\(path)/\($0)") }
        guard !images.isEmpty || !folders.isEmpty else {
            throw InputError(
                path, "holds no images", remedy: "give a folder of .jpg, .jpeg or .png files, or of class folders")
        }
        guard images.isEmpty || folders.isEmpty else {
            throw InputError(
                path, "holds both images and folders (\(images[0]), \(folders[0]), …)",
                remedy: "give a folder of class folders, or one of images alone")
        }
        if let split = folders.first, folders.allSatisfy(Self.splits.contains) {
            throw InputError(
                path, "holds the splits \(folders.joined(separator: ", ")), not classes",
                remedy: "name one of them, as \(path)/\(split)")
        }
        var names = PackedNames()
        var starts: [Int] = []
        for image in images { names.append(image) }
        for folder in folders {
            starts.append(names.count)
            var visited: Set<FolderIdentity> = []
            try Self.collect("\(path)/\(folder)", prefix: "", into: &names, visited: &visited)
            guard names.count > starts[starts.count - 1] else {
                throw InputError(
                    "\(path)/\(folder)", "is a class folder without images", remedy: "fill it or remove it")
            }
        }
        source = path
        classes = folders
        self.names = names
        classStarts = folders.isEmpty ? [] : starts + [names.count]
    }

    public var count: Int { names.count }

    public func name(_ i: Int) -> String {
        guard let label = label(i) else { return names[i] }
        return "\(classes[label])/\(names[i])"
    }

    public func label(_ i: Int) -> Int? {
        precondition(i >= 0 && i < count, "image \(i) of \(count)")
        if classStarts.isEmpty { return nil }
        // The last class that starts at or before i.
        var low = 0
        var high = classes.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if classStarts[middle] <= i { low = middle } else { high = middle }
        }
        return low
    }

    public func data(_ i: Int) throws -> Data { try Files.read(path(i)) }

    private static let splits: Set<String> = ["train", "training", "val", "valid", "validation", "test", "testing"]

    private static func isImage(_ name: String) -> Bool {
        switch (name as NSString).pathExtension.lowercased() {
        case "jpg", "jpeg", "png": true
        default: false
        }
    }

    /// A folder as the file system knows it, whatever links lead to it.
    private struct FolderIdentity: Hashable {
        var device: UInt
        var inode: UInt
    }

    /// Adds the images under a folder; a folder met a second time, through a symbolic link, is passed over.
    private static func collect(
        _ folder: String, prefix: String, into names: inout PackedNames, visited: inout Set<FolderIdentity>
    ) throws {
        var status = stat()
        guard stat(folder, &status) == 0 else { throw Files.systemError(folder, "cannot be read") }
        guard visited.insert(FolderIdentity(device: UInt(status.st_dev), inode: UInt(status.st_ino))).inserted else {
            return
        }
        for entry in try Files.list(folder) {
            if isImage(entry) {
                names.append(prefix + entry)
            } else if Files.isFolder("\(folder)/\(entry)") {
                try collect("\(folder)/\(entry)", prefix: "\(prefix)\(entry)/", into: &names, visited: &visited)
            }
        }
    }
}

/// Strings one after the other in one buffer: a million file names in some 30 MB.
struct PackedNames: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    var count: Int { ends.count }

    mutating func append(_ name: String) {
        bytes += name.utf8
        ends.append(bytes.count)
    }

    subscript(i: Int) -> String {
        String(decoding: bytes[(i == 0 ? 0 : ends[i - 1])..<ends[i]], as: UTF8.self)
    }
}
