public import Foundation
internal import Support

/// A MATLAB 5 file (`save` without options or with `-v6`, `-v7`): numeric matrices, text, and cell arrays of them.
///
/// Anything else in the file is passed over. Nothing in it is trusted: lengths are held against what there is, cells
/// nest at most four deep, and compressed variables may not grow over a bound.
/// Source: MathWorks, "MAT-File Format", level 5.
public struct MATFile: Sendable {
    public enum Value: Sendable {
        case matrix(MATMatrix)
        case text(String)
        case cells([Value])
        /// Structures, objects, sparse and complex matrices.
        case other
    }

    /// In the order of the file.
    public let variables: [(name: String, value: Value)]

    /// All variables of a file together may not be longer than this when inflated: twice the boxes of VOC 2012 as
    /// doubles.
    public static let maximumLength = 2 << 30

    /// Reads a file; throws `InputError` naming it and the broken rule.
    public init(contentsOf path: String) throws {
        try self.init(Files.read(path, limit: Self.maximumLength), name: path)
    }

    /// Reads bytes; `name` stands for the file in errors.
    public init(_ data: Data, name: String, maximumLength: Int = maximumLength) throws {
        guard data.count >= 128 else { throw InputError(name, "is no MATLAB file: it has only \(data.count) bytes") }
        let marks = data.dropFirst(124).prefix(4)
        let isBig: Bool
        switch Array(marks) {
        case [0x00, 0x01, 0x49, 0x4D]: isBig = false
        case [0x01, 0x00, 0x4D, 0x49]: isBig = true
        default:
            throw InputError(
                name, "is no MATLAB 5 file", remedy: "save it in MATLAB with -v7; files saved with -v7.3 are HDF5")
        }
        var variables: [(name: String, value: Value)] = []
        var budget = maximumLength
        var reader = MATReader(data.dropFirst(128), isBigEndian: isBig, name: name)
        while let element = try reader.next() {
            var matrix = element
            if element.type == MATReader.compressed {
                let inflated = try Inflation.inflate(element.body, limit: budget, name: name)
                budget -= inflated.count
                var inner = MATReader(inflated, isBigEndian: isBig, name: name)
                guard let element = try inner.next() else { continue }
                matrix = element
            }
            guard matrix.type == MATReader.matrix else { continue }
            variables.append(try reader.variable(matrix.body, depth: 0))
        }
        self.variables = variables
    }

    /// The variable of that name, or nil.
    public subscript(name: String) -> Value? { variables.first { $0.name == name }?.value }
}

/// A matrix of numbers, column by column; what has more than two dimensions counts as rows of all the rest.
public struct MATMatrix: Sendable {
    public let rows: Int
    public let columns: Int
    let type: MATNumber
    let isBigEndian: Bool
    let bytes: Data

    /// The number in a row and a column, counted from 0. Traps outside the matrix.
    public subscript(row: Int, column: Int) -> Double {
        precondition(
            row >= 0 && row < rows && column >= 0 && column < columns, "(\(row), \(column)) of \(rows)x\(columns)")
        return bytes.withUnsafeBytes {
            type.read($0, at: (column * rows + row) * type.size, isBigEndian: isBigEndian)
        }
    }
}

/// The number formats of the file.
enum MATNumber: UInt32, Sendable {
    case int8 = 1
    case uint8 = 2
    case int16 = 3
    case uint16 = 4
    case int32 = 5
    case uint32 = 6
    case single = 7
    case double = 9
    case int64 = 12
    case uint64 = 13

    var size: Int {
        switch self {
        case .int8, .uint8: 1
        case .int16, .uint16: 2
        case .int32, .uint32, .single: 4
        case .double, .int64, .uint64: 8
        }
    }

    func read(_ bytes: UnsafeRawBufferPointer, at offset: Int, isBigEndian: Bool) -> Double {
        func load<Value: FixedWidthInteger>(_: Value.Type) -> Value {
            let value = bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
            return isBigEndian ? Value(bigEndian: value) : Value(littleEndian: value)
        }
        return switch self {
        case .int8: Double(load(Int8.self))
        case .uint8: Double(load(UInt8.self))
        case .int16: Double(load(Int16.self))
        case .uint16: Double(load(UInt16.self))
        case .int32: Double(load(Int32.self))
        case .uint32: Double(load(UInt32.self))
        case .single: Double(Float(bitPattern: load(UInt32.self)))
        case .double: Double(bitPattern: load(UInt64.self))
        case .int64: Double(load(Int64.self))
        case .uint64: Double(load(UInt64.self))
        }
    }
}
