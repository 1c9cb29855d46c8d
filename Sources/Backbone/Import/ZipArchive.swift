public import Foundation
internal import Support

/// The central directory of a zip archive whose entries are stored as they are, as `torch.save` writes them.
///
/// Nothing is unpacked: an entry is a range of the file's bytes. Source: PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.3.
public struct ZipArchive: Sendable {
    public struct Entry: Sendable {
        public let name: String
        /// Bytes of the content.
        public let size: Int
        /// 0 means that the writer computed none.
        let checksum: UInt32
        let isPlain: Bool
        /// Where its own header begins.
        let header: Int
    }

    public let path: String
    public let entries: [Entry]
    private let data: Data
    private let positions: [String: Int]
    /// Where the central directory begins: no content reaches beyond.
    private let end: Int

    /// Checks the directory; `path` names the file in errors.
    public init(_ data: Data, path: String) throws {
        let data = data.startIndex == 0 ? data : Data(data)
        let reader = Reader(data: data, path: path)
        let directory = try reader.directory()
        var entries: [Entry] = []
        var positions: [String: Int] = [:]
        var position = directory.lowerBound
        while position < directory.upperBound {
            guard try reader.integer(position, 4) == 0x0201_4B50 else { throw reader.bad("its directory is damaged") }
            let entry = try reader.entry(at: &position)
            guard position <= directory.upperBound else { throw reader.bad("its directory ends inside an entry") }
            guard positions.updateValue(entries.count, forKey: entry.name) == nil else {
                throw reader.bad("it has two entries named \(entry.name.printable)")
            }
            entries.append(entry)
        }
        self.path = path
        self.data = data
        self.entries = entries
        self.positions = positions
        end = directory.lowerBound
    }

    /// The entry of that name, or nil.
    public subscript(name: String) -> Entry? { positions[name].map { entries[$0] } }

    /// Gives `body` the content of an entry, in the memory of the mapped file.
    ///
    /// - Throws: `InputError` when it is compressed or encrypted, leads outside the file, or, if `verified`, does not have
    ///   its checksum.
    func withContent<Result>(
        _ entry: Entry, verified: Bool, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let reader = Reader(data: data, path: path)
        guard entry.isPlain else {
            throw InputError(
                path, "its entry \(entry.name.printable) is compressed or encrypted, which torch.save never does",
                remedy: "save it again with torch.save")
        }
        guard try reader.integer(entry.header, 4) == 0x0403_4B50 else {
            throw reader.bad("the header of \(entry.name.printable) is damaged")
        }
        let start = try entry.header + 30 + reader.integer(entry.header + 26, 2) + reader.integer(entry.header + 28, 2)
        guard start <= end, entry.size <= end - start else {
            throw reader.bad("\(entry.name.printable) does not lie inside it")
        }
        return try data.withUnsafeBytes { bytes in
            let content = UnsafeRawBufferPointer(rebasing: bytes[start..<start + entry.size])
            if verified, entry.checksum != 0, CRC32.checksum(content) != entry.checksum {
                throw reader.bad("\(entry.name.printable) does not have its checksum")
            }
            return try body(content)
        }
    }
}

/// Fields of a zip archive; every access is checked.
private struct Reader {
    let data: Data
    let path: String

    func bad(_ problem: String) -> InputError {
        InputError(path, "is a damaged zip archive: \(problem)", remedy: "copy or download it again")
    }

    /// A little-endian field of up to eight bytes, which must not exceed what an `Int` holds.
    func integer(_ position: Int, _ width: Int) throws -> Int {
        guard position >= 0, position <= data.count - width else { throw bad("it ends too early") }
        let value = (0..<width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(data[position + $1]) }
        guard let value = Int(exactly: value) else { throw bad("it has an absurd size") }
        return value
    }

    /// Where the central directory is.
    func directory() throws -> Range<Int> {
        // The record at the end has 22 bytes and a comment of at most 65535.
        let last = data.count - 22
        var found: Int?
        for position in stride(from: last, through: max(0, last - 0xFFFF), by: -1) where position >= 0 {
            if data[position] == 0x50, try integer(position, 4) == 0x0605_4B50,
                try position + 22 + integer(position + 20, 2) == data.count
            {
                found = position
                break
            }
        }
        guard let record = found else { throw bad("its directory is missing, as when a download was cut") }
        var size = try integer(record + 12, 4)
        var start = try integer(record + 16, 4)
        var limit = record
        if record >= 20, try integer(record - 20, 4) == 0x0706_4B50 {
            let large = try integer(record - 12, 8)
            guard try integer(large, 4) == 0x0606_4B50 else { throw bad("its zip64 record is damaged") }
            size = try integer(large + 40, 8)
            start = try integer(large + 48, 8)
            limit = large
        }
        guard start <= limit, size <= limit - start else { throw bad("its directory does not lie inside it") }
        return start..<start + size
    }

    /// The entry whose directory record begins at `position`, which then moves behind it.
    func entry(at position: inout Int) throws -> ZipArchive.Entry {
        let record = position
        let lengths = try (28...32).filter { $0 % 2 == 0 }.map { try integer(record + $0, 2) }
        let name = record + 46
        let extra = name + lengths[0]
        position = extra + lengths[1] + lengths[2]
        guard position <= data.count else { throw bad("its directory ends inside an entry") }
        guard let text = String(data: data[name..<extra], encoding: .utf8), !text.isEmpty else {
            throw bad("an entry has a name that is not UTF-8")
        }
        // Sizes and place, replaced by 64-bit ones from the zip64 field in this order where they are all ones.
        var values = try [24, 20, 42].map { try integer(record + $0, 4) }
        if values.contains(0xFFFF_FFFF), var field = try zip64(extra..<extra + lengths[1]) {
            for index in values.indices where values[index] == 0xFFFF_FFFF {
                guard field.count >= 8 else { throw bad("the zip64 field of \(text.printable) is too short") }
                values[index] = try integer(field.lowerBound, 8)
                field = field.lowerBound + 8..<field.upperBound
            }
        }
        let isPlain = try integer(record + 10, 2) == 0 && integer(record + 8, 2) & 1 == 0
        guard !isPlain || values[0] == values[1] else { throw bad("\(text.printable) has two sizes") }
        return ZipArchive.Entry(
            name: text, size: values[0], checksum: UInt32(try integer(record + 16, 4)), isPlain: isPlain,
            header: values[2])
    }

    /// The content of the extra field with number 1, if there is one.
    private func zip64(_ extra: Range<Int>) throws -> Range<Int>? {
        var position = extra.lowerBound
        while position + 4 <= extra.upperBound {
            let start = position + 4
            let end = try start + integer(position + 2, 2)
            guard end <= extra.upperBound else { throw bad("an extra field is too long") }
            if try integer(position, 2) == 1 { return start..<end }
            position = end
        }
        return nil
    }
}
