import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct JSONTests {
    static let sample: JSON = [
        "name": "caf\u{e9} \"q\" \\ \n\t\u{1}", "z": 1, "a": -2.5, "list": [true, false, .null, []],
        "nested": ["k": [:]],
    ]

    @Test func roundTripKeepsValuesAndOrder() throws {
        #expect(try JSON.parse(Self.sample.line.utf8) == Self.sample)
        #expect(try JSON.parse(Self.sample.pretty.utf8) == Self.sample)
        #expect(Self.sample.members?.map(\.name) == ["name", "z", "a", "list", "nested"])
        #expect(!Self.sample.line.contains("\n"))
    }

    @Test(arguments: [0.1, 1e22, -0.0, .leastNonzeroMagnitude, 1.7976931348623157e308, 1.0, 123456789.125, 1.0 / 3])
    func numbersReadBackExactly(value: Double) throws {
        let read = try JSON.parse(JSON.number(value).line.utf8).doubleValue
        #expect(read?.bitPattern == value.bitPattern)
    }

    @Test func wholeNumbersStayIntegers() throws {
        #expect(try JSON.parse("9223372036854775807".utf8) == .integer(.max))
        #expect(try JSON.parse("-9223372036854775808".utf8) == .integer(.min))
        #expect(try JSON.parse("9223372036854775808".utf8) == .number(9_223_372_036_854_775_808))
        #expect(try JSON.parse("1e2".utf8).intValue == 100)
        #expect(JSON.number(0.5).intValue == nil)
        #expect(JSON.integer(3).doubleValue == 3)
    }

    @Test func valuesThatAreNotFiniteBecomeNull() {
        #expect(JSON.array([.number(.nan), .number(-.infinity)]).line == "[null,null]")
    }

    @Test func prettyText() {
        let value: JSON = ["a": [1, 2], "b": [:]]
        #expect(value.pretty == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}\n")
    }

    @Test func escapes() throws {
        #expect(try JSON.parse(#""\u0041\n\t\r\b\f\/\\\"\ud83d\ude00""#.utf8) == "A\n\t\r\u{8}\u{c}/\\\"😀")
    }

    struct Malformed: Sendable, CustomTestStringConvertible {
        var text: String
        var problem: String
        var testDescription: String { text }
        init(_ text: String, _ problem: String) { (self.text, self.problem) = (text, problem) }
    }

    @Test(arguments: [
        Malformed("", "unexpected end"),
        Malformed("{", "expected a member name"),
        Malformed("[1", "expected ',' or ']'"),
        Malformed("[1 2]", "expected ',' or ']'"),
        Malformed("[1,]", "not a number"),
        Malformed("{\"a\":1,}", "expected a member name"),
        Malformed("{\"a\" 1}", "expected ':'"),
        Malformed("{a:1}", "expected a member name"),
        Malformed("{\"a\":1,\"a\":2}", "duplicate member \"a\""),
        Malformed("1 2", "unexpected text after the value"),
        Malformed("nul", "unknown word"),
        Malformed("nan", "unknown word"),
        Malformed("+1", "not a number"),
        Malformed("01", "not a number"),
        Malformed("-", "not a number"),
        Malformed("1.", "not a number"),
        Malformed(".5", "not a number"),
        Malformed("-.5", "not a number"),
        Malformed("1e", "not a number"),
        Malformed("1e+", "not a number"),
        Malformed("--1", "not a number"),
        Malformed("1e999", "number out of range"),
        Malformed("\"abc", "unterminated string"),
        Malformed("\"a\nb\"", "control character in a string"),
        Malformed("\"\\x\"", "unknown escape"),
        Malformed("\"\\u12g4\"", "bad \\u escape"),
        Malformed("\"\\u+123\"", "bad \\u escape"),
        Malformed("\"\\u12", "bad \\u escape"),
        Malformed("\"\\ud800\"", "lone surrogate"),
        Malformed("\"\\ud800\\u0041\"", "lone surrogate"),
        Malformed("\"\\udc00\"", "lone surrogate"),
        Malformed(String(repeating: "[", count: 100), "nested too deeply"),
    ])
    func malformedTextIsRefused(_ malformed: Malformed) {
        let error = #expect(throws: JSON.ParseError.self) { try JSON.parse(malformed.text.utf8) }
        #expect(error?.problem == malformed.problem)
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        let error = #expect(throws: JSON.ParseError.self) { try JSON.parse([0x22, 0xff, 0x22]) }
        #expect(error?.problem == "not UTF-8")
        #expect(error?.offset == 3)
    }

    @Test func depthBelowTheLimitIsFine() throws {
        let text = String(repeating: "[", count: 60) + String(repeating: "]", count: 60)
        #expect(try JSON.parse(text.utf8).line == text)
    }

    @Test func fileErrorsNameTheFile() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/broken.json"
            try Files.writeAtomically("{\"a\":", to: path)
            let error = #expect(throws: InputError.self) { try JSON.read(path) }
            #expect(error?.subject == path)
            #expect(error?.problem.contains("at byte 5") == true)
        }
    }
}
