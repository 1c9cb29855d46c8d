import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct TextTests {
    @Test func fixedRoundsAsPrintfDoes() {
        #expect(0.125.fixed(2) == "0.12")
        #expect(2.675.fixed(2) == "2.67")
        #expect((-0.5).fixed(0) == "-0")
        #expect(Float(1.5).fixed(3) == "1.500")
        #expect(Double.greatestFiniteMagnitude.fixed(0).count == 309)
        #expect(Double.nan.fixed(1).contains("nan"))
    }

    @Test func numbersOfThings() {
        #expect([0, 1, 2].map { $0.counted("image") } == ["0 images", "1 image", "2 images"])
        #expect(1.counted("class") == "1 class" && 10.counted("class") == "10 classes")
        #expect(1.counted("box") == "1 box" && 3.counted("box") == "3 boxes")
    }

    @Test(arguments: [
        (0.0, "0.0 kB"), (512, "0.5 kB"), (2_340_000, "2.3 MB"), (999e6, "999.0 MB"), (1e9, "1.00 GB"),
        (1.536e12, "1536.00 GB"),
    ])
    func bytesInUnitsThatSaySomething(bytes: Double, text: String) {
        #expect(bytes.byteText == text)
    }

    @Test func paddingNeverCuts() {
        #expect("ab".padded(4) == "ab  ")
        #expect("ab".aligned(4) == "  ab")
        #expect("abcde".padded(4) == "abcde")
        #expect("abcde".aligned(4) == "abcde")
    }

    @Test(arguments: [
        ("", 0), ("cat", 3), ("–", 1), ("e\u{301}", 1), ("猫", 2), ("ネコ", 4), ("고양이", 6), ("ｃ", 2), ("🐈", 2),
        ("❤\u{FE0F}", 2),
    ])
    func wideCharactersTakeTwoColumns(text: String, width: Int) {
        #expect(text.terminalWidth == width)
        #expect(text.padded(7).terminalWidth == 7 && text.aligned(7).hasSuffix(text))
    }

    @Test func significantDigitsAreThoseOfPrintf() {
        #expect((100 * 0.07).significant(12) == "7" && (1.0 / 3).significant(3) == "0.333")
    }

    @Test func whatMovesTheCursorIsReplaced() {
        #expect("a\u{1b}[2J\nb\u{202e}".withoutControls == "a\u{FFFD}[2J\u{FFFD}b\u{FFFD}")
        #expect(String(repeating: "x", count: 400).withoutControls.count == 400)
        #expect(String(repeating: "x", count: 400).printable.count == 300)
    }
}
