public import Boxes
public import Foundation
internal import Support

/// Boxes as text.
public enum BoxText {
    /// A line `id a b c d` for each box; the boxes of an image stay in their order.
    public static func read(_ data: Data, name: String, notation: BoxNotation) throws -> [String: [Box]] {
        var result: [String: [Box]] = [:]
        try lines(data, columns: 5, name: name) { id, a, b, c, d in
            result[id, default: []].append(notation.box(a, b, c, d))
        }
        return result
    }

    /// A line `a b c d` for each box of one image.
    public static func readOne(_ data: Data, name: String, notation: BoxNotation) throws -> [Box] {
        var result: [Box] = []
        try lines(data, columns: 4, name: name) { _, a, b, c, d in result.append(notation.box(a, b, c, d)) }
        return result
    }

    /// Splits at blanks and commas; empty lines are passed over.
    private static func lines(
        _ data: Data, columns: Int, name: String, _ body: (String, Double, Double, Double, Double) -> Void
    ) throws {
        let first = columns - 4
        try data.withUnsafeBytes { raw in
            let bytes = raw.assumingMemoryBound(to: UInt8.self)
            var number = 0
            for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
                number += 1
                let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x2C }
                if words.isEmpty { continue }
                guard words.count == columns else {
                    throw InputError(
                        "\(name):\(number)", "has \(words.count) columns, not \(columns)",
                        remedy: columns == 5 ? "write: id and four numbers" : "write four numbers")
                }
                let values = try words.dropFirst(first).map { word in
                    guard let value = parseDouble(UnsafeBufferPointer(rebasing: word)), value.isFinite else {
                        throw InputError(
                            "\(name):\(number)", "\"\(String(decoding: word, as: UTF8.self))\" is not a finite number")
                    }
                    return value
                }
                body(
                    first == 1 ? String(decoding: words[0], as: UTF8.self) : "", values[0], values[1], values[2],
                    values[3])
            }
        }
    }
}
