#if canImport(Glibc)
internal import Glibc
#endif

extension BinaryFloatingPoint {
    /// The value with a fixed number of decimals, rounded as C's `printf("%.Nf")` does.
    public func fixed(_ decimals: Int) -> String {
        withVaList([Int32(decimals), Double(self)]) { arguments in
            // 309 digits before the point, 64 after, sign and zero fit.
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
                vsnprintf(buffer.baseAddress!, buffer.count, "%.*f", arguments)
                return String(cString: buffer.baseAddress!)
            }
        }
    }
}

extension Int {
    /// The nearest whole number; the ends of the range for what lies beyond them, 0 for NaN.
    public init(nearestTo value: Double) {
        let rounded = value.rounded()
        self = Int(exactly: rounded) ?? (rounded.isNaN ? 0 : rounded < 0 ? .min : .max)
    }
}

extension Double {
    /// As short as it can be written: "256", "0.07".
    public var shortest: String { self == rounded() && magnitude < 1e15 ? String(Int(self)) : "\(self)" }
}

extension String {
    /// Padded with spaces on the right (or cut nowhere) to at least `width` characters.
    public func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    /// Padded with spaces on the left to at least `width` characters.
    public func aligned(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

/// Lines up rows of cells in columns: the first column to the left, all others to the right.
public func textTable(_ rows: [[String]], separator: String = "  ") -> String {
    var widths: [Int] = []
    for row in rows {
        for (column, cell) in row.enumerated() {
            if column == widths.count { widths.append(0) }
            widths[column] = max(widths[column], cell.count)
        }
    }
    return rows.map { row in
        row.enumerated().map { $0 == 0 ? $1.padded(widths[0]) : $1.aligned(widths[$0]) }
            .joined(separator: separator)
    }.joined(separator: "\n")
}
