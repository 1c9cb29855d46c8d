#if canImport(Glibc)
internal import Glibc
#endif

/// The number written in `bytes` (C syntax, whole range used), correctly rounded; nil when it is anything else.
///
/// NaN and infinities are returned as such, so that callers can name them in their errors.
public func parseDouble(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
    // Up to 15 digits and a power of ten up to 10²² are both exact in a Double, so that one division is correctly
    // rounded (Clinger 1990). Every number of a detection file is of this kind.
    var mantissa: UInt64 = 0
    var digits = 0
    var decimals = 0
    var hasPoint = false
    var position = 0
    var isNegative = false
    if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
        isNegative = sign == UInt8(ascii: "-")
        position = 1
    }
    while position < bytes.count {
        let byte = bytes[position]
        if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            digits += 1
            if digits > 15 { return parseDoubleSlowly(bytes) }
            mantissa = mantissa * 10 + UInt64(byte - UInt8(ascii: "0"))
            if hasPoint { decimals += 1 }
        } else if byte == UInt8(ascii: "."), !hasPoint {
            hasPoint = true
        } else {
            return parseDoubleSlowly(bytes)
        }
        position += 1
    }
    if digits == 0 { return nil }
    let value = Double(mantissa) / powersOfTen[decimals]
    return isNegative ? -value : value
}

private let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
]

/// Any decimal notation, through `strtod`; hexadecimal and over-long texts are refused.
private func parseDoubleSlowly(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
    let isHexadecimal = bytes.contains { $0 == UInt8(ascii: "x") || $0 == UInt8(ascii: "X") }
    guard let first = bytes.first, first > 0x20, bytes.count < 128, !isHexadecimal else { return nil }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { text in
        guard let start = text.baseAddress else { return nil }
        for (index, byte) in bytes.enumerated() { text[index] = CChar(bitPattern: byte) }
        text[bytes.count] = 0
        var end: UnsafeMutablePointer<CChar>?
        let value = strtod(start, &end)
        return end == start + bytes.count ? value : nil
    }
}
