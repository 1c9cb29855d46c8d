internal import Foundation
internal import Glibc
internal import Support

/// Keeps the listings of large data sets between runs, in files that are used only while what they list is unchanged.
///
/// A listing of a folder is as good as the modification times of all folders under it: adding, removing or renaming an
/// entry changes one of them. Whatever goes wrong with the cache only costs its use.
public struct ListingCache: Sendable {
    /// Smaller listings are made anew faster than they are read back.
    public var minimumCount = 10_000
    private let folder: String

    public init(folder: String) { self.folder = folder }

    /// `$XDG_CACHE_HOME/detect`, else `~/.cache/detect`; nil where there is no home.
    public static let standard: ListingCache? = {
        let environment = ProcessInfo.processInfo.environment
        if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
            return ListingCache(folder: cache + "/detect")
        }
        return environment["HOME"].flatMap { $0.hasPrefix("/") ? ListingCache(folder: $0 + "/.cache/detect") : nil }
    }()

    /// The stored listing of a folder, if all its folders are as they were.
    func folder(_ path: String) -> ImageListing? {
        guard let stored = read(path), !stored.folders.isEmpty,
            stored.folders.allSatisfy({ FolderState($0.path) == $0 })
        else { return nil }
        return stored.listing
    }

    /// Stores a listing, unless a folder changed so lately that a further change might not show in its time.
    func store(_ listing: ImageListing, of path: String, folders: [FolderState]) {
        let now = Int64(Date().timeIntervalSince1970 * 1e9)
        guard listing.count >= minimumCount, folders.allSatisfy({ now - $0.changed > Self.settled }) else { return }
        write(Stored(listing: listing, folders: folders, numbers: []), path)
    }

    /// The stored listing of a file with one number an image, if the file is as it was.
    func archive(_ path: String) -> (listing: ImageListing, offsets: [Int])? {
        guard let stored = read(path), let state = stored.folders.first, FolderState(path) == state,
            stored.numbers.count == 2 * stored.listing.count
        else { return nil }
        return (stored.listing, stored.numbers)
    }

    func store(_ listing: ImageListing, offsets: [Int], ofArchive path: String) {
        guard listing.count >= minimumCount, let state = FolderState(path),
            Int64(Date().timeIntervalSince1970 * 1e9) - state.changed > Self.settled
        else { return }
        write(Stored(listing: listing, folders: [state], numbers: offsets), path)
    }

    /// Two seconds: coarser clocks of file systems than that are rare.
    private static let settled: Int64 = 2_000_000_000

    // MARK: Files

    private struct Stored {
        var listing: ImageListing
        var folders: [FolderState]
        var numbers: [Int]
    }

    private static let magic = Array("detect-listing-2".utf8)

    private func file(_ path: String) -> String {
        let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
        return "\(folder)/\(SHA256.hex(Data(absolute.utf8))).listing"
    }

    private func write(_ stored: Stored, _ path: String) {
        var payload = ListWriter()
        payload.strings(stored.listing.classes)
        payload.integers(stored.listing.classStarts)
        payload.integers(stored.listing.names.ends)
        payload.bytes(stored.listing.names.bytes)
        payload.strings(stored.folders.map(\.path))
        payload.integers(
            stored.folders.flatMap {
                [Int(bitPattern: UInt($0.device)), Int(bitPattern: UInt($0.inode)), Int($0.changed)]
            })
        payload.integers(stored.numbers)
        payload.strings(stored.listing.notes)
        let digest = SHA256.hex(payload.data)
        try? Files.makeFolder(folder)
        try? Files.writeAtomically(Data(Self.magic + digest.utf8) + payload.data, to: file(path))
    }

    private func read(_ path: String) -> Stored? {
        guard Files.exists(file(path)), let data = try? Files.read(file(path)), data.starts(with: Self.magic) else {
            return nil
        }
        let payload = data.dropFirst(Self.magic.count + 64)
        guard data.dropFirst(Self.magic.count).prefix(64).elementsEqual(SHA256.hex(Data(payload)).utf8) else {
            return nil
        }
        var reader = ListReader(rest: payload)
        guard let classes = reader.strings(), let starts = reader.integers(), let ends = reader.integers(),
            let bytes = reader.bytes(), let paths = reader.strings(), let states = reader.integers(),
            let numbers = reader.integers(), let notes = reader.strings(),
            let names = PackedNames(bytes: bytes, ends: ends),
            states.count == 3 * paths.count, starts.count == classes.count
        else { return nil }
        let folders = paths.indices.map {
            FolderState(
                path: paths[$0], device: UInt64(UInt(bitPattern: states[3 * $0])),
                inode: UInt64(UInt(bitPattern: states[3 * $0 + 1])), changed: Int64(states[3 * $0 + 2]))
        }
        return Stored(
            listing: ImageListing(classes: classes, names: names, classStarts: starts, notes: notes), folders: folders,
            numbers: numbers)
    }
}

/// Lists of numbers and texts one after the other, each behind its length.
private struct ListWriter {
    var data = Data()

    mutating func integers(_ values: [Int]) {
        withUnsafeBytes(of: values.count) { data.append(contentsOf: $0) }
        values.withUnsafeBytes { data.append(contentsOf: $0) }
    }

    mutating func bytes(_ values: [UInt8]) {
        withUnsafeBytes(of: values.count) { data.append(contentsOf: $0) }
        data.append(contentsOf: values)
    }

    mutating func strings(_ values: [String]) {
        var names = PackedNames()
        for value in values { names.append(value) }
        integers(names.ends)
        bytes(names.bytes)
    }
}

/// Reads what `ListWriter` wrote; nil at the first thing that does not fit.
private struct ListReader {
    var rest: Data

    private mutating func take(_ count: Int) -> Data? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func count(of size: Int) -> Int? {
        guard let head = take(8) else { return nil }
        let count = head.withUnsafeBytes { $0.loadUnaligned(as: Int.self) }
        return count >= 0 && count <= rest.count / size ? count : nil
    }

    mutating func integers() -> [Int]? {
        guard let count = count(of: 8), let bytes = take(8 * count) else { return nil }
        return [Int](unsafeUninitializedCapacity: count) { buffer, filled in
            bytes.copyBytes(to: UnsafeMutableRawBufferPointer(buffer))
            filled = count
        }
    }

    mutating func bytes() -> [UInt8]? { count(of: 1).flatMap { take($0) }.map { [UInt8]($0) } }

    mutating func strings() -> [String]? {
        guard let ends = integers(), let bytes = bytes(), let names = PackedNames(bytes: bytes, ends: ends) else {
            return nil
        }
        return (0..<names.count).map { names[$0] }
    }
}
