internal import Boxes
internal import Foundation
internal import Support

/// Constants and small pieces that the proposal file and its journal share.
enum ProposalFormat {
    static let magic = Array("DETPROPS".utf8)
    static let journalMagic = Array("DETPROPJ".utf8)
    static let version: UInt32 = 1
    /// 4 × Float32.
    static let boxLength = 16
    static let checksumLength = 8
    /// 9963 VOC images take under 300 kB; no real image set comes near this.
    static let maximumHeaderLength = 1 << 28
    static let remedy = "make it again with `detect-cli proposals`"

    static func box(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Box {
        func value(_ index: Int) -> Double {
            let bits = bytes.loadUnaligned(fromByteOffset: offset + 4 * index, as: UInt32.self)
            return Double(Float(bitPattern: UInt32(littleEndian: bits)))
        }
        return Box(minX: value(0), minY: value(1), maxX: value(2), maxY: value(3))
    }

    /// Magic, version, length and text of a header.
    static func preamble(_ magic: [UInt8], header: JSON) -> Data {
        let text = Data(header.line.utf8)
        var data = Data(magic)
        data.append(littleEndian: version)
        data.append(littleEndian: UInt64(text.count))
        data.append(text)
        return data
    }
}

extension Data {
    mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    mutating func append(_ box: Box) {
        for value in [box.minX, box.minY, box.maxX, box.maxY] { append(littleEndian: Float(value).bitPattern) }
    }
}

extension Box {
    /// What keeps this from being a proposal; nil when nothing does.
    var problem: String? {
        if !isFinite { return "is not finite" }
        if maxX <= minX || maxY <= minY { return "is turned inside out or empty" }
        return nil
    }
}

/// Reads the start of a file whose lengths are not trusted.
struct HeaderReader {
    private let data: Data
    private let path: String
    private let kind: String
    private(set) var position = 0

    init(_ data: Data, path: String, kind: String) {
        self.data = data
        self.path = path
        self.kind = kind
    }

    mutating func expect(_ magic: [UInt8]) throws {
        guard data.count >= magic.count, data.prefix(magic.count).elementsEqual(magic) else {
            throw InputError(path, "is not \(kind)")
        }
        position += magic.count
    }

    mutating func expectVersion(_ expected: UInt32) throws {
        let version: UInt32 = try integer()
        guard version == expected else {
            throw InputError(path, "has format version \(version), this program reads version \(expected)")
        }
    }

    /// A length and as many bytes of JSON.
    mutating func json() throws -> JSON {
        let length: UInt64 = try integer()
        guard length <= UInt64(ProposalFormat.maximumHeaderLength) else {
            throw InputError(path, "its header has an impossible length of \(length) bytes")
        }
        guard Int(length) <= data.count - position else {
            throw InputError(
                path, "is cut short: a header of \(length) bytes does not fit", remedy: ProposalFormat.remedy)
        }
        let text = data.dropFirst(position).prefix(Int(length))
        position += Int(length)
        do {
            return try JSON.parse(text)
        } catch {
            throw InputError(path, "its header is not valid JSON: \(error)")
        }
    }

    private mutating func integer<Value: FixedWidthInteger>() throws -> Value {
        let length = MemoryLayout<Value>.size
        guard data.count - position >= length else {
            throw InputError(path, "is cut short: it ends at byte \(data.count)", remedy: ProposalFormat.remedy)
        }
        defer { position += length }
        return data.withUnsafeBytes {
            Value(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Value.self))
        }
    }
}
