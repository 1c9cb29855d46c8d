internal import Support

/// The bytes of an XML file as the parser can take them.
///
/// libxml2 reads what the first line declares (Latin-1, GBK, …), as iconv knows it. It is spared byte order marks, UTF-16
/// and first lines that do not tell the truth: .NET writes `encoding="utf-16"` over text that is stored as UTF-8.
struct XMLText {
    let bytes: [UInt8]
    /// Whether the bytes are UTF-8 whatever is declared.
    let isUTF8: Bool

    private init(bytes: [UInt8], isUTF8: Bool) {
        self.bytes = bytes
        self.isUTF8 = isUTF8
    }

    init(_ file: [UInt8]) {
        let decoded = TextFile.unicode(file)
        var text = (decoded ?? file)[...]
        // XML knows no blanks in front of its first line, nor zeros behind its last; editors and copies leave both.
        while let first = text.first, Self.isBlank(first) { text.removeFirst() }
        while text.last == 0 { text.removeLast() }
        bytes = Array(text)
        isUTF8 = decoded != nil || Self.encoding(of: bytes).map(Self.isUnicode) ?? true
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// With U+FFFD for what is not UTF-8; nil where nothing is to be repaired.
    var repaired: XMLText? {
        guard isUTF8, String(validating: bytes, as: UTF8.self) == nil else { return nil }
        return XMLText(bytes: Array(String(decoding: bytes, as: UTF8.self).utf8), isUTF8: true)
    }

    /// The encoding that the first line declares, in small letters.
    private static func encoding(of bytes: [UInt8]) -> String? {
        guard bytes.starts(with: "<?xml".utf8) else { return nil }
        let line = String(decoding: bytes.prefix(200).prefix { $0 != UInt8(ascii: ">") }, as: UTF8.self).lowercased()
        guard let name = line.firstRange(of: "encoding") else { return nil }
        let quoted = line[name.upperBound...].split(
            maxSplits: 2, omittingEmptySubsequences: false, whereSeparator: { $0 == "\"" || $0 == "'" })
        return quoted.count > 1 ? TextFile.trimmed(quoted[1]) : nil
    }

    private static func isUnicode(_ encoding: String) -> Bool {
        ["utf", "ucs", "unicode", "us-ascii", "ascii", "iso-10646"].contains { encoding.hasPrefix($0) }
            && !encoding.hasPrefix("utf-7")
    }
}
