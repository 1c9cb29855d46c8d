import Foundation
import Support
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct DevkitTests {
    private func devkit(_ files: [String: String]) throws -> (TemporaryFolder, Devkit) {
        let scratch = try TemporaryFolder(
            Dictionary(uniqueKeysWithValues: files.map { ("VOC2007/ImageSets/Main/" + $0.key, $0.value) }))
        return (scratch, try Devkit(scratch.path))
    }

    @Test func theYearIsFound() throws {
        let scratch = try TemporaryFolder(["VOC2012/x": "", "VOC0712": "a file"])
        #expect(try Devkit(scratch.path).year == 2012)
        try Files.makeFolder(scratch.path + "/VOC2010")
        #expect(inputError { try Devkit(scratch.path) }?.contains("2010, 2012 in front of the set, as 2010:") == true)
        #expect(try Devkit(scratch.path, year: 2010).root == scratch.path + "/VOC2010")
        #expect(inputError { try Devkit(scratch.path, year: 2007) }?.contains("no folder VOC2007") == true)
        try Files.makeFolder(scratch.path + "/VOC2007/ImageSets")
        #expect(try Devkit(scratch.path).year == 2007)
        #expect(try Devkit(scratch.path + "/VOC2007").root == scratch.path + "/VOC2007")
        #expect(inputError { try Devkit(scratch.path + "/absent") }?.contains("not a folder") == true)
    }

    @Test func imageSetsAreRead() throws {
        let (scratch, kit) = try devkit([
            "test.txt": "000001\r\n\n  000002\t\n2008_000003", "dog_test.txt": "000001 -1\n000002  1\n2008_000003  0\n",
        ])
        defer { withExtendedLifetime(scratch) {} }
        #expect(try kit.imageSet("test") == ["000001", "000002", "2008_000003"])
        #expect(try kit.imageSet("dog_test") == ["000001", "000002", "2008_000003"])
        #expect(try kit.imageSetLabels(class: "dog", set: "test").map(\.label) == [-1, 1, 0])
    }

    @Test(arguments: [
        ("../000001\n", "test.txt:1"), ("000001\na/../b\n", "test.txt:2"), ("..\n", "test.txt:1"),
        ("/etc/passwd", "test.txt:1"), ("a//b", "test.txt:1"), ("a\u{1}b", "test.txt:1"),
        ("a\\b", "test.txt:1"), ("x\n\nx\n", "test.txt:3: the image x is listed twice"),
        ("\n\n", "lists no image"),
    ])
    func badImageSetsAreNamed(text: String, message: String) throws {
        let (scratch, kit) = try devkit(["test.txt": text])
        defer { withExtendedLifetime(scratch) {} }
        #expect(inputError { try kit.imageSet("test") }?.contains(message) == true)
    }

    @Test func aMissingSetNamesThoseThatExist() throws {
        let (scratch, kit) = try devkit([
            "train.txt": "1", "val.txt": "2", "dog_train.txt": "1 1", "train_val.txt": "2 1",
        ])
        defer { withExtendedLifetime(scratch) {} }
        #expect(inputError { try kit.imageSet("test") }?.hasSuffix("choose one of train, val, trainval, all") == true)
        #expect(inputError { try kit.imageSet("../../x") }?.contains("not a plain name") == true)
    }

    @Test(arguments: [("1 2", "\"2\", not -1, 0 or 1"), ("1", "missing, not -1"), ("1 yes", "\"yes\"")])
    func badLabelsAreNamed(line: String, message: String) throws {
        let (scratch, kit) = try devkit(["dog_test.txt": line])
        defer { withExtendedLifetime(scratch) {} }
        #expect(inputError { try kit.imageSetLabels(class: "dog", set: "test") }?.contains(message) == true)
    }

    @Test func imagesAreFoundByExtensionAndMissingOnesAreNamed() throws {
        let (scratch, kit) = try devkit(["two.txt": "a\nb\n", "three.txt": "a\nb\nc\n"])
        try Files.makeFolder(kit.root + "/JPEGImages")
        try Files.writeAtomically("jpeg", to: kit.root + "/JPEGImages/a.jpg")
        try Files.writeAtomically("png", to: kit.root + "/JPEGImages/b.png")
        let images = try VOCImages(kit, set: "two")
        #expect(images.count == 2 && images.name(1) == "b.png" && images.label(0) == nil && images.classes.isEmpty)
        #expect(try images.data(0) == Data("jpeg".utf8))
        #expect(try images.data(1) == Data("png".utf8))
        #expect(inputError { try VOCImages(kit, set: "three") }?.contains("JPEGImages/c.jpg") == true)
        withExtendedLifetime(scratch) {}
    }

    @Test func annotationsComeInTheOrderOfTheSetWhateverTheThreads() throws {
        let ids = (0..<300).map { String(1000 - $0) }
        let (scratch, kit) = try devkit(["all.txt": ids.joined(separator: "\n")])
        try Files.makeFolder(kit.root + "/Annotations")
        for id in ids {
            let annotation = Annotation(filename: id + ".jpg", size: nil, objects: [])
            try Data(annotation.xml.utf8).write(to: URL(fileURLWithPath: kit.annotationPath(id)))
        }
        let set = try kit.annotations("all", threads: 4)
        #expect(set.annotations.map(\.filename) == ids.map { $0 + ".jpg" })
        #expect(set == (try kit.annotations("all", threads: 1)))
        try Files.writeAtomically("<annotation>", to: kit.annotationPath("900"))
        #expect(inputError { try kit.annotations("all", threads: 4) }?.contains("Annotations/900.xml") == true)
        withExtendedLifetime(scratch) {}
    }

    @Test func classListsAreRead() throws {
        let scratch = try TemporaryFolder([
            "good": "cup\n\n key \n", "twice": "cup\ncup\n", "none": "\n", "path": "bag/case\netc...",
            "windows": "\u{FEFF}cup\r\nkey\r\n", "control": "cup\nk\u{1}y",
        ])
        #expect(try VOCClasses.read(scratch.path + "/good") == ["cup", "key"])
        #expect(inputError { try VOCClasses.read(scratch.path + "/twice") }?.contains("twice:2") == true)
        #expect(inputError { try VOCClasses.read(scratch.path + "/none") }?.contains("lists no class") == true)
        #expect(try VOCClasses.read(scratch.path + "/path") == ["bag/case", "etc..."])
        #expect(try VOCClasses.read(scratch.path + "/windows") == ["cup", "key"])
        #expect(inputError { try VOCClasses.read(scratch.path + "/control") }?.contains("control:2") == true)
    }
}
