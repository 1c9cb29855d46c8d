import Foundation
import Imaging
import Support
import TestSupport
import Testing
import VOCData

/// A folder of annotated images, in each of the ways people lay it out.
@Suite(.tags(.unit), .tiered) struct DevkitLayoutTests {
    private static let jpeg = try! Image(size: ImageSize(width: 8, height: 6)).encodedJPEG(quality: 80)

    private static func xml(_ name: String) -> String {
        "<annotation><object><name>\(name)</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax>"
            + "</bndbox></object></annotation>"
    }

    /// Files by path: images get pixels, annotations a car.
    private func folder(_ paths: String..., texts: [String: String] = [:]) throws -> TemporaryFolder {
        let scratch = try TemporaryFolder(texts)
        for path in paths {
            try scratch.write(path.hasImageExtension ? Self.jpeg : Data(Self.xml("car").utf8), path)
        }
        return scratch
    }

    struct Layout: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var paths: [String]
        /// Of the sets that the layout brings.
        var sets: [String: [String]] = [:]
        var all = ["a", "b"]
        var below = ""

        static let every: [Layout] = [
            Layout(
                testDescription: "VOC under another name",
                paths: [
                    "data/helmets/Annotations/a.xml", "data/helmets/Annotations/b.xml",
                    "data/helmets/JPEGImages/a.jpg", "data/helmets/JPEGImages/b.JPG",
                ], below: "data"),
            Layout(
                testDescription: "the folder itself",
                paths: ["Annotations/a.xml", "Annotations/b.xml", "JPEGImages/a.jpeg", "JPEGImages/b.PNG"]),
            Layout(
                testDescription: "VOCdevkit inside",
                paths: [
                    "VOCdevkit/VOC2012/Annotations/a.xml", "VOCdevkit/VOC2012/JPEGImages/a.jpg",
                    "VOCdevkit/VOC2012/JPEGImages/b.jpg", "VOCdevkit/VOC2012/Annotations/b.xml",
                ]),
            Layout(testDescription: "side by side", paths: ["a.jpg", "a.xml", "b.JpEg", "b.XML"]),
            Layout(
                testDescription: "parts side by side",
                paths: ["train/a.jpg", "train/a.xml", "valid/b.jpg", "valid/b.xml"],
                sets: ["train": ["a"], "valid": ["b"], "val": ["b"], "trainval": ["a", "b"]]),
            Layout(
                testDescription: "parts with folders",
                paths: [
                    "train/images/a.jpg", "train/annotations/a.xml", "test/images/b.jpg", "test/annotations/b.xml",
                ],
                sets: ["train": ["a"], "test": ["b"], "trainval": ["a"]]),
            Layout(
                testDescription: "folders with parts",
                paths: ["images/train/a.jpg", "annotations/train/a.xml", "images/val/b.jpg", "annotations/val/b.xml"],
                sets: ["train": ["a"], "validation": ["b"]]),
            Layout(
                testDescription: "images in parts, annotations in one folder",
                paths: ["images/train/a.jpg", "images/test/b.jpg", "labels/a.xml", "labels/b.xml"],
                sets: ["train": ["a"], "test": ["b"]]),
            Layout(
                testDescription: "Kaggle",
                paths: ["images/a.png", "annotations/a.xml", "images/b.png", "annotations/b.xml"]),
            Layout(testDescription: "annots", paths: ["Images/a.jpg", "annots/a.xml", "Images/b.jpg", "annots/b.xml"]),
            Layout(
                testDescription: "annotations/xmls",
                paths: ["images/a.jpg", "annotations/xmls/a.xml", "images/b.jpg", "annotations/xmls/b.xml"]),
            Layout(testDescription: "FiftyOne", paths: ["data/a.jpg", "labels/a.xml", "data/b.jpg", "labels/b.xml"]),
            Layout(testDescription: "XML above images", paths: ["images/a.jpg", "a.xml", "images/b.jpg", "b.xml"]),
            Layout(
                testDescription: "equal names in two parts",
                paths: ["train/a.jpg", "train/a.xml", "test/a.jpg", "test/a.xml"],
                sets: ["train": ["train/a"], "test": ["test/a"]], all: ["test/a", "train/a"]),
            Layout(
                testDescription: "photo.jpg.xml",
                paths: ["images/a.jpg", "xmls/a.jpg.xml", "images/b.jpg", "xmls/b.xml"]),
        ]
    }

    @Test(arguments: Layout.every) func eachIsTaken(layout: Layout) throws {
        let scratch = try TemporaryFolder()
        for path in layout.paths {
            try scratch.write(path.hasImageExtension ? Self.jpeg : Data(Self.xml("car").utf8), path)
        }
        let kit = try Devkit(layout.below.isEmpty ? scratch.path : "\(scratch.path)/\(layout.below)")
        #expect(try kit.imageSet("all") == layout.all, "\(kit.text)")
        for (name, ids) in layout.sets { #expect(try kit.imageSet(name) == ids, "\(name) of \(kit.text)") }
        let selection = try DevkitSelection(kit.path, sets: "all")
        let found = try selection.images([.image, .annotation], missing: .stop).images
        #expect(found.map(\.id) == layout.all)
        #expect(try selection.annotated(threads: 1).set.annotations.allSatisfy { $0.objects.map(\.name) == ["car"] })
        // What an error suggests is there.
        let text = inputError { try kit.imageSet("absent") } ?? ""
        let remedy = text.components(separatedBy: "choose one of ")[1].components(separatedBy: ", or let")[0]
        for name in remedy.components(separatedBy: ", ") { #expect(throws: Never.self) { try kit.imageSet(name) } }
    }

    @Test func photographsAloneCanBeLookedAt() throws {
        let scratch = try folder("b.jpg", "a.png")
        let kit = try Devkit(scratch.path)
        #expect(try kit.imageSet("all") == ["a", "b"] && kit.text.contains("without annotations"))
        let selection = try DevkitSelection(scratch.path, sets: "all")
        #expect(try selection.images(.image, missing: .stop).images.count == 2)
        #expect(inputError { try selection.annotated(missing: .skip, threads: 1) }?.contains("no image") == true)
        withExtendedLifetime(scratch) {}
    }

    @Test func severalDataSetsAreNamed() throws {
        let scratch = try folder(
            "hats/Annotations/a.xml", "hats/JPEGImages/a.jpg", "dogs/images/b.jpg", "dogs/labels/b.xml")
        let text = inputError { try Devkit(scratch.path) } ?? ""
        #expect(text.contains("dogs, hats") && text.contains("as dogs:train"), "\(text)")
        #expect(
            try DevkitSelection(scratch.path, sets: "hats:all").images(.image, missing: .stop).images.map(\.id) == ["a"]
        )
        let absent = inputError { try DevkitSelection(scratch.path, sets: "cats:all") } ?? ""
        #expect(absent.contains("choose one of dogs, hats"), "\(absent)")
        withExtendedLifetime(scratch) {}
    }

    @Test func aYearStandsInFrontOfASet() throws {
        let scratch = try folder(
            "VOC2007/Annotations/a.xml", "VOC2007/JPEGImages/a.jpg", "VOC2012/Annotations/b.xml",
            "VOC2012/JPEGImages/b.jpg",
            texts: ["VOC2007/ImageSets/Main/val.txt": "a", "VOC2012/ImageSets/Main/val.txt": "b"])
        func ids(_ sets: String) throws -> [String] {
            try DevkitSelection(scratch.path, sets: sets).images(.image, missing: .stop).images.map(\.id)
        }
        #expect(try ids("val") == ["a"])
        #expect(try ids("2012:val") == ["b"])
        #expect(try ids("2007:val,2012:val") == ["a", "b"])
        #expect(try DevkitSelection(scratch.path, sets: "2007:val,2012:val").name == "2007-val+2012-val")
        #expect(inputError { try ids("2010:val") }?.contains("choose one of 2007, 2012 in front of the set") == true)
        #expect(inputError { try ids("val,val") }?.contains("more than once") == true)
        #expect(inputError { try ids("2012:test") }?.hasSuffix("choose one of val, all") == true)
        withExtendedLifetime(scratch) {}
    }

    @Test func whatIsNoDevkitIsSaidSo() throws {
        let scratch = try folder(texts: ["notes/readme.txt": "nothing"])
        let text = inputError { try Devkit(scratch.path) } ?? ""
        #expect(text.contains("is no devkit") && text.contains("images/ beside annotations/"))
        #expect(!Devkit.isVOC(scratch.path))
    }

    @Test func idsMayBeWrittenInEitherNormalForm() throws {
        let composed = "caf\u{E9}"
        let apart = "cafe\u{301}"
        let scratch = try folder(
            "Annotations/\(apart).xml", "JPEGImages/\(apart).jpg", texts: ["ImageSets/Main/test.txt": "\(composed)\n"])
        let images = try DevkitSelection(scratch.path, sets: "test").images([.image, .annotation], missing: .stop)
            .images
        #expect(images.count == 1 && Files.exists(images[0].image ?? ""))
        withExtendedLifetime(scratch) {}
    }

    @Test(arguments: [
        ("photo 1", ["photo 1"]), ("photo (1)", ["photo (1)"]), ("photo 1\n", ["photo 1"]), ("photo -1", ["photo"]),
        ("photo  0 ", ["photo"]), ("\u{FEFF}photo\r\n photo 1\r\n", ["photo", "photo 1"]),
        ("\"photo 1\" 1", ["photo 1"]),
        ("photo.jpg", ["photo"]), ("JPEGImages/photo (1).jpg", ["photo (1)"]), ("C:\\data\\photo.jpg", ["photo"]),
        ("x..y", ["x..y"]), ("no such photo", ["no such photo"]), ("sub/photo", ["sub/photo"]),
    ])
    func linesOfAnImageSet(text: String, ids: [String]) throws {
        var paths: [String] = []
        for id in ["photo", "photo 1", "photo (1)", "x..y", "sub/photo"] {
            paths += ["Annotations/\(id).xml", "JPEGImages/\(id).jpg"]
        }
        let scratch = try TemporaryFolder(["ImageSets/Main/test.txt": text])
        for path in paths { try scratch.write(path.hasImageExtension ? Self.jpeg : Data(Self.xml("car").utf8), path) }
        #expect(try Devkit(scratch.path).imageSet("test") == ids)
    }

    @Test func aSplitMovesNoImageWhenOthersAreAdded() throws {
        let split = try #require(SetSplit([0.8, 0.1, 0.1], seed: 3))
        let ids = (0..<2000).map { "image \($0)" }
        let sets = Dictionary(grouping: ids, by: split.set)
        #expect((sets["train"]?.count ?? 0) > 1540 && (sets["train"]?.count ?? 0) < 1660)
        #expect((sets["val"]?.count ?? 0) > 150 && (sets["test"]?.count ?? 0) > 150)
        // The first eight bytes of SHA-256("3\nimage 0") over 2^64 are 0.358 (by sha256sum), of the next two .452 and .615.
        let pinned = try #require(SetSplit([0.4, 0.1, 0.5], seed: 3))
        #expect((0..<3).map { pinned.set(of: "image \($0)") } == ["train", "val", "test"])
        #expect(split.set(of: "caf\u{E9}") == split.set(of: "cafe\u{301}"))
        #expect(ids.map(split.set) != ids.map(try #require(SetSplit([0.8, 0.1, 0.1], seed: 4)).set))
        #expect(SetSplit([0.5, 0.6], seed: 0) == nil && SetSplit([1], seed: 0) == nil)
        #expect(try #require(SetSplit([0, 1], seed: 0)).set(of: "a") == "test")

        var paths: [String] = []
        for id in ["a", "b", "c", "d", "e", "f"] { paths += ["\(id).jpg", "\(id).xml"] }
        let scratch = try TemporaryFolder()
        for path in paths { try scratch.write(path.hasImageExtension ? Self.jpeg : Data(Self.xml("car").utf8), path) }
        var kit = try Devkit(scratch.path)
        kit.split = SetSplit([0.5, 0.5], seed: 1)
        let (train, test) = (try kit.imageSet("train"), try kit.imageSet("test"))
        #expect((train + test).sorted() == ["a", "b", "c", "d", "e", "f"])
        #expect(try kit.imageSet("trainval") == train)
        #expect(inputError { try kit.imageSet("valid") }?.contains("choose one of train") == true)
    }
}
