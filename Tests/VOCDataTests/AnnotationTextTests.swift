import Boxes
import Foundation
import Imaging
import Support
import TestSupport
import Testing
import VOCData

/// Annotations as tools write them: encodings, and fields that nobody learns from.
@Suite(.tags(.unit), .tiered) struct AnnotationTextTests {
    private static let body =
        "<annotation><object><name>café</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
        + "</object></annotation>"

    struct Encoded: Sendable, CustomTestStringConvertible {
        var name: String
        var bytes: [UInt8]
        var testDescription: String { name }

        init(_ name: String, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }

        static func utf16(_ text: String, little: Bool) -> [UInt8] {
            text.utf16.flatMap { little ? [UInt8($0 & 0xFF), UInt8($0 >> 8)] : [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        }

        static func latin1(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

        static func declared(_ encoding: String) -> String { "<?xml version=\"1.0\" encoding=\"\(encoding)\"?>\n" }

        static let all: [Encoded] = [
            Encoded("UTF-8 with a mark", [0xEF, 0xBB, 0xBF] + body.utf8),
            Encoded("UTF-8 with mark and first line", [0xEF, 0xBB, 0xBF] + (declared("utf-8") + body).utf8),
            Encoded("UTF-16LE", [0xFF, 0xFE] + utf16(body, little: true)),
            Encoded("UTF-16BE", [0xFE, 0xFF] + utf16(declared("UTF-16") + body, little: false)),
            Encoded("UTF-16LE without a mark", utf16(declared("utf-16") + body, little: true)),
            Encoded("UTF-8 that says UTF-16", Array((declared("utf-16") + body).utf8)),
            Encoded("UTF-8 that says utf8", Array((declared("utf8") + body).utf8)),
            Encoded("Latin-1", latin1(declared("ISO-8859-1") + body)),
            Encoded("Windows-1252", latin1(declared("windows-1252") + body)),
            Encoded("blanks at both ends", Array((" \r\n" + declared("UTF-8") + body + "\n \0\0").utf8)),
        ]
        private static let body = AnnotationTextTests.body
    }

    @Test(arguments: Encoded.all) func everyEncodingGivesTheSameClass(file: Encoded) throws {
        let annotation = try Annotation.parse(Data(file.bytes), name: "a.xml")
        #expect(annotation.objects.map(\.name) == ["café"])
        #expect(annotation.objects.first?.box == Box(vocXMin: 1, yMin: 2, xMax: 3, yMax: 4))
    }

    @Test func chineseIsReadAsGBK() throws {
        // 汽车, car.
        let text = Encoded.declared("GBK") + Self.body
        let parts = text.components(separatedBy: "café")
        let bytes = Array(parts[0].utf8) + [0xC6, 0xFB, 0xB3, 0xB5] + Array(parts[1].utf8)
        #expect(try Annotation.parse(Data(bytes), name: "a.xml").objects.map(\.name) == ["汽车"])
    }

    @Test func oneParserReadsFilesOfEveryKindInTurn() throws {
        var files: [String: String] = [:]
        for index in Encoded.all.indices { files["VOC2007/Annotations/\(index).xml"] = "" }
        let scratch = try TemporaryFolder(files)
        for (index, file) in Encoded.all.enumerated() {
            try scratch.write(Data(file.bytes), "VOC2007/Annotations/\(index).xml")
        }
        let set = try Devkit(scratch.path).annotations(ids: Encoded.all.indices.map(String.init), threads: 1)
        #expect(set.annotations.allSatisfy { $0.objects.map(\.name) == ["café"] })
    }

    @Test func aPathInAnotherEncodingIsNoObstacle() throws {
        let before = "<annotation><path>C:\\Jos"
        let bytes = Array(before.utf8) + [0xE9] + Array("\\a.jpg</path>".utf8) + Array(Self.body.utf8.dropFirst(12))
        #expect(try Annotation.parse(Data(bytes), name: "a.xml").objects.map(\.name) == ["café"])
        // In the class name it would be a guess.
        let parts = Self.body.components(separatedBy: "é")
        let damaged = Array(parts[0].utf8) + [0xE9] + Array(parts[1].utf8)
        #expect(inputError { try Annotation.parse(Data(damaged), name: "a.xml") }?.contains("UTF-8") == true)
    }

    private func object(_ fields: String) throws -> AnnotatedObject {
        let text =
            "<annotation><object><name>car</name>\(fields)<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax>"
            + "<ymax>4</ymax></bndbox></object></annotation>"
        return try #require(try Annotation.parse(Data(text.utf8), name: "a.xml").objects.first)
    }

    @Test(arguments: [
        ("0.0597", true), ("2", true), ("yes", true), ("1.0", true), ("0", false), ("0.0", false), ("No", false),
        ("-1", false), ("perhaps", false), ("", false),
    ])
    func aShareAboveZeroIsTruncated(text: String, isTruncated: Bool) throws {
        #expect(try object("<truncated>\(text)</truncated>").isTruncated == isTruncated)
    }

    @Test(arguments: [("2", true), ("0", false), ("-1", nil), ("partly", nil)] as [(String, Bool?)])
    func degreesOfOcclusionAreTaken(text: String, isOccluded: Bool?) throws {
        #expect(try object("<occluded>\(text)</occluded>").isOccluded == isOccluded)
    }

    @Test(arguments: [("1.0", true), ("yes", true), ("0.0", false), ("no", false), ("Unspecified", false)])
    func difficultHasAFewObviousWords(text: String, isDifficult: Bool) throws {
        #expect(try object("<difficult>\(text)</difficult>").isDifficult == isDifficult)
    }

    @Test(arguments: [
        "<pose>1</pose><pose>2</pose>",
        "<attributes><attribute><name>colour</name><value>red</value></attribute></attributes>",
        "<polygon><x1>1</x1><y1>2</y1></polygon>", "<part><name>wheel</name><bndbox><xmin>x</xmin></bndbox></part>",
        "<truncated>1</truncated><truncated>0</truncated>", "<deleted>0</deleted><verified>0</verified>",
    ])
    func fieldsOfOtherToolsArePassedOver(fields: String) throws {
        #expect(try object(fields).box == Box(vocXMin: 1, yMin: 2, xMax: 3, yMax: 4))
    }

    @Test(arguments: ["Unspecified", "Unknown", "", "3 channels", "1e300", "-3"])
    func sizesThatSayNothingAreNotStated(text: String) throws {
        let file =
            "<annotation><size><width>\(text)</width><height>9</height><depth>\(text)</depth></size></annotation>"
        let annotation = try Annotation.parse(Data(file.utf8), name: "a.xml")
        #expect(annotation.size == nil && annotation.depth == 3)
    }

    @Test(arguments: [
        "/home/ann/a.jpg", "C:\\Users\\a.jpg", "front/a.jpg", "https://example.org/a.jpg", "a..jpeg", "../../a",
    ])
    func theFilenameMayBeAPath(name: String) throws {
        let file = "<annotation><filename>\(name)</filename><filename>again</filename></annotation>"
        #expect(try Annotation.parse(Data(file.utf8), name: "a.xml").filename == name)
    }
}
