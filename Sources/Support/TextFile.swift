/// A line of a text file, without what editors and other programs leave at its ends.
public struct TextLine: Hashable, Sendable {
    /// Counted from 1.
    public var number: Int
    /// Without blanks and byte order marks at either end.
    public var text: String

    public init(number: Int, text: String) {
        self.number = number
        self.text = text
    }

    /// Splits at runs of blanks.
    public var words: [Substring] { text.split(whereSeparator: \.isWhitespace) }
}

/// Text as people have it: with or without a byte order mark, in UTF-8 or UTF-16, its lines ended as Unix, Windows or old
/// Macs end them, the last one perhaps not at all.
public enum TextFile {
    /// The bytes of a text as UTF-8, without a byte order mark.
    ///
    /// UTF-16 and UTF-32 are known by their mark, UTF-16 without one by the zeros beside its first character. Other bytes
    /// come back as they are: whether they are UTF-8 is for the caller to say.
    public static func utf8(_ bytes: some Collection<UInt8>) -> [UInt8] { unicode(bytes) ?? [UInt8](bytes) }

    /// The same; nil for bytes without a mark that are not UTF-16 either.
    public static func unicode(_ bytes: some Collection<UInt8>) -> [UInt8]? {
        let head = Array(bytes.prefix(4))
        if head.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
        if head == [0xFF, 0xFE, 0, 0] { return utf32(bytes.dropFirst(4), isLittleEndian: true) }
        if head == [0, 0, 0xFE, 0xFF] { return utf32(bytes.dropFirst(4), isLittleEndian: false) }
        if head.starts(with: [0xFF, 0xFE]) { return utf16(bytes.dropFirst(2), isLittleEndian: true) }
        if head.starts(with: [0xFE, 0xFF]) { return utf16(bytes.dropFirst(2), isLittleEndian: false) }
        guard head.count >= 2, (head[0] == 0) != (head[1] == 0) else { return nil }
        return utf16(bytes, isLittleEndian: head[1] == 0)
    }

    private static func utf16(_ bytes: some Collection<UInt8>, isLittleEndian: Bool) -> [UInt8] {
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        var first: UInt8?
        for byte in bytes {
            if let low = first {
                units.append(isLittleEndian ? UInt16(byte) << 8 | UInt16(low) : UInt16(low) << 8 | UInt16(byte))
                first = nil
            } else {
                first = byte
            }
        }
        // A byte without its other half stands for what is lost.
        if first != nil { units.append(0xFFFD) }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    private static func utf32(_ bytes: some Collection<UInt8>, isLittleEndian: Bool) -> [UInt8] {
        var text = String.UnicodeScalarView()
        var value: UInt32 = 0
        for (index, byte) in bytes.enumerated() {
            let shift = UInt32(8 * (isLittleEndian ? index % 4 : 3 - index % 4))
            value |= UInt32(byte) << shift
            if index % 4 == 3 {
                text.append(Unicode.Scalar(value) ?? "\u{FFFD}")
                value = 0
            }
        }
        return Array(String(text).utf8)
    }

    /// The text; `name` stands for the file in errors. Throws `InputError` naming the first line that is not UTF-8.
    public static func text(_ bytes: some Collection<UInt8>, name: String) throws -> String {
        let bytes = utf8(bytes)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
        where String(validating: line, as: UTF8.self) == nil {
            throw InputError(
                "\(name):\(index + 1)", "is not UTF-8 text (\(String(escaping: line.prefix(80))))",
                remedy: "save the file as UTF-8")
        }
        throw InputError(name, "is not UTF-8 text", remedy: "save the file as UTF-8")
    }

    /// All lines, empty ones included. Throws as `text` does.
    ///
    /// - Parameter escapes: Takes bytes that are not UTF-8 as `String(escaping:)` writes them instead: for file names.
    public static func lines(
        _ bytes: some Collection<UInt8>, name: String, escapes: Bool = false
    ) throws -> [TextLine] {
        let bytes = utf8(bytes)
        if !escapes { _ = try text(bytes, name: name) }
        var lines: [TextLine] = []
        var start = 0
        while start <= bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x0D { end += 1 }
            lines.append(TextLine(number: lines.count + 1, text: trimmed(String(escaping: bytes[start..<end]))))
            // Windows ends a line with both.
            let isPair = end + 1 < bytes.count && bytes[end] == 0x0D && bytes[end + 1] == 0x0A
            start = end + (isPair ? 2 : 1)
        }
        return lines
    }

    /// Without the blanks, line ends and byte order marks at both ends.
    public static func trimmed(_ text: some StringProtocol) -> String {
        // By scalars: a line end of Windows is one character, and a mark may sit on a blank.
        let text = Substring(text)
        let scalars = text.unicodeScalars
        func isBlank(_ scalar: Unicode.Scalar) -> Bool {
            if scalar.value < 0x80 { return scalar.value == 0x20 || (0x09...0x0D).contains(scalar.value) }
            return scalar == "\u{FEFF}" || scalar.properties.isWhitespace
        }
        guard let first = scalars.firstIndex(where: { !isBlank($0) }),
            let last = scalars.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(text[first..<scalars.index(after: last)])
    }
}

extension Files {
    /// The lines of a text file, see `TextFile.lines`.
    ///
    /// - Throws: `InputError` when the file cannot be read, is longer than `limit` bytes, or is not UTF-8.
    public static func readLines(_ path: String, limit: Int? = nil, escapes: Bool = false) throws -> [TextLine] {
        try TextFile.lines(read(path, limit: limit), name: path, escapes: escapes)
    }
}

/// File names are bytes and need not be UTF-8. Where they are not, the offending bytes are written `\xHH`; `Files` opens
/// files under such names, too.
extension String {
    /// The text of UTF-8 bytes, each byte that is none as `\xHH`.
    public init(escaping bytes: some Collection<UInt8>) {
        self = String(validating: bytes, as: UTF8.self) ?? Self.escaped(Array(bytes))
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        var text = ""
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            let length = byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
            let end = Swift.min(bytes.count, position + length)
            if let character = String(validating: bytes[position..<end], as: UTF8.self) {
                text += character
                position = end
            } else {
                text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
                position += 1
            }
        }
        return text
    }

    /// The bytes that `String(escaping:)` came from; nil where the text holds no escaped byte.
    public var unescapedBytes: [UInt8]? {
        guard utf8.contains(UInt8(ascii: "\\")) else { return nil }
        let bytes = Array(utf8)
        var result: [UInt8] = []
        var isEscaped = false
        var position = 0
        while position < bytes.count {
            if position + 3 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "x"),
                let value = UInt8(String(decoding: bytes[(position + 2)...(position + 3)], as: UTF8.self), radix: 16),
                value >= 0x80
            {
                result.append(value)
                isEscaped = true
                position += 4
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return isEscaped ? result : nil
    }
}
