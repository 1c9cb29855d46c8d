#if canImport(Glibc)
internal import Glibc
#endif

extension BinaryFloatingPoint {
    /// The value with a fixed number of decimals, rounded as C's `printf("%.Nf")` does.
    public func fixed(_ decimals: Int) -> String {
        Double(self).format("%.*f", decimals)
    }
}

extension Int {
    /// The nearest whole number; the ends of the range for what lies beyond them, 0 for NaN.
    public init(nearestTo value: Double) {
        let rounded = value.rounded()
        self = Int(exactly: rounded) ?? (rounded.isNaN ? 0 : rounded < 0 ? .min : .max)
    }
}

extension Int {
    /// The number and what it counts: "1 image", "2 images", "3 classes", "4 boxes".
    public func counted(_ noun: String) -> String {
        self == 1 ? "1 \(noun)" : "\(self) \(noun)\(noun.hasSuffix("s") || noun.hasSuffix("x") ? "es" : "s")"
    }
}

extension Double {
    /// So many bytes, as people read them: "1.50 GB", "2.3 MB", "10.0 kB".
    public var byteText: String {
        switch self {
        case 1e9...: "\((self / 1e9).fixed(2)) GB"
        case 1e6...: "\((self / 1e6).fixed(1)) MB"
        default: "\((self / 1e3).fixed(1)) kB"
        }
    }

    /// What `printf` makes of a precision and the value.
    fileprivate func format(_ format: String, _ precision: Int) -> String {
        withVaList([Int32(precision), self]) { arguments in
            // 309 digits before the point, 64 after, sign and zero fit.
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
                vsnprintf(buffer.baseAddress!, buffer.count, format, arguments)
                return String(cString: buffer.baseAddress!)
            }
        }
    }

    /// With so many significant digits, as C's `printf("%.Ng")` writes it.
    public func significant(_ digits: Int) -> String { format("%.*g", digits) }

    /// As short as it can be written: "256", "0.07".
    public var shortest: String { self == rounded() && magnitude < 1e15 ? String(Int(self)) : "\(self)" }
}

extension String {
    /// Padded with spaces on the right (or cut nowhere) to at least `width` columns of a terminal.
    public func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - terminalWidth)) }

    /// Padded with spaces on the left to at least `width` columns of a terminal.
    public func aligned(_ width: Int) -> String { String(repeating: " ", count: max(0, width - terminalWidth)) + self }

    /// Columns that a terminal shows the text in: two for a Chinese, Japanese or Korean character or an emoji, one for others.
    public var terminalWidth: Int {
        utf8.allSatisfy { $0 < 0x80 } ? utf8.count : reduce(0) { $0 + ($1.isWide ? 2 : 1) }
    }
}

extension Character {
    /// The C library would know (`wcwidth`), but only in a locale of UTF-8, which a machine may lack.
    fileprivate var isWide: Bool {
        guard let scalar = unicodeScalars.first else { return false }
        if scalar.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}") { return true }
        // East Asian width W and F of UAX #11, in blocks.
        return switch scalar.value {
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff,
            0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x20000...0x3fffd:
            true
        default: false
        }
    }
}
