import Datasets
import Foundation
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ImageListTests {
    private func list(_ text: String, in folder: TemporaryFolder) throws -> ImageList {
        try folder.write(Data(text.utf8), "list.txt")
        return try ImageList(path: "\(folder.path)/list.txt")
    }

    @Test func namesInTheirOrder() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("b/2.jpg", level: 2)
        let images = try list("# two\nb/2.jpg\r\n\na b/1 x.png\n", in: folder)
        #expect((0..<images.count).map(images.name) == ["b/2.jpg", "a b/1 x.png"])
        #expect(images.classes.isEmpty && images.label(0) == nil)
        #expect(images.path(0) == "\(folder.path)/b/2.jpg")
        #expect(try Image.decode(images.data(0), name: "2").width == 24)
        let missing = #expect(throws: InputError.self) { try images.data(1) }
        #expect(missing?.subject == "\(folder.path)/a b/1 x.png")
    }

    @Test func absolutePathsStay() throws {
        let folder = try TemporaryFolder()
        try folder.writeImage("1.jpg", level: 2)
        let images = try list("\(folder.path)/1.jpg\n", in: folder)
        #expect(try images.data(0).count > 0)
    }

    @Test func numbersStandForThemselves() throws {
        let images = try list("a.jpg 2\nb c.jpg 0\nd.png\t2\n", in: TemporaryFolder())
        #expect(images.classes == ["0", "1", "2"])
        #expect((0..<3).map(images.label) == [2, 0, 2])
        #expect(images.name(1) == "b c.jpg")
    }

    @Test func namesOfClassesAreSorted() throws {
        let images = try list("a.jpg dog\nb.jpg cat\nc.jpg dog\n", in: TemporaryFolder())
        #expect(images.classes == ["cat", "dog"])
        #expect((0..<3).map(images.label) == [1, 0, 1])
    }

    @Test(arguments: [
        ("", "lists no images"), ("a.jpg 1\nb.jpg\n", "line 2 has no label"),
        ("a.jpg\nb.jpg 1\n", "line 2 has a label, lines before it have none"),
        ("a.txt 1\n", "line 1 names no image (a.txt)"), ("a.jpg -1\n", "has a label below 0 or above 999,999"),
    ])
    func refusals(text: String, problem: String) throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: InputError.self) { try list(text, in: folder) }
        #expect(error?.problem == problem && error?.subject == "\(folder.path)/list.txt")
    }

    // 120,000 names of 30 bytes: less than 200 bytes each, whatever else the process does meanwhile.
    @Test func aLongListIsSmall() throws {
        let folder = try TemporaryFolder()
        let text = (0..<120_000).map { "train/n0\(1_000_000 + $0)/image_\($0).jpg \($0 % 1000)\n" }.joined()
        let images = try list(text, in: folder)
        #expect(images.count == 120_000 && images.classes.count == 1000)
        #expect(images.name(119_999) == "train/n01119999/image_119999.jpg" && images.label(119_999) == 999)
    }
}
