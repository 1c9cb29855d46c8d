import Datasets
import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ListingCacheTests {
    private func cache(_ folder: TemporaryFolder) -> ListingCache {
        var cache = ListingCache(folder: "\(folder.path)/cache")
        cache.minimumCount = 1
        return cache
    }

    /// Makes a folder look as if it had last changed long ago, as those of real data sets do.
    private func age(_ path: String) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)], ofItemAtPath: path)
    }

    private func stored(_ folder: TemporaryFolder) -> [String] { (try? Files.list("\(folder.path)/cache")) ?? [] }

    private func images() throws -> (folder: TemporaryFolder, path: String) {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/images"
        for name in ["cat/1.jpg", "cat/in/2.jpg", "dog/3.jpg"] { try folder.writeImage("images/\(name)", level: 1) }
        for part in ["/cat/in", "/cat", "/dog", ""] { try age(path + part) }
        return (folder, path)
    }

    private func names(_ images: some ImageCollection) -> [String] { (0..<images.count).map(images.name) }

    @Test func aListingIsReadBack() throws {
        let (folder, path) = try images()
        let first = try ImageFolder(path: path, cache: cache(folder))
        #expect(stored(folder).count == 1)
        // Taken away with the folder's time put back: only the cache can still know the name.
        try FileManager.default.removeItem(atPath: "\(path)/cat/in/2.jpg")
        try age("\(path)/cat/in")
        let second = try ImageFolder(path: path, cache: cache(folder))
        #expect(names(second) == ["cat/1.jpg", "cat/in/2.jpg", "dog/3.jpg"] && names(first) == names(second))
        #expect(second.classes == ["cat", "dog"] && second.label(2) == 1)
    }

    @Test func aChangedFolderIsListedAnew() throws {
        let (folder, path) = try images()
        _ = try ImageFolder(path: path, cache: cache(folder))
        try folder.writeImage("images/cat/in/4.jpg", level: 1)
        #expect(
            names(try ImageFolder(path: path, cache: cache(folder))) == [
                "cat/1.jpg", "cat/in/2.jpg", "cat/in/4.jpg", "dog/3.jpg",
            ])
    }

    @Test func aFolderThatHasJustChangedIsNotKept() throws {
        let (folder, path) = try images()
        try folder.writeImage("images/dog/4.jpg", level: 1)
        _ = try ImageFolder(path: path, cache: cache(folder))
        #expect(stored(folder).isEmpty)
    }

    @Test func aDamagedCacheIsNotUsed() throws {
        let (folder, path) = try images()
        let expected = names(try ImageFolder(path: path, cache: cache(folder)))
        let file = "\(folder.path)/cache/\(try #require(stored(folder).first))"
        let bytes = try Files.read(file)
        for position in stride(from: 0, to: bytes.count, by: 29) {
            var damaged = bytes
            damaged[damaged.startIndex + position] ^= 0x41
            try Files.writeAtomically(damaged, to: file)
            #expect(names(try ImageFolder(path: path, cache: cache(folder))) == expected)
            try Files.writeAtomically(bytes.prefix(position), to: file)
            #expect(names(try ImageFolder(path: path, cache: cache(folder))) == expected)
        }
    }

    @Test func smallListingsAreNotWorthAFile() throws {
        let (folder, path) = try images()
        _ = try ImageFolder(path: path, cache: ListingCache(folder: "\(folder.path)/cache"))
        #expect(stored(folder).isEmpty)
    }

    @Test func anArchiveIsIndexedOnce() throws {
        let (folder, _) = try images()
        let archive = "\(folder.path)/a.tar"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments = ["-C", folder.path, "-cf", archive, "images"]
        try process.run()
        process.waitUntilExit()
        try age(archive)
        let first = try TarImages(path: archive, cache: cache(folder))
        #expect(stored(folder).count == 1)
        let second = try TarImages(path: archive, cache: cache(folder))
        #expect(names(second) == names(first) && names(first).count == 3)
        for i in 0..<3 { #expect(try first.data(i) == second.data(i)) }
    }
}
