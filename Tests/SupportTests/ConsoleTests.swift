import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ConsoleTests {
    struct Case: Sendable {
        var coloring: Console.Coloring
        var isTerminal: Bool
        var environment: [String: String] = [:]
        var isColored: Bool
    }

    @Test(arguments: [
        Case(coloring: .auto, isTerminal: true, isColored: true),
        Case(coloring: .auto, isTerminal: false, isColored: false),
        Case(coloring: .auto, isTerminal: true, environment: ["NO_COLOR": "1"], isColored: false),
        // no-color.org: "when present and not an empty string".
        Case(coloring: .auto, isTerminal: true, environment: ["NO_COLOR": ""], isColored: true),
        Case(coloring: .auto, isTerminal: true, environment: ["TERM": "dumb"], isColored: false),
        // The command line overrides the environment.
        Case(coloring: .always, isTerminal: false, environment: ["NO_COLOR": "1"], isColored: true),
        Case(coloring: .never, isTerminal: true, environment: ["TERM": "xterm"], isColored: false),
    ])
    func coloursAppearWhereTheyAreWanted(_ example: Case) {
        #expect(
            example.coloring.applies(isTerminal: example.isTerminal) { example.environment[$0] } == example.isColored)
    }

    @Test func inkIsEscapedOrNothing() {
        #expect(Ink(isOn: true)("error:", .red) == "\u{1b}[31merror:\u{1b}[0m")
        #expect(Ink.none("error:", .red) == "error:")
    }
}
