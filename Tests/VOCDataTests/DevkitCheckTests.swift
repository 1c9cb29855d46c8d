import Boxes
import Foundation
import Imaging
import Reporting
import Support
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct DevkitCheckTests {
    /// Two sound images, "a" and "b" of 40x30 pixels, each with a cat and both in the set "test".
    private func kit(_ more: [String: String] = [:]) throws -> (scratch: TemporaryFolder, devkit: Devkit) {
        var files = ["VOC2007/ImageSets/Main/test.txt": "a\nb\n"]
        for id in ["a", "b"] { files["VOC2007/Annotations/\(id).xml"] = xml(id, object("cat", 1, 1, 40, 30)) }
        files.merge(more) { $1 }
        let scratch = try TemporaryFolder(files)
        let devkit = try Devkit(scratch.path)
        try Files.makeFolder(devkit.imageFolder)
        for id in ["a", "b"] { try write(ImageSize(width: 40, height: 30), to: "\(devkit.imageFolder)/\(id).jpg") }
        return (scratch, devkit)
    }

    private func write(_ size: ImageSize, to path: String) throws {
        try Files.writeAtomically(Image(size: size).encodedJPEG(quality: 80), to: path)
    }

    private func xml(_ id: String, _ objects: String..., size: String = "40 30") -> String {
        let sides = size.split(separator: " ")
        return "<annotation><filename>\(id).jpg</filename><size><width>\(sides[0])</width><height>\(sides[1])</height>"
            + "<depth>3</depth></size>\(objects.joined())</annotation>"
    }

    private func object(
        _ name: String, _ xmin: Double, _ ymin: Double, _ xmax: Double, _ ymax: Double,
        fields: String = "<pose>Left</pose><truncated>0</truncated><difficult>0</difficult>"
    ) -> String {
        "<object><name>\(name)</name>\(fields)<bndbox><xmin>\(xmin)</xmin><ymin>\(ymin)</ymin><xmax>\(xmax)</xmax>"
            + "<ymax>\(ymax)</ymax></bndbox></object>"
    }

    private func findings(_ more: [String: String], classes: [String]? = ["cat"]) throws -> [DevkitFinding] {
        let (scratch, devkit) = try kit(more)
        defer { withExtendedLifetime(scratch) {} }
        return try DevkitCheck(devkit, classes: classes).findings
    }

    @Test func aSoundDevkitHasNothingToComplainAbout() throws {
        let (scratch, devkit) = try kit()
        let check = try DevkitCheck(devkit, classes: ["cat"])
        #expect(check.findings.isEmpty && check.seriousCount == 0 && check.images == 2)
        #expect(check.classes.map(\.objects) == [2] && check.classes.map(\.images) == [2])
        #expect(check.report(listing: 5).text.contains("nothing to complain about"))
        withExtendedLifetime(scratch) {}
    }

    /// Cut off behind its header: only who decodes it sees that.
    @Test func aTruncatedImageIsFound() throws {
        let (scratch, devkit) = try kit()
        let path = "\(devkit.imageFolder)/a.jpg"
        try Files.writeAtomically(try Files.read(path).dropLast(20), to: path)
        let check = try DevkitCheck(devkit, classes: ["cat"])
        #expect(check.findings.map(\.kind) == [.unreadableImage])
        #expect(check.findings.first?.file == path && check.findings.first?.detail == "is truncated")
        #expect(try DevkitCheck(devkit, classes: ["cat"], decodesImages: false).findings.isEmpty)
        withExtendedLifetime(scratch) {}
    }

    /// A quarter turn by EXIF: the annotation was drawn on the turned image, its boxes are sound there.
    @Test func aTurnedImageIsNamed() throws {
        let (scratch, devkit) = try kit([
            "VOC2007/Annotations/a.xml": xml("a", object("cat", 1, 1, 30, 40), size: "30 40")
        ])
        let path = "\(devkit.imageFolder)/a.jpg"
        let tiff: [UInt8] = [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
        let body = Data("Exif\0\0".utf8) + tiff
        var file = try Files.read(path)
        file.insert(contentsOf: Data([0xFF, 0xE1, 0, UInt8(body.count + 2)]) + body, at: 2)
        try Files.writeAtomically(file, to: path)
        let check = try DevkitCheck(devkit, classes: ["cat"])
        #expect(check.findings.map(\.kind.rawValue) == ["turned_by_exif"] && check.seriousCount == 0)
        #expect(check.findings.first?.detail.contains("states 30x40") == true)
        func read(_ turns: Bool) throws -> AnnotatedSet {
            try devkit.annotations(ids: ["a"], policy: .clip, usesImageSizes: true, turnsByEXIF: turns)
        }
        let (turned, stored) = (try read(true), try read(false))
        #expect(turned.annotations[0].objects[0].box.maxY == 40 && turned.wrongSizes.isEmpty && turned.repairs.isEmpty)
        #expect(stored.annotations[0].objects[0].box.maxY == 30 && stored.wrongSizes.count == 1)
        withExtendedLifetime(scratch) {}
    }

    @Test(
        arguments: [
            ("box_out_of_frame", [1, 1, 41, 30]), ("box_out_of_frame", [-1, 1, 9, 9]),
            ("zero_based_box", [0, 1, 9, 9]),
            ("zero_based_box", [3, 0, 9, 9]), ("box_out_of_frame", [0, 0, 41, 9]), ("inverted_box", [9, 1, 3, 9]),
            ("box_without_area", [9, 1, 9, 9]), ("fractional_box", [1.5, 1, 9, 9]),
        ] as [(String, [Double])])
    func eachKindOfBadBoxIsNamed(kind: String, corners: [Double]) throws {
        let file = xml("b", object("cat", 1, 1, 9, 9), object("cat", corners[0], corners[1], corners[2], corners[3]))
        let found = try findings(["VOC2007/Annotations/b.xml": file])
        #expect(found.map(\.kind.rawValue) == [kind])
        #expect(found[0].file.hasSuffix("Annotations/b.xml") && found[0].objectNumber == 2)
        #expect(found[0].severity == (kind == "fractional_box" ? .note : .serious))
    }

    @Test func whatIsMissingInAnObjectIsNamed() throws {
        let file = xml("b", object("cat", 1, 1, 9, 9, fields: "<difficult></difficult>"))
        let found = try findings(["VOC2007/Annotations/b.xml": file])
        #expect(found.map(\.kind) == [.noDifficult, .noTruncated, .noPose])
        #expect(found.allSatisfy { $0.severity == .note && $0.objectNumber == 1 })
    }

    @Test func sizesAreHeldAgainstTheImage() throws {
        // The box is inside the stated frame but not inside the image.
        let file = xml("b", object("cat", 1, 1, 50, 30), size: "50 30")
        let found = try findings(["VOC2007/Annotations/b.xml": file])
        #expect(found.map(\.kind) == [.sizeMismatch, .boxOutOfFrame])
        #expect(found[0].detail == "states 50x30; the image is 40x30")
    }

    @Test func brokenAndMissingFilesAreNamed() throws {
        let found = try findings([
            "VOC2007/ImageSets/Main/test.txt": "a\nb\nc\n", "VOC2007/ImageSets/Main/val.txt": "a\na\n",
            "VOC2007/Annotations/b.xml": "<annotation>", "VOC2007/JPEGImages/d.jpg": "no image",
            "VOC2007/JPEGImages/notes.txt": "", "VOC2007/Annotations/e.xml": xml("e", object("cat", 1, 1, 9, 9)),
        ])
        func files(_ kind: DevkitFinding.Kind) -> [String] {
            found.filter { $0.kind == kind }.map { $0.file.fileName }
        }
        #expect(files(.listedTwice) == ["val.txt:2"])
        #expect(files(.missingAnnotation) == ["c.xml"] && files(.missingImage) == ["c.jpg"])
        #expect(files(.unreadableAnnotation) == ["b.xml"] && files(.unreadableImage) == ["d.jpg"])
        #expect(files(.unusedFile) == ["notes.txt"] && files(.unusedImage) == ["d.jpg"])
        #expect(files(.unusedAnnotation) == ["e.xml"])
        #expect(found.count == 8)
    }

    @Test func unknownClassesDuplicatesAndEmptyClassesAreNamed() throws {
        let twice = object("cat", 1, 1, 9, 9)
        let file = xml("b", twice, object("zebra", 2, 2, 5, 5), twice)
        let found = try findings(["VOC2007/Annotations/b.xml": file], classes: ["cat", "dog"])
        #expect(found.map(\.kind) == [.classWithoutPositives, .duplicatedBox, .unknownClass])
        #expect(found[0].file == "dog" && found[1].objectNumber == 3 && found[2].objectNumber == 2)
    }

    @Test func withoutAListVOCsClassesAreExpectedWhereTheyPrevail() throws {
        func unknown(_ names: String...) throws -> [String] {
            let file = xml("b", names.enumerated().map { object($1, 1, 1, 9 + Double($0), 9) }.joined())
            return try findings(["VOC2007/Annotations/b.xml": file], classes: nil).filter { $0.kind == .unknownClass }
                .map(\.detail)
        }
        // With the cat of image a: one of two names is VOC's, then one of three.
        #expect(try unknown("dgo") == ["\"dgo\""])
        #expect(try unknown("cup", "key").isEmpty)
    }

    @Test func imagesThatAreNotRGBAndFilenamesOfOthersAreNotes() throws {
        let (scratch, devkit) = try kit(["VOC2007/Annotations/b.xml": xml("other", object("cat", 1, 1, 9, 9))])
        // A grey PNG of 1x1 pixels, header only: IHDR with colour type 0.
        let png: [UInt8] =
            [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
            + [0, 0, 0, 40, 0, 0, 0, 30, 8, 0, 0, 0, 0]
        try FileManager.default.removeItem(atPath: "\(devkit.imageFolder)/a.jpg")
        try Files.writeAtomically(Data(png), to: "\(devkit.imageFolder)/a.png")
        let found = try DevkitCheck(devkit, set: "test", classes: ["cat"], decodesImages: false).findings
        #expect(found.map(\.kind) == [.notRGB, .otherFilename, .otherFilename])
        #expect(found.allSatisfy { $0.severity == .note })
        withExtendedLifetime(scratch) {}
    }

    @Test func jsonListsEveryFinding() throws {
        let (scratch, devkit) = try kit(["VOC2007/Annotations/b.xml": xml("b", object("cat", 0, 1, 9, 9))])
        let json = try JSON.parse(DevkitCheck(devkit, classes: ["cat"]).json.pretty.utf8)
        #expect(json["serious"]?.intValue == 1 && json["counts"]?["zero_based_box"]?.intValue == 1)
        #expect(json["findings"]?.arrayValue?[0]["object"]?.intValue == 1)
        #expect(json["classes"]?["cat"]?["objects"]?.intValue == 2)
        withExtendedLifetime(scratch) {}
    }

    @Test func trainingUsesTheSizeOfTheImage() throws {
        let (scratch, devkit) = try kit([
            "VOC2007/Annotations/b.xml": xml("b", object("cat", 1, 1, 50, 30), size: "50 30")
        ])
        let stated = try devkit.annotations(ids: ["a", "b"], policy: .clip)
        #expect(stated.repairs.isEmpty && stated.wrongSizes.isEmpty)
        let real = try devkit.annotations(ids: ["a", "b"], policy: .clip, usesImageSizes: true)
        #expect(real.wrongSizes == [devkit.annotationPath("b")])
        #expect(real.annotations[1].objects[0].box == Box(minX: 0, minY: 0, maxX: 40, maxY: 30))
        #expect(real.repairs.map(\.action) == [.clipped])
        withExtendedLifetime(scratch) {}
    }
}
