import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct TextFileTests {
    private static func utf16(_ text: String, _ isLittle: Bool) -> [UInt8] {
        text.utf16.flatMap { unit -> [UInt8] in
            let (low, high) = (UInt8(unit & 0xFF), UInt8(unit >> 8))
            return isLittle ? [low, high] : [high, low]
        }
    }

    private func lines(_ bytes: [UInt8]) throws -> [String] {
        try TextFile.lines(bytes, name: "t").map(\.text)
    }

    @Test(arguments: ["a\nbé\n", "a\r\nbé\r\n", "a\rbé\r", "\u{FEFF} a \nbé\t\u{A0}\n", "a\u{FEFF}\r\n\u{FEFF}bé\n"])
    func endsAndMarksAreNoPartOfALine(text: String) throws {
        #expect(try lines(Array(text.utf8)) == ["a", "bé", ""])
        for isLittle in [true, false] {
            let mark: [UInt8] = isLittle ? [0xFF, 0xFE] : [0xFE, 0xFF]
            #expect(try lines(mark + Self.utf16(text, isLittle)) == ["a", "bé", ""])
        }
    }

    @Test func linesAreCountedAsEditorsCount() throws {
        let found = try TextFile.lines(Array("a\r\n\r\nb\n\rc".utf8), name: "t")
        #expect(found.map(\.text) == ["a", "", "b", "", "c"] && found.map(\.number) == [1, 2, 3, 4, 5])
        #expect(try lines([]) == [""])
    }

    @Test func utf16WithoutAMarkIsKnownByItsZeros() throws {
        #expect(try lines(Self.utf16("ab\r\nc", true)) == ["ab", "c"])
        #expect(try lines(Self.utf16("ab\r\nc", false)) == ["ab", "c"])
        // Half a character at the end stands for one that is lost.
        #expect(try lines([0xFF, 0xFE, 0x61, 0, 0x62]) == ["a\u{FFFD}"])
    }

    @Test func whatIsNoTextIsNamedByLine() {
        let error = #expect(throws: InputError.self) {
            try TextFile.text([0x61, 0x0A, 0x63, 0xE9, 0x0A], name: "t.txt")
        }
        #expect(error?.description == "t.txt:2: is not UTF-8 text (c\\xe9); save the file as UTF-8")
    }

    @Test func bytesThatAreNoUTF8AreEscapedAndComeBack() {
        let bytes: [UInt8] = [0x61, 0xE9, 0xC3, 0xA9, 0xF0, 0x9F, 0x62]
        #expect(String(escaping: bytes) == "a\\xe9é\\xf0\\x9fb")
        #expect(String(escaping: bytes).unescapedBytes == bytes)
        #expect("a\\b".unescapedBytes == nil && "plain".unescapedBytes == nil)
    }

    @Test func filesOfSuchNamesAreListedAndRead() throws {
        try withTemporaryFolder { folder in
            let name = folder.utf8CString.dropLast() + [0x2F, 0x63, CChar(bitPattern: 0xE9), 0x2E, 0x6A, 0x70, 0x67, 0]
            let file = fopen(Array(name), "w")
            try #require(file != nil)
            fputs("pixels", file)
            fclose(file)
            #expect(try Files.list(folder) == ["c\\xe9.jpg"])
            #expect(Files.exists("\(folder)/c\\xe9.jpg") && !Files.exists("\(folder)/c\\xea.jpg"))
            #expect(try Files.readText("\(folder)/c\\xe9.jpg") == "pixels")
        }
    }

    @Test func jsonMayBeginWithAMark() throws {
        #expect(try JSON.parse([0xEF, 0xBB, 0xBF] + Array("{\"a\": 1}\r\n".utf8))["a"]?.intValue == 1)
        #expect(try JSON.parse([0xFF, 0xFE] + Self.utf16("[2]", true)).arrayValue?[0].intValue == 2)
    }
}
