import Boxes
import Foundation
import Imaging
import Support
import TestSupport
import Testing
import VOCData

/// What becomes of what is wrong in a set: listed twice, not there, not to be read, out of the frame.
@Suite(.tags(.unit), .tiered) struct SetPolicyTests {
    private static func object(_ name: String, _ corners: String) -> String {
        let c = corners.split(separator: " ")
        return "<object><name>\(name)</name><bndbox><xmin>\(c[0])</xmin><ymin>\(c[1])</ymin><xmax>\(c[2])</xmax>"
            + "<ymax>\(c[3])</ymax></bndbox></object>"
    }

    private static func xml(_ objects: String...) -> String {
        "<annotation><size><width>40</width><height>30</height></size>\(objects.joined())</annotation>"
    }

    /// a: sound. b: a box out of the frame, an object without a box, a sound one. c: no annotation. d: no image. e: no XML.
    private func kit() throws -> TemporaryFolder {
        let scratch = try TemporaryFolder([
            "VOC2007/ImageSets/Main/test.txt": "a\nb\nc\nd\ne\na\n", "VOC2007/ImageSets/Main/sound.txt": "a\n",
            "VOC2007/ImageSets/Main/bare.txt": "c\n",
            "VOC2007/Annotations/a.xml": Self.xml(Self.object("cup", "1 1 9 9")),
            "VOC2007/Annotations/b.xml": Self.xml(
                Self.object("cup", "30 1 50 9"), "<object><name>key</name></object>", Self.object("key", "1 1 9 9")),
            "VOC2007/Annotations/d.xml": Self.xml(Self.object("cup", "1 1 9 9")), "VOC2007/Annotations/e.xml": "JFIF",
        ])
        let jpeg = try Image(size: ImageSize(width: 40, height: 30)).encodedJPEG(quality: 80)
        for id in ["a", "b", "c", "e"] { try scratch.write(jpeg, "VOC2007/JPEGImages/\(id).jpg") }
        return scratch
    }

    /// As `voc import` leaves them when the originals move.
    @Test func aLinkToNothingIsAnImageThatIsNotThere() throws {
        let scratch = try kit()
        let place = "\(scratch.path)/VOC2007"
        for (name, target) in [("JPEGImages/d.jpg", "gone.jpg"), ("Annotations/c.xml", "c.xml")] {
            try FileManager.default.createSymbolicLink(atPath: "\(place)/\(name)", withDestinationPath: target)
        }
        let selection = try DevkitSelection(scratch.path, sets: "test")
        let (images, omissions) = try selection.images([.image, .annotation], missing: .skip)
        #expect(images.map(\.id) == ["a", "b", "e"])
        #expect(Set(omissions.map(\.reason)) == [.listedTwice, .missingImage, .missingAnnotation])
        #expect(try Devkit(scratch.path).imageSet("all").contains("c"))
    }

    @Test func aNameMayBeginAndEndWithQuotationMarks() throws {
        let scratch = try kit()
        let sound = try Files.read("\(scratch.path)/VOC2007/JPEGImages/a.jpg")
        try scratch.write(sound, "VOC2007/JPEGImages/\"q\".jpg")
        try scratch.write(Data("\"q\"\n\"a\"\n".utf8), "VOC2007/ImageSets/Main/quoted.txt")
        #expect(try Devkit(scratch.path).imageSet("quoted") == ["\"q\"", "a"])
    }

    @Test func labelsOfAnImageListedTwiceAreTakenOnceWhereTheyAgree() throws {
        let scratch = try kit()
        try scratch.write(Data("a 1\nb -1\na 1\n".utf8), "VOC2007/ImageSets/Main/cup_sound.txt")
        let kit = try Devkit(scratch.path)
        #expect(try kit.imageSetLabels(class: "cup", set: "sound", missing: .skip).map(\.label) == [1, -1])
        #expect(inputError { try kit.imageSetLabels(class: "cup", set: "sound") }?.contains("listed twice") == true)
        try scratch.write(Data("a 1\nb -1\na 0\n".utf8), "VOC2007/ImageSets/Main/cup_sound.txt")
        #expect(
            inputError { try kit.imageSetLabels(class: "cup", set: "sound", missing: .skip) }?
                .contains("with different labels") == true)
    }

    @Test func skippingGoesOnAndTellsEverything() throws {
        let scratch = try kit()
        let selection = try DevkitSelection(scratch.path, sets: "test")
        let (images, omissions) = try selection.images([.image, .annotation], missing: .skip)
        #expect(images.map(\.id) == ["a", "b", "e"])
        #expect(omissions.map(\.reason) == [.listedTwice, .missingAnnotation, .missingImage])
        let set = try AnnotatedSet(reading: images, policy: .clip, usesImageSizes: true, threads: 2)
        #expect(set.ids == ["a", "b"] && set.omissions.map(\.reason) == [.unreadableAnnotation])
        #expect(set.annotations[1].objects.map(\.name) == ["cup", "key"])
        #expect(set.annotations[1].objects[0].box.maxX == 40)
        #expect(set.repairs.map(\.objectNumber) == [2, 1] && set.repairs.map(\.action) == [.leftOut, .clipped])
        #expect(set.repairs[0].description.hasSuffix("b.xml: object 2 (key) has no <bndbox>, left out"))
        let text = SetReport.text(
            AnnotatedSet(ids: [], annotations: [], repairs: set.repairs, omissions: omissions + set.omissions),
            name: "test")
        for part in [
            "1 images that are not there, left out in test:\n  ", "JPEGImages/d.jpg", "Annotations/c.xml",
            "1 lines with an image listed before, left out", "test.txt:6: a", "e.xml: line 1: is not valid XML",
            "2 bad boxes and objects in test",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        withExtendedLifetime(scratch) {}
    }

    @Test func stoppingNamesTheFirst() throws {
        let scratch = try kit()
        let selection = try DevkitSelection(scratch.path, sets: "test")
        #expect(
            inputError { try selection.images([], missing: .stop) }?.contains("test.txt:6: the image a is listed")
                == true)
        try Files.writeAtomically("a\nb\nc\nd\n", to: "\(scratch.path)/VOC2007/ImageSets/Main/test.txt")
        #expect(inputError { try selection.images(.image, missing: .stop) }?.contains("JPEGImages/d.jpg") == true)
        let bare = inputError { try selection.images([.annotation], missing: .stop) }
        #expect(bare?.contains("Annotations/c.xml") == true && bare?.contains("--on-missing skip") == true)
        let images = try selection.images([.image, .annotation], missing: .skip).images
        for policy in [BadAnnotationPolicy.stop, .keep] {
            let text = inputError { try AnnotatedSet(reading: images, policy: policy, threads: 1) }
            #expect(text?.contains("b.xml: object 2 (key) has no <bndbox>") == true, "\(text ?? "")")
        }
        let kept = try AnnotatedSet(reading: images, policy: .keep, leavesOutUnreadable: true, threads: 1)
        #expect(kept.annotations[1].objects[0].box.maxX == 50)
    }

    @Test func aSetWithoutAnyAnnotationIsNoMistake() throws {
        let scratch = try kit()
        #expect(
            try DevkitSelection(scratch.path, sets: "bare").images(.image, missing: .stop).images.map(\.id) == ["c"])
        let some = try DevkitSelection(scratch.path, sets: "sound,bare")
        #expect(inputError { try some.images(.image, missing: .stop) }?.contains("names this annotation") == true)
        #expect(try some.images(.image, missing: .skip).images.map { $0.annotation != nil } == [true, false])
        withExtendedLifetime(scratch) {}
    }

    @Test func mendedCopiesAreSoundAndTheOriginalsStay() throws {
        let scratch = try kit()
        let kit = try Devkit(scratch.path)
        let before = try Files.readText("\(kit.root)/Annotations/b.xml")
        let ids = try DevkitCheck(kit, set: "test").ids
        let out = "\(scratch.path)/mended"
        let mended = try MendedAnnotations(kit, ids: ids, to: out, threads: 2)
        #expect(mended.written == 3 && mended.mended == 1 && mended.unreadable.count == 1)
        #expect(try Files.list(out) == ["a.xml", "b.xml", "d.xml"])
        #expect(try Files.read("\(out)/a.xml") == Files.read("\(kit.root)/Annotations/a.xml"))
        let annotation = try Annotation.read("\(out)/b.xml")
        #expect(annotation.objects.map(\.name) == ["cup", "key"])
        #expect(try annotation.checked(.stop, file: "b").repairs.isEmpty)
        #expect(try Files.readText("\(kit.root)/Annotations/b.xml") == before)
        #expect(
            inputError { try MendedAnnotations(kit, ids: ids, to: out, threads: 1) }?.contains("is not empty") == true)
        let inside = inputError { try MendedAnnotations(kit, ids: ids, to: "\(kit.root)/Annotations/new", threads: 1) }
        #expect(inside?.contains("lies among") == true)
        withExtendedLifetime(scratch) {}
    }

    @Test func checkListsEverything() throws {
        let scratch = try kit()
        let findings = try DevkitCheck(Devkit(scratch.path), set: "test", classes: ["cup", "key"]).findings
        let kinds = Set(findings.filter { $0.severity == .serious }.map(\.kind))
        #expect(
            kinds == [
                .listedTwice, .missingAnnotation, .missingImage, .unreadableAnnotation, .unreadableObject,
                .boxOutOfFrame,
            ])
        #expect(findings.first { $0.kind == .unreadableObject }?.objectNumber == 2)
    }
}

/// Devkits made from other layouts.
@Suite(.tags(.unit), .tiered) struct DevkitImportTests {
    private static let jpeg = try! Image(size: ImageSize(width: 8, height: 6)).encodedJPEG(quality: 80)

    private func xml(_ name: String) -> Data {
        Data(
            ("<annotation><object><name>\(name)</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax>"
                + "</bndbox></object></annotation>").utf8)
    }

    @Test func partsBecomeSets() throws {
        let scratch = try TemporaryFolder()
        for (path, name) in [("train/a", "cup"), ("train/sub/b", "key"), ("valid/c d", "cup"), ("test/e", "cup")] {
            try scratch.write(Self.jpeg, "in/\(path).JPG")
            try scratch.write(xml(name), "in/\(path).xml")
        }
        try scratch.write(Self.jpeg, "in/train/bare.jpg")
        let out = "\(scratch.path)/out"
        let done = try DevkitImport(Devkit("\(scratch.path)/in"), to: out, missing: .skip, threads: 2)
        #expect(done.images == 4 && done.classes == ["cup", "key"] && done.renamed == 1)
        #expect(done.omissions.map(\.reason) == [.missingAnnotation])
        let kit = try Devkit(out)
        #expect(kit.year == 2007 && kit.layout.text == "Annotations + JPEGImages + ImageSets/Main")
        #expect(try kit.imageSetNames() == ["test", "train", "trainval", "val"])
        #expect(try kit.imageSet("trainval") == ["a", "sub_b", "c d"])
        #expect(try kit.imageSet("val") == ["c d"])
        #expect(try kit.imageSetLabels(class: "key", set: "trainval").map(\.label) == [-1, 1, -1])
        let set = try kit.annotations("trainval")
        #expect(set.annotations.flatMap { $0.objects.map(\.name) } == ["cup", "key", "cup"])
        #expect(try VOCImages(kit, set: "trainval").data(0) == Self.jpeg)
        let link = try FileManager.default.destinationOfSymbolicLink(atPath: "\(kit.root)/JPEGImages/a.jpg")
        #expect(link.hasSuffix("in/train/a.JPG") && link.hasPrefix("/"))
        let again = inputError { try DevkitImport(Devkit("\(scratch.path)/in"), to: out, missing: .skip, threads: 2) }
        #expect(again?.contains("is not empty") == true)
    }

    @Test func classesWhoseNamesMakeNoFileNameAreImportedWithoutLists() throws {
        let scratch = try TemporaryFolder()
        let long = String(repeating: "x", count: 300)
        for (id, name) in [("a", "cup"), ("b", "bag/case"), ("c", long)] {
            try scratch.write(Self.jpeg, "in/\(id).jpg")
            try scratch.write(xml(name), "in/\(id).xml")
        }
        let done = try DevkitImport(
            Devkit("\(scratch.path)/in"), to: "\(scratch.path)/out", missing: .stop, threads: 1)
        #expect(done.classes.count == 3 && done.unlisted == ["bag/case", long])
        #expect(try Files.list("\(scratch.path)/out/VOC2007/ImageSets/Main") == ["all.txt", "cup_all.txt"])
    }

    @Test func aSplitBecomesSets() throws {
        let scratch = try TemporaryFolder()
        for index in 0..<20 {
            try scratch.write(Self.jpeg, "in/images/\(index).png")
            try scratch.write(xml("cup"), "in/annotations/\(index).xml")
        }
        var source = try Devkit("\(scratch.path)/in")
        source.split = SetSplit([0.5, 0.2, 0.3], seed: 9)
        let done = try DevkitImport(source, to: "\(scratch.path)/out", missing: .stop, threads: 2)
        #expect(done.sets.map(\.name) == ["train", "val", "trainval", "test"])
        let kit = try Devkit("\(scratch.path)/out")
        #expect(try kit.imageSet("test") == source.imageSet("test"))
        #expect(try Set(kit.imageSet("trainval")).isDisjoint(with: kit.imageSet("test")))
        // Without sets and split there is one set of all.
        source.split = nil
        #expect(
            try DevkitImport(source, to: "\(scratch.path)/all", missing: .stop, threads: 1).sets.map(\.name) == ["all"])
        #expect(try Devkit("\(scratch.path)/all").imageSet("all").count == 20)
    }
}
