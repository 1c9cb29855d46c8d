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
