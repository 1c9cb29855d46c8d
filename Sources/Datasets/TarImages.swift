public import Foundation
internal import Glibc
internal import Support

/// The JPEG and PNG files inside an uncompressed `.tar` of an image folder, read in place: the archive is indexed once
/// and its members are then fetched by position.
///
/// Folders that all images share are passed over, so `./train/cat/1.jpg` and `cat/1.jpg` mean the same. What is left is
/// read as an image folder: the first folder is the class. Order and names are those of the unpacked folder.
public struct TarImages: ImageCollection {
    public let source: String
    private let listing: ImageListing
    /// Where member i begins at 2·i, its length at 2·i + 1.
    private let places: [Int]
    private let file: OpenFile

    /// Indexes the archive, or takes the index of a large one from the cache if the file has not changed since.
    ///
    /// - Parameter part: A folder at the top of the archive, such as "train", when it holds several.
    /// - Throws: `InputError` naming the archive when it is damaged, compressed, or holds no images.
    public init(path: String, part: String? = nil, cache: ListingCache? = .standard) throws {
        source = path
        file = try OpenFile(path)
        // A part of an archive is too seldom asked for to be kept.
        if part == nil, let known = cache?.archive(path) {
            (listing, places) = known
            return
        }
        (listing, places) = try Self.index(try TarReader(file).images(), part: part, path)
        if part == nil { cache?.store(listing, offsets: places, ofArchive: path) }
    }

    /// An archive that is in memory.
    ///
    /// - Throws: `InputError` naming the path when it is damaged, compressed, or holds no images.
    public init(_ archive: Data, path: String) throws {
        source = path
        file = OpenFile(archive, path: path)
        (listing, places) = try Self.index(try TarReader(file).images(), part: nil, path)
    }

    public var count: Int { listing.count }
    public var classes: [String] { listing.classes }
    public func name(_ i: Int) -> String { listing.name(i) }
    public func label(_ i: Int) -> Int? { listing.label(i) }
    public var notes: [String] { listing.notes }
    public func data(_ i: Int) throws -> Data { try file.read(at: places[2 * i], count: places[2 * i + 1]) }

    private static func index(_ members: TarReader.Members, part: String?, _ path: String) throws
        -> (ImageListing, [Int])
    {
        var members = members
        if let part {
            members.keep { $0.split(separator: "/").contains { $0 == part } }
            guard members.names.count > 0 else {
                throw InputError(path, "has no images in a folder \(part)", remedy: "name a folder that it holds")
            }
        }
        let names = members.names
        guard names.count > 0 else {
            throw InputError(path, "holds no images", remedy: "give a .tar of .jpg, .jpeg or .png files")
        }
        // As a folder lists them: a name ends before its folder's other entries go on.
        let order = (0..<names.count).sorted { a, b in
            names.utf8(a).lazy.map { $0 == slash ? 0 : $0 }.lexicographicallyPrecedes(
                names.utf8(b).lazy.map { $0 == slash ? 0 : $0 })
        }
        let shared = sharedFolders(names)
        var listing = ImageListing()
        listing.notes = members.passedOver.notes(in: path) + members.notes
        var places: [Int] = []
        places.reserveCapacity(2 * order.count)
        for i in order {
            var rest = names[i].split(separator: "/").dropFirst(shared)
            if rest.count > 1 {
                let name = rest.removeFirst()
                if listing.classes.last.map({ $0 != name }) ?? true {
                    listing.classes.append(String(name))
                    listing.classStarts.append(listing.count)
                }
            } else if !listing.classes.isEmpty {
                throw InputError(
                    path, "holds both images and folders (\(names[i]), \(listing.classes[0]))",
                    remedy: "pack class folders, or images alone")
            }
            listing.names.append(rest.joined(separator: "/"))
            places += [members.places[2 * i], members.places[2 * i + 1]]
        }
        if let start = listing.classStarts.first, start > 0 {
            throw InputError(
                path, "holds both images and folders (\(listing.names[0]), \(listing.classes[0]))",
                remedy: "pack class folders, or images alone")
        }
        if let split = listing.classes.first, listing.classes.allSatisfy(ImageListing.splits.contains) {
            throw InputError(
                path, "holds the splits \(listing.classes.joined(separator: ", ")), not classes",
                remedy: "name one of them as the set, such as \(split)")
        }
        return (listing, places)
    }

    private static let slash = UInt8(ascii: "/")

    /// Number of leading folders that all names share.
    private static func sharedFolders(_ names: PackedNames) -> Int {
        var shared = names[0].split(separator: "/").dropLast().map(String.init)
        for i in 1..<max(1, names.count) where !shared.isEmpty {
            let folders = names[i].split(separator: "/").dropLast()
            shared = Array(zip(shared, folders).prefix { $0 == $1 }.map(\.0))
        }
        return shared.count
    }
}

/// A file that several threads read from at positions of their own.
final class OpenFile: Sendable {
    let path: String
    let size: Int
    private let contents: Contents

    private enum Contents {
        case file(descriptor: Int32)
        case bytes(Data)
    }

    init(_ path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be read") }
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw InputError(path, "is not a regular file", remedy: "give the path of a file")
        }
        size = Int(status.st_size)
        contents = .file(descriptor: descriptor)
    }

    /// A file that is in memory.
    init(_ bytes: Data, path: String) {
        self.path = path
        size = bytes.count
        contents = .bytes(bytes)
    }

    deinit {
        if case .file(let descriptor) = contents { close(descriptor) }
    }

    /// Exactly `count` bytes from a position; throws when the file ends before.
    func read(at position: Int, count: Int) throws -> Data {
        guard position >= 0, count >= 0, position <= size, count <= size - position else {
            throw InputError(path, "ends at byte \(size), before a member does", remedy: "make the archive again")
        }
        switch contents {
        case .file(let descriptor): return try read(descriptor, at: position, count: count)
        case .bytes(let data):
            let start = data.startIndex + position
            return Data(data[start..<start + count])
        }
    }

    private func read(_ descriptor: Int32, at position: Int, count: Int) throws -> Data {
        var data = Data(count: count)
        var done = 0
        while done < count {
            let got = data.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + done, count - done, off_t(position + done))
            }
            if got < 0, errno == EINTR { continue }
            if got < 0 { throw Files.systemError(path, "cannot be read") }
            if got == 0 { throw InputError(path, "has become shorter", remedy: "make the archive again") }
            done += got
        }
        return data
    }
}
