import Boxes
import Foundation
import Support
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct DetectionFileTests {
    private let index = ["000001": 0, "000002": 1]

    private func read(_ text: String, unknownImages: UnknownImages = .stop) throws -> ClassDetections {
        let scratch = try TemporaryFolder(["d.txt": text])
        return try DetectionFile.read(scratch.path + "/d.txt", imageIndex: index, unknownImages: unknownImages)
    }

    @Test func readsEveryNotation() throws {
        let text =
            "000001 0.922385 65.767838 137.429840 357.420013 347.169525\r\n\n"
            + "000002\t1e-3  -4 +5 .5 123456789012345678\n000001 1 1 2 3 4"
        let result = try read(text)
        #expect(result.imageIndices == [0, 1, 0])
        #expect(result.scores == [0.922385, 1e-3, 1])
        #expect(result.boxes[0] == Box(vocXMin: 65.767838, yMin: 137.429840, xMax: 357.420013, yMax: 347.169525))
        #expect(result.boxes[1] == Box(vocXMin: -4, yMin: 5, xMax: 0.5, yMax: 123_456_789_012_345_680))
        #expect(try read("").count == 0)
    }

    // Literals are rounded correctly by the compiler; 15 digits and more, and exponents, take different paths.
    @Test(arguments: [
        ("0.1", 0.1), ("123.456789", 123.456789), ("0.000000000000001", 1e-15),
        ("999999999999999", 999_999_999_999_999),
        ("0.1234567890123456789", 0.1234567890123456789), ("8.5e22", 8.5e22), ("2.2250738585072014e-308", 0x1p-1022),
        ("-0.007357", -0.007357), ("5.", 5),
    ])
    func numbersAreRoundedCorrectly(text: String, value: Double) throws {
        #expect(try read("000001 \(text) 1 1 2 2").scores == [value])
    }

    @Test(arguments: [
        ("000001 0.5 1 1 2", "d.txt:1: has 5 columns"), ("000001 0.5 1 1 2 2 7", "d.txt:1: has 7 columns"),
        ("000001 0.5 1 1 2 2\n000001 nan 1 1 2 2", "d.txt:2: column 2 (score) is \"nan\""),
        ("000001 0.5 1 inf 2 2", "column 4 (ymin) is \"inf\""), ("000001 0.5 1 1 two 2", "column 5 (xmax) is \"two\""),
        ("000001 0.5 1 1 2 1e999", "column 6 (ymax)"), ("000001 0x1p3 1 1 2 2", "column 2"),
        ("000001 . 1 1 2 2", "column 2"), ("000001 - 1 1 2 2", "column 2"), ("000001 1.2.3 1 1 2 2", "column 2"),
        ("\n000009 0.5 1 1 2 2", "d.txt:2: the image \"000009\" is not in the image set"),
    ])
    func eachBrokenRuleIsNamed(text: String, message: String) {
        let error = inputError { try read(text) }
        #expect(error?.contains(message) == true, "\(error ?? "")")
    }

    @Test func unknownImagesCanBeIgnored() throws {
        let result = try read("9 0.5 1 1 2 2\n9 0.6 1 1 2 2\n000002 0.7 1 1 2 2\n", unknownImages: .ignore)
        #expect(result.scores == [0.7] && result.unknownImageLines == 2)
    }

    private let detections = [
        [
            Detection(box: Box(vocXMin: 1.25, yMin: 2, xMax: 30.06, yMax: 40), classIndex: 1, score: 0.12345678),
            Detection(box: Box(vocXMin: 1, yMin: 2, xMax: 3, yMax: 4), classIndex: 0, score: 0.9),
        ],
        [Detection(box: Box(vocXMin: 7, yMin: 8, xMax: 9.5, yMax: 10), classIndex: 1, score: 1)],
    ]

    @Test func writesWhatPyFasterRCNNWrites() throws {
        let scratch = try TemporaryFolder()
        let paths = try DetectionFile.write(
            detections, ids: ["000001", "000002"], classes: ["cup", "key", "fish"], set: "test",
            to: scratch.path + "/out")
        #expect(paths.last == scratch.path + "/out/comp4_det_test_fish.txt")
        #expect(try Files.readText(paths[0]) == "000001 0.900 1.0 2.0 3.0 4.0\n")
        #expect(try Files.readText(paths[1]) == "000001 0.123 1.2 2.0 30.1 40.0\n000002 1.000 7.0 8.0 9.5 10.0\n")
        #expect(try Files.readText(paths[2]) == "")
    }

    @Test func fullPrecisionReadsBackExactly() throws {
        let scratch = try TemporaryFolder()
        let paths = try DetectionFile.write(
            detections, ids: ["000001", "000002"], classes: ["cup", "key"], set: "test", to: scratch.path,
            fullPrecision: true)
        let expected = ClassDetections.byClass(detections, classCount: 2)
        for (path, column) in zip(paths, expected) {
            let result = try DetectionFile.read(path, imageIndex: index)
            #expect(result.scores == column.scores && result.imageIndices == column.imageIndices)
            // A box goes through 1-based coordinates and back, which costs one rounding.
            for (a, b) in zip(result.boxes, column.boxes) { #expect(abs(a.minX - b.minX) < 1e-14) }
        }
    }

    @Test func whatCannotBeWrittenIsNamed() throws {
        let scratch = try TemporaryFolder()
        func write(_ classes: [String], _ set: String, score: Double = 0.5) throws {
            let box = Box(minX: 0, minY: 0, maxX: 1, maxY: 1)
            try DetectionFile.write(
                [[Detection(box: box, classIndex: 0, score: score)]], ids: ["img7"], classes: classes, set: set,
                to: scratch.path)
        }
        let long = String(repeating: "long ", count: 60)
        #expect(inputError { try write([long], "test") }?.contains("is too long for a file name") == true)
        #expect(inputError { try write(["cup"], "a/b") }?.contains("a/b") == true)
        #expect(inputError { try write(["cup"], "test", score: .nan) }?.hasPrefix("img7: ") == true)
        #expect(try Files.list(scratch.path).isEmpty)
    }

    @Test(arguments: [
        ("car", "car"), ("bag/case", "bag%2Fcase"), ("../evil", "..%2Fevil"), ("etc...", "etc..."), ("50%", "50%"),
        ("bag%2Fcase", "bag%252Fcase"), ("a\nb", "a%0Ab"), ("crème brûlée", "crème brûlée"),
    ])
    func anyClassNameMakesAFileName(name: String, file: String) throws {
        #expect(DetectionFile.fileName(ofClass: name) == file)
        let scratch = try TemporaryFolder()
        let box = Box(minX: 0, minY: 0, maxX: 1, maxY: 1)
        try DetectionFile.write(
            [[Detection(box: box, classIndex: 0, score: 1)]], ids: ["img 7"], classes: [name, "case"], set: "test",
            to: scratch.path)
        #expect(try Files.list(scratch.path).contains("comp4_det_test_\(file).txt"))
        let folder = try DetectionFolder(scratch.path, classes: [name, "case"])
        let read = try DetectionFile.read(try #require(folder.files[name]), imageIndex: ["img 7": 0])
        #expect(read.count == 1 && read.boxes == [box])
    }

    @Test(arguments: [
        "\u{FEFF}a b 0.5 1 1 2 2\r\nc 1 3 3 4 4", "a b 0.5 1 1 2 2\rc 1 3 3 4 4\r",
        " a b\t0.5 1 1 2 2 \n\nc 1 3 3 4 4\n",
    ])
    func idsMayHoldBlanksAndLinesEndAsTheyLike(text: String) throws {
        let read = try DetectionFile.parse(Data(text.utf8), name: "d.txt", imageIndex: ["a b": 0, "c": 1])
        #expect(read.imageIndices == [0, 1] && read.scores == [0.5, 1])
        #expect(read.boxes.map(\.maxX) == [2, 4])
    }

    @Test func filesAreFoundUnderEveryName() throws {
        let scratch = try TemporaryFolder([
            "comp3_det_test_cat.txt": "", "comp4_det_test_big_cat.txt": "", "dog.txt": "",
            "comp4_det_train_train.txt": "",
            "readme.txt": "", "dog.csv": "",
        ])
        let folder = try DetectionFolder(scratch.path, classes: ["cat", "big_cat", "dog", "train", "cow"])
        #expect(
            folder.files == [
                "cat": scratch.path + "/comp3_det_test_cat.txt",
                "big_cat": scratch.path + "/comp4_det_test_big_cat.txt",
                "dog": scratch.path + "/dog.txt", "train": scratch.path + "/comp4_det_train_train.txt",
            ])
        #expect(folder.unusedFiles == ["readme.txt"])
        #expect(inputError { try DetectionFolder(scratch.path, classes: ["zebra"]) }?.contains("zebra.txt") == true)
    }

    @Test func theSetDecidesBetweenFiles() throws {
        let scratch = try TemporaryFolder(["comp4_det_test_cat.txt": "", "comp4_det_val_cat.txt": ""])
        #expect(inputError { try DetectionFolder(scratch.path, classes: ["cat"]) }?.contains("several") == true)
        let folder = try DetectionFolder(scratch.path, classes: ["cat"], set: "val")
        #expect(folder.files["cat"] == scratch.path + "/comp4_det_val_cat.txt")
    }
}
