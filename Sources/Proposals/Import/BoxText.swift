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

    /// Splits at blanks and commas; empty lines are passed over. What stands in front of the last four columns is the id,
    /// blanks and all.
    private static func lines(
        _ data: Data, columns: Int, name: String, _ body: (String, Double, Double, Double, Double) -> Void
    ) throws {
        let first = columns - 4
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x2C }
        // Most files are plain: those stay where they are.
        let decoded = TextFile.unicode(data).map { Data($0) } ?? data
        try decoded.withUnsafeBytes { raw in
            let bytes = raw.assumingMemoryBound(to: UInt8.self)
            var number = 0
            var start = 0
            while start < bytes.count {
                number += 1
                var end = start
                while end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x0D { end += 1 }
                let line = UnsafeBufferPointer(rebasing: bytes[start..<end])
                let isPair = end + 1 < bytes.count && bytes[end] == 0x0D && bytes[end + 1] == 0x0A
                start = end + (isPair ? 2 : 1)
                let words = line.split(whereSeparator: isBlank)
                if words.isEmpty { continue }
                guard first == 1 ? words.count >= columns : words.count == columns else {
                    throw InputError(
                        "\(name):\(number)", "has \(words.count) columns, not \(columns)",
                        remedy: columns == 5 ? "write: id and four numbers" : "write four numbers")
                }
                let values = try words.suffix(4).map { word in
                    guard let value = parseDouble(UnsafeBufferPointer(rebasing: word)), value.isFinite else {
                        throw InputError(
                            "\(name):\(number)", "\"\(String(decoding: word, as: UTF8.self))\" is not a finite number")
                    }
                    return value
                }
                let id = first == 1 ? line[words[0].startIndex..<words[words.count - 5].endIndex] : line[0..<0]
                body(String(escaping: id), values[0], values[1], values[2], values[3])
            }
        }
    }
}
