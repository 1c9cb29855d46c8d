import Datasets
import Foundation
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ImageFolderTests {
    @Test func classFolders() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("dog/b.jpg", level: 1)
        try folder.writeImage("dog/a.JPEG", level: 2)
        try folder.writeImage("cat/deep/er/c.png", level: 3)
        try folder.writeImage("cat/z.jpg", level: 4)
        try folder.write(Data("x".utf8), "dog/notes.txt")
        try folder.write(Data("x".utf8), "README.md")
        try folder.write(Data("x".utf8), "dog/.hidden.jpg")
        let images = try ImageFolder(path: folder.path)
        #expect(images.classes == ["cat", "dog"])
        #expect((0..<images.count).map(images.name) == ["cat/deep/er/c.png", "cat/z.jpg", "dog/a.JPEG", "dog/b.jpg"])
        #expect((0..<images.count).map(images.label) == [0, 0, 1, 1])
        #expect(
            images.notes == [
                "\(folder.path): passed over 2 files that are no .jpg, .jpeg or .png "
                    + "(README.md, \(folder.path)/dog/notes.txt)"
            ])
        let pixels = try Image.decode(try images.data(0), name: images.path(0))
        #expect(pixels[0, 0] == Color(red: 3, green: 252, blue: 1))
    }

    @Test func flatFolder() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("b.jpg", level: 1)
        try folder.writeImage("a.png", level: 2)
        let images = try ImageFolder(path: folder.path)
        #expect(images.classes == [])
        #expect((0..<images.count).map(images.name) == ["a.png", "b.jpg"])
        #expect(images.label(0) == nil)
    }

    private func error(_ path: String) -> InputError? {
        #expect(throws: InputError.self) { try ImageFolder(path: path) }
    }

    @Test func refusals() throws {
        let folder = try TemporaryFolder()
        #expect(error(folder.path + "/missing")?.problem.contains("does not exist") == true)
        #expect(error(folder.path)?.problem.contains("holds no images") == true)
        try folder.writeImage("train/cat/a.jpg", level: 1)
        #expect(error(folder.path + "/train/cat/a.jpg")?.problem.contains("not a folder") == true)
        try folder.writeImage("val/cat/a.jpg", level: 1)
        #expect(error(folder.path)?.remedy.contains("\(folder.path)/train") == true)
        try folder.writeImage("a.jpg", level: 1)
        #expect(error(folder.path)?.problem.contains("both images and folders") == true)
        try Files.makeFolder(folder.path + "/train/empty")
        #expect(error(folder.path + "/train")?.subject == "\(folder.path)/train/empty")
    }

    @Test(.timeLimit(.minutes(10)))
    func linkLoopsEnd() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("cat/a.jpg", level: 1)
        for name in ["loop", "again"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/cat/\(name)", withDestinationPath: "..")
        }
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/cat/broken", withDestinationPath: "nowhere")
        let images = try ImageFolder(path: folder.path)
        #expect(images.name(0) == "cat/a.jpg")
        #expect(images.count < 4)
    }

    @Test func fingerprintFollowsTheData() throws {
        let folder = try TemporaryFolder()
        for i in 0..<5 { try folder.writeImage("cat/\(i).png", level: i) }
        try folder.writeImage("dog/x.png", level: 9)
        let images = try ImageFolder(path: folder.path)
        let original = try images.fingerprint
        #expect(try ImageFolder(path: folder.path).fingerprint == original)
        #expect(try images.limited(to: 5).fingerprint != original)
        #expect(try images.limited(to: nil).fingerprint == original)
        #expect(try images.subset([1, 0, 2, 3, 4, 5]).fingerprint != original)
        try folder.writeImage("cat/3.png", level: 77)
        #expect(try images.fingerprint != original)
        #expect(original.count == 64)
    }

    @Test func subsets() throws {
        let folder = try TemporaryFolder()
        for i in 0..<4 { try folder.writeImage("c\(i % 2)/\(i).png", level: i) }
        let images = try ImageFolder(path: folder.path)
        let subset = images.subset([3, 0])
        #expect(subset.count == 2)
        #expect(subset.name(0) == images.name(3))
        #expect(subset.label(0) == 1)
        #expect(subset.classes == ["c0", "c1"])
        #expect(images.limited(to: 2).count == 2)
        #expect(images.limited(to: 99).count == 4)
        #expect(images.limited(to: 3).limited(to: 2).name(1) == "c1/1.png")
    }
}
