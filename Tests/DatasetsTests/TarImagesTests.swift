import Datasets
import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct TarImagesTests {
    /// Packs with the system's tar, as users do.
    private func pack(_ folder: TemporaryFolder, _ members: [String], format: String = "gnu") throws -> String {
        let archive = "\(folder.path)/\(UUID()).tar"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments = ["-C", folder.path, "--format=\(format)", "-cf", archive] + members
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return archive
    }

    private func fill(_ folder: TemporaryFolder) throws {
        try folder.writeImage("images/dog/b.jpg", level: 1)
        try folder.writeImage("images/dog/a.JPEG", level: 2)
        try folder.writeImage("images/cat/deep/er/c.png", level: 3)
        // "cat" ends before "cat-like" goes on, although '-' comes before '/' in bytes.
        try folder.writeImage("images/cat-like/x.jpg", level: 5)
        try folder.writeImage("images/cat/z.jpg", level: 4)
        try folder.write(Data("x".utf8), "images/dog/notes.txt")
    }

    @Test(arguments: ["gnu", "ustar", "pax", "v7"]) func isReadLikeTheFolder(format: String) throws {
        let folder = try TemporaryFolder()
        try fill(folder)
        let unpacked = try ImageFolder(path: "\(folder.path)/images")
        let packed = try TarImages(path: try pack(folder, ["./images"], format: format))
        #expect(packed.classes == unpacked.classes && packed.count == 5)
        #expect(packed.classes == ["cat", "cat-like", "dog"])
        for i in 0..<packed.count {
            #expect(packed.name(i) == unpacked.name(i) && packed.label(i) == unpacked.label(i))
            #expect(try packed.data(i) == unpacked.data(i))
        }
        #expect(try packed.fingerprint == unpacked.fingerprint)
    }

    // Longer than the 100 characters of the oldest header, and than the 255 of ustar.
    @Test(arguments: [("gnu", 3), ("pax", 3), ("ustar", 1)]) func longNames(format: String, depth: Int) throws {
        let folder = try TemporaryFolder()
        let long = (0..<depth).map { "\($0)" + String(repeating: "x", count: 89) }.joined(separator: "/")
        try folder.writeImage("a/\(long)/1.jpg", level: 1)
        try folder.writeImage("b/2.jpg", level: 2)
        let images = try TarImages(path: try pack(folder, ["a", "b"], format: format))
        #expect((0..<2).map(images.name) == ["a/\(long)/1.jpg", "b/2.jpg"])
    }

    @Test func partsAndFlatArchives() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("set/train/cat/1.jpg", level: 1)
        try folder.writeImage("set/train/dog/2.jpg", level: 2)
        try folder.writeImage("set/val/cat/3.jpg", level: 3)
        let archive = try pack(folder, ["set"])
        let error = #expect(throws: InputError.self) { try TarImages(path: archive) }
        #expect(error?.problem == "holds the splits train, val, not classes")
        #expect(try TarImages(path: archive, part: "train").classes == ["cat", "dog"])
        let missing = #expect(throws: InputError.self) { try TarImages(path: archive, part: "test") }
        #expect(missing?.problem == "has no images in a folder test")
        let flat = try TarImages(path: archive, part: "val")
        #expect(flat.classes.isEmpty && flat.name(0) == "3.jpg" && flat.label(0) == nil)
    }

    /// Links lead to the images they name, of two members of one name the later one counts, and what else there is is named.
    @Test(arguments: ["gnu", "pax"]) func linksAndRepeatedMembers(format: String) throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("set/cat/1.jpg", level: 1)
        try folder.writeImage("set/dog/2.jpg", level: 2)
        let long = String(repeating: "y", count: 120)
        try folder.writeImage("set/dog/\(long).jpg", level: 3)
        let root = "\(folder.path)/set"
        try FileManager.default.linkItem(atPath: "\(root)/dog/2.jpg", toPath: "\(root)/cat/hard.jpg")
        for (name, target) in [
            ("cat/soft.jpg", "../dog/\(long).jpg"), ("cat/chain.jpg", "soft.jpg"), ("cat/lost.jpg", "none.jpg"),
            ("cat/out.jpg", "../../../x.jpg"), ("bird", "cat"),
        ] {
            try FileManager.default.createSymbolicLink(atPath: "\(root)/\(name)", withDestinationPath: target)
        }
        let archive = try pack(folder, ["set"], format: format)
        let images = try TarImages(path: archive)
        let names = ["cat/1.jpg", "cat/chain.jpg", "cat/hard.jpg", "cat/soft.jpg", "dog/2.jpg", "dog/\(long).jpg"]
        #expect((0..<images.count).map(images.name) == names)
        for (i, name) in names.enumerated() {
            #expect(try images.data(i) == Files.read("\(root)/\(name)"), "\(name)")
        }
        #expect(images.notes.count == 1)
        #expect(images.notes[0].hasPrefix("\(archive): passed over 3 links to nothing among the images (set/"))
        // The same name once more, behind.
        try folder.writeImage("set/cat/1.jpg", level: 9)
        try appendMembers(folder, ["set/cat/1.jpg"], to: archive)
        let later = try TarImages(path: archive)
        #expect(try later.count == 6 && later.data(0) == Files.read("\(root)/cat/1.jpg"))
        #expect(
            later.notes.contains { $0.contains("1 members that a later one of the same name replaces (set/cat/1.jpg)") }
        )
    }

    private func appendMembers(_ folder: TemporaryFolder, _ members: [String], to archive: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments = ["-C", folder.path, "-rf", archive] + members
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    @Test(arguments: ["gnu", "pax"]) func sparseMembersAndOtherFilesAreNamed(format: String) throws {
        let folder = try TemporaryFolder()
        try fill(folder)
        // Holes enough for the map of GNU's old kind to go on behind the header.
        let path = "\(folder.path)/images/cat/holes.jpg"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try #require(FileHandle(forWritingAtPath: path))
        for hole in 0..<30 {
            try file.seek(toOffset: UInt64(hole * 100_000))
            try file.write(contentsOf: Data("x".utf8))
        }
        try file.close()
        let archive = try pack(folder, ["--sparse", "images"], format: format)
        let images = try TarImages(path: archive)
        try #require(images.count == 5)
        for i in 0..<5 { #expect(try images.data(i) == Files.read("\(folder.path)/images/\(images.name(i))")) }
        #expect(
            images.notes == [
                "\(archive): passed over 1 files that are no .jpg, .jpeg or .png (images/dog/notes.txt)",
                "\(archive): passed over 1 sparse members (images/cat/holes.jpg)",
            ])
    }

    @Test func whatFollowsTheEndIsNamed() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("a/1.jpg", level: 1)
        try folder.writeImage("a/2.jpg", level: 2)
        let (first, second) = (try pack(folder, ["a/1.jpg"]), try pack(folder, ["a/2.jpg"]))
        #expect(try TarImages(path: first).notes.isEmpty)
        try folder.write(Files.read(first) + Files.read(second), "both.tar")
        let notes = try TarImages(path: "\(folder.path)/both.tar").notes
        #expect(notes.count == 1 && notes[0].contains("bytes behind the end of the archive"))
        let member = try Files.read("\(folder.path)/a/1.jpg").count
        try folder.write(Files.read(first).prefix(512 + (member + 511) / 512 * 512), "cut.tar")
        #expect(try TarImages(path: "\(folder.path)/cut.tar").notes.map { $0.contains("has no end mark") } == [true])
    }

    private func error(_ bytes: Data) throws -> InputError? {
        let folder = try TemporaryFolder()
        try folder.write(bytes, "bad.tar")
        let error = #expect(throws: InputError.self) { try TarImages(path: "\(folder.path)/bad.tar") }
        #expect(error?.subject == "\(folder.path)/bad.tar")
        return error
    }

    @Test func damagedArchives() throws {
        let folder = try TemporaryFolder()
        try fill(folder)
        let whole = try Files.read(try pack(folder, ["images"]))
        #expect(try error(Data())?.problem == "is too short for a tar archive")
        #expect(try error(Data(repeating: 7, count: 4096))?.problem == "is not a tar archive, or a compressed one")
        #expect(try error(Data(repeating: 0, count: 4096))?.problem == "holds no images")
        // Cut inside the first image.
        let first = try #require(whole.range(of: Data([0xff, 0xd8, 0xff])) ?? whole.range(of: Data([0x89, 0x50])))
        #expect(try error(whole.prefix(first.lowerBound + 20))?.problem.contains("ends inside a member") == true)
        // One bit of a name: the checksum of its header no longer fits.
        var flipped = whole
        flipped[flipped.startIndex + 3] ^= 1
        #expect(try error(flipped)?.problem == "is not a tar archive, or a compressed one")
    }

    @Test func membersStayInside() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("a/1.jpg", level: 1)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/tar")
        process.arguments = [
            "-C", folder.path, "-P", "--transform=s,^a,../../a,", "-cf", "\(folder.path)/out.tar", "a/1.jpg",
        ]
        try process.run()
        process.waitUntilExit()
        let error = #expect(throws: InputError.self) { try TarImages(path: "\(folder.path)/out.tar") }
        #expect(error?.problem.contains("leads outside") == true)
    }

    // Every prefix of an archive, and every byte changed in its first headers: an error or a collection, never a crash.
    @Test func noDamageCrashes() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("images/a/1.png", level: 1, width: 2, height: 2)
        try folder.writeImage("images/b/2.png", level: 2, width: 2, height: 2)
        let whole = try Files.read(try pack(folder, ["images"], format: "pax"))
        for position in stride(from: 0, to: min(whole.count, 4096), by: 13) {
            var changed = whole
            changed[changed.startIndex + position] = changed[changed.startIndex + position] &+ 77
            for bytes in [whole.prefix(position), changed] {
                try folder.write(bytes, "test.tar")
                if let images = try? TarImages(path: "\(folder.path)/test.tar") {
                    for i in 0..<images.count { _ = try? images.data(i) }
                }
            }
        }
    }
}
