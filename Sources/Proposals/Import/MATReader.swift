internal import Foundation
internal import Support

/// Walks the data elements of a MATLAB file or of one element in it.
struct MATReader {
    static let matrix: UInt32 = 14
    static let compressed: UInt32 = 15
    /// Boxes of an image set are a cell array of matrices: one level.
    private static let maximumDepth = 4

    struct Element {
        var type: UInt32
        var body: Data
    }

    private let data: Data
    private var position: Int
    private let isBigEndian: Bool
    private let name: String

    init(_ data: Data, isBigEndian: Bool, name: String) {
        self.data = data
        position = data.startIndex
        self.isBigEndian = isBigEndian
        self.name = name
    }

    /// The next element; nil at the end.
    mutating func next() throws -> Element? {
        let left = data.endIndex - position
        if left == 0 { return nil }
        guard left >= 8 else { throw damaged("ends inside a tag") }
        let first = word(position)
        // Up to four bytes of data stand in the tag itself.
        if first >> 16 != 0 {
            let length = Int(first >> 16)
            guard length <= 4 else { throw damaged("has a small element of \(length) bytes") }
            defer { position += 8 }
            return Element(type: first & 0xFFFF, body: data[position + 4..<position + 4 + length])
        }
        let length = Int(word(position + 4))
        guard length <= left - 8 else { throw damaged("is cut short: an element of \(length) bytes does not fit") }
        let body = data[position + 8..<position + 8 + length]
        let padded = first == Self.compressed ? length : (length + 7) / 8 * 8
        position = min(data.endIndex, position + 8 + padded)
        return Element(type: first, body: body)
    }

    /// Name and value of the variable in the body of a matrix element.
    func variable(_ body: Data, depth: Int) throws -> (name: String, value: MATFile.Value) {
        guard depth < Self.maximumDepth else { throw damaged("nests cells more than \(Self.maximumDepth) deep") }
        var parts = MATReader(body, isBigEndian: isBigEndian, name: name)
        // An empty cell may have no content at all.
        guard let flags = try parts.next() else {
            let empty = MATMatrix(rows: 0, columns: 0, type: .double, isBigEndian: isBigEndian, bytes: Data())
            return ("", .matrix(empty))
        }
        guard flags.type == MATNumber.uint32.rawValue, flags.body.count == 8 else {
            throw damaged("has a matrix without flags")
        }
        let flagWord = word(of: flags.body, flags.body.startIndex)
        guard let sizes = try parts.next(), sizes.type == MATNumber.int32.rawValue, sizes.body.count >= 8 else {
            throw damaged("has a matrix without dimensions")
        }
        guard let title = try parts.next(), title.type == MATNumber.int8.rawValue else {
            throw damaged("has a matrix without name")
        }
        let (rows, columns) = try dimensions(sizes.body)
        let name = String(decoding: title.body, as: UTF8.self)
        let isComplex = flagWord & 0x800 != 0
        switch flagWord & 0xFF {
        case 1: return (name, .cells(try cells(&parts, count: rows * columns, depth: depth)))
        case 4: return (name, .text(try text(&parts)))
        case 6...15 where !isComplex: return (name, .matrix(try matrix(&parts, rows: rows, columns: columns)))
        default: return (name, .other)
        }
    }

    private func dimensions(_ body: Data) throws -> (rows: Int, columns: Int) {
        let sizes = stride(from: body.startIndex, to: body.endIndex - 3, by: 4).map {
            Int(Int32(bitPattern: word(of: body, $0)))
        }
        guard sizes.allSatisfy({ $0 >= 0 }) else { throw damaged("has a matrix with a negative dimension") }
        var columns = 1
        for size in sizes.dropFirst() {
            let product = columns.multipliedReportingOverflow(by: size)
            guard !product.overflow, product.partialValue <= Int32.max else { throw damaged("has an endless matrix") }
            columns = product.partialValue
        }
        return (sizes[0], columns)
    }

    private func cells(_ parts: inout MATReader, count: Int, depth: Int) throws -> [MATFile.Value] {
        var values: [MATFile.Value] = []
        while let element = try parts.next() {
            guard element.type == Self.matrix else { throw damaged("has a cell that is no matrix") }
            guard values.count < count else { throw damaged("has a cell array with more than its \(count) cells") }
            values.append(try variable(element.body, depth: depth + 1).value)
        }
        guard values.count == count else {
            throw damaged("has a cell array of \(count) cells with \(values.count) of them")
        }
        return values
    }

    private func matrix(_ parts: inout MATReader, rows: Int, columns: Int) throws -> MATMatrix {
        guard let numbers = try parts.next(), let type = MATNumber(rawValue: numbers.type) else {
            throw damaged("has a matrix without numbers")
        }
        // Neither product can overflow: all factors are under 2³¹ and 2⁴.
        let needed = rows.multipliedReportingOverflow(by: columns * type.size)
        guard !needed.overflow, numbers.body.count == needed.partialValue else {
            throw damaged("has a matrix of \(rows)x\(columns) numbers in \(numbers.body.count) bytes")
        }
        return MATMatrix(rows: rows, columns: columns, type: type, isBigEndian: isBigEndian, bytes: numbers.body)
    }

    private func text(_ parts: inout MATReader) throws -> String {
        guard let element = try parts.next() else { return "" }
        switch element.type {
        // UTF-16 units, also under the name of plain 16-bit numbers.
        case MATNumber.uint16.rawValue, 17:
            let units = stride(from: element.body.startIndex, to: element.body.endIndex - 1, by: 2).map { place in
                let (a, b) = (UInt16(data: element.body, place), UInt16(data: element.body, place + 1))
                return isBigEndian ? a << 8 | b : b << 8 | a
            }
            return String(decoding: units, as: UTF16.self)
        case MATNumber.int8.rawValue, MATNumber.uint8.rawValue, 16:
            return String(decoding: element.body, as: UTF8.self)
        default: throw damaged("has text of the unknown kind \(element.type)")
        }
    }

    private func word(of data: Data? = nil, _ place: Data.Index) -> UInt32 {
        let data = data ?? self.data
        return data.withUnsafeBytes {
            let value = $0.loadUnaligned(fromByteOffset: place - data.startIndex, as: UInt32.self)
            return isBigEndian ? UInt32(bigEndian: value) : UInt32(littleEndian: value)
        }
    }

    private func damaged(_ problem: String) -> InputError {
        InputError(name, "is a damaged MATLAB file: it \(problem)")
    }
}

extension UInt16 {
    fileprivate init(data: Data, _ place: Data.Index) { self.init(data[place]) }
}
