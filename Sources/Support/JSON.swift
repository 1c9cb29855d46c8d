internal import Foundation

/// A JSON value that keeps the order of its members and prints numbers so that they read back exactly.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    public struct Member: Hashable, Sendable {
        public var name: String
        public var value: JSON
        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// The value, or null without one.
    public init(_ value: Double?) { self = value.map { .number($0) } ?? .null }
    public init(_ value: Int?) { self = value.map { .integer($0) } ?? .null }
    public init(_ value: String?) { self = value.map { .string($0) } ?? .null }

    /// The member of an object, or nil.
    public subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
    public var members: [Member]? { if case .object(let value) = self { value } else { nil } }
    public var intValue: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// Members keep the order in which they are written.
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0, $1) }) }
}

// MARK: Writing

extension JSON {
    /// On one line, for `metrics.jsonl` and headers. Numbers that are not finite become `null`.
    public var line: String {
        var text = ""
        write(to: &text, indent: nil)
        return text
    }

    /// Indented by two spaces, for people; ends with a newline.
    public var pretty: String {
        var text = ""
        write(to: &text, indent: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value): text += value.isFinite ? "\(value)" : "null"
        case .string(let value): Self.write(value, to: &text)
        case .array(let values):
            Self.writeList(values, "[", "]", to: &text, indent: indent) { $0.write(to: &$1, indent: $2) }
        case .object(let members):
            Self.writeList(members, "{", "}", to: &text, indent: indent) { member, text, indent in
                Self.write(member.name, to: &text)
                text += indent == nil ? ":" : ": "
                member.value.write(to: &text, indent: indent)
            }
        }
    }

    private static func writeList<Element>(
        _ elements: [Element], _ open: String, _ close: String, to text: inout String, indent: Int?,
        _ body: (Element, inout String, Int?) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if let indent { text += "\n" + String(repeating: "  ", count: indent + 1) }
            body(element, &text, indent.map { $0 + 1 })
        }
        if let indent, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += close
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case let control where control.value < 0x20:
                let digits = String(control.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

// MARK: Reading

extension JSON {
    /// What is wrong with a JSON text, and where.
    public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        public var problem: String
        /// Byte offset.
        public var offset: Int
        public var description: String { "\(problem) at byte \(offset)" }
    }

    /// Parses one JSON value, with or without a byte order mark. Depth is bounded, duplicate member names are refused.
    public static func parse(_ text: some Sequence<UInt8>) throws(ParseError) -> JSON {
        var parser = Parser(bytes: TextFile.utf8(Array(text)))
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        if parser.position != parser.bytes.count { throw parser.error("unexpected text after the value") }
        return value
    }

    /// Reads and parses a file; every error names it.
    public static func read(_ path: String) throws -> JSON {
        let data = try Files.read(path)
        do {
            return try parse(data)
        } catch {
            throw InputError(path, "is not valid JSON: \(error)")
        }
    }

    private struct Parser {
        let bytes: [UInt8]
        var position = 0
        /// Deeper nesting than any file of ours has; keeps hostile input from exhausting the stack.
        static let maximumDepth = 64

        func error(_ problem: String) -> ParseError { ParseError(problem: problem, offset: position) }
        var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func skipSpace() {
            while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
        }

        mutating func value(depth: Int) throws(ParseError) -> JSON {
            if depth > Self.maximumDepth { throw error("nested too deeply") }
            skipSpace()
            guard let byte = current else { throw error("unexpected end") }
            switch byte {
            case UInt8(ascii: "{"): return try object(depth: depth)
            case UInt8(ascii: "["): return try array(depth: depth)
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): return try literal("true", .bool(true))
            case UInt8(ascii: "f"): return try literal("false", .bool(false))
            case UInt8(ascii: "n"): return try literal("null", .null)
            default: return try number()
            }
        }

        mutating func literal(_ word: String, _ value: JSON) throws(ParseError) -> JSON {
            guard bytes[position...].starts(with: word.utf8) else { throw error("unknown word") }
            position += word.utf8.count
            return value
        }

        mutating func object(depth: Int) throws(ParseError) -> JSON {
            var members: [Member] = []
            var names: Set<String> = []
            position += 1
            skipSpace()
            if current == UInt8(ascii: "}") {
                position += 1
                return .object([])
            }
            while true {
                skipSpace()
                guard current == UInt8(ascii: "\"") else { throw error("expected a member name") }
                let name = try string()
                if !names.insert(name).inserted { throw error("duplicate member \"\(name)\"") }
                skipSpace()
                guard current == UInt8(ascii: ":") else { throw error("expected ':'") }
                position += 1
                members.append(Member(name, try value(depth: depth + 1)))
                skipSpace()
                if current == UInt8(ascii: ",") {
                    position += 1
                } else if current == UInt8(ascii: "}") {
                    position += 1
                    return .object(members)
                } else {
                    throw error("expected ',' or '}'")
                }
            }
        }

        mutating func array(depth: Int) throws(ParseError) -> JSON {
            var values: [JSON] = []
            position += 1
            skipSpace()
            if current == UInt8(ascii: "]") {
                position += 1
                return .array([])
            }
            while true {
                values.append(try value(depth: depth + 1))
                skipSpace()
                if current == UInt8(ascii: ",") {
                    position += 1
                } else if current == UInt8(ascii: "]") {
                    position += 1
                    return .array(values)
                } else {
                    throw error("expected ',' or ']'")
                }
            }
        }

        mutating func number() throws(ParseError) -> JSON {
            let start = position
            while let byte = current,
                (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
            { position += 1 }
            let digits = bytes[start..<position]
            // Swift reads more than JSON allows: "+1", "01", "1.", ".5".
            guard Self.isNumber(digits) else { throw error("not a number") }
            let text = String(decoding: digits, as: UTF8.self)
            // -0 is a number that an integer cannot hold.
            if let integer = Int(text), text != "-0" { return .integer(integer) }
            guard let double = Double(text), double.isFinite else { throw error("number out of range") }
            return .number(double)
        }

        /// The grammar of RFC 8259: an integer without leading zeros, then a fraction, then an exponent.
        static func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
            var rest = text
            func skipDigits() -> Int {
                let count = rest.prefix { (0x30...0x39).contains($0) }.count
                rest = rest.dropFirst(count)
                return count
            }
            if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            let startsWithZero = rest.first == UInt8(ascii: "0")
            let digits = skipDigits()
            if digits == 0 || (startsWithZero && digits > 1) { return false }
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
                if skipDigits() == 0 { return false }
            }
            if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
                rest = rest.dropFirst()
                if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
                if skipDigits() == 0 { return false }
            }
            return rest.isEmpty
        }

        mutating func string() throws(ParseError) -> String {
            var result: [UInt8] = []
            position += 1
            while let byte = current {
                position += 1
                switch byte {
                case UInt8(ascii: "\""):
                    guard let text = String(validating: result, as: UTF8.self) else { throw error("not UTF-8") }
                    return text
                case UInt8(ascii: "\\"):
                    guard let escape = current else { throw error("unexpected end") }
                    position += 1
                    switch escape {
                    case UInt8(ascii: "n"): result.append(0x0a)
                    case UInt8(ascii: "r"): result.append(0x0d)
                    case UInt8(ascii: "t"): result.append(0x09)
                    case UInt8(ascii: "b"): result.append(0x08)
                    case UInt8(ascii: "f"): result.append(0x0c)
                    case UInt8(ascii: "u"): try result.append(contentsOf: unicodeEscape())
                    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape)
                    default: throw error("unknown escape")
                    }
                case 0..<0x20: throw error("control character in a string")
                default: result.append(byte)
                }
            }
            throw error("unterminated string")
        }

        mutating func unicodeEscape() throws(ParseError) -> [UInt8] {
            var code = try hex4()
            if (0xd800..<0xdc00).contains(code) {
                guard current == UInt8(ascii: "\\"), position + 1 < bytes.count,
                    bytes[position + 1] == UInt8(ascii: "u")
                else { throw error("lone surrogate") }
                position += 2
                let low = try hex4()
                guard (0xdc00..<0xe000).contains(low) else { throw error("lone surrogate") }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("lone surrogate") }
            return Array(String(Character(scalar)).utf8)
        }

        mutating func hex4() throws(ParseError) -> UInt32 {
            guard position + 4 <= bytes.count, bytes[position] != UInt8(ascii: "+"),
                let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
            else { throw error("bad \\u escape") }
            position += 4
            return code
        }
    }
}
