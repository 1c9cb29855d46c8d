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

    @Test func tablesLineUp() {
        let table = textTable([["class", "AP"], ["aeroplane", "0.5"], ["cat", "12.25"], ["only"]])
        #expect(table == "class         AP\naeroplane    0.5\ncat        12.25\nonly     ")
        #expect(textTable([]) == "")
    }
}
