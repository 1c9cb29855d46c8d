internal import Boxes
internal import Foundation
internal import Support

/// The images of an unfinished proposal file, in the order in which they were done.
///
/// After a preamble like that of the proposal file each record is: place in the image set (UInt32), number of boxes
/// (UInt32), the boxes, and the checksum of these bytes (UInt64).
struct ProposalJournal: ~Copyable {
    struct Record {
        /// Byte offset of the boxes.
        var offset: Int
        var count: Int
    }

    private static let recordHeaderLength = 8
    private let file: LockedFile
    private var end: Int
    /// What is done, by place in the image set.
    private(set) var records: [Int: Record]

    init(path: String, header: ProposalFile.Header) throws {
        let preamble = ProposalFormat.preamble(ProposalFormat.journalMagic, header: .object(header.members))
        let file = try LockedFile(path)
        let found = try file.read(preamble.count, at: 0)
        if found.count < preamble.count, preamble.starts(with: found) {
            // New, or killed before the first record.
            try file.truncate(to: 0)
            try file.write(preamble, at: 0)
        } else if !found.starts(with: ProposalFormat.journalMagic) {
            throw InputError(path, "is not a journal of proposals", remedy: "move it away, or give another output file")
        } else if found != preamble {
            throw InputError(
                path, "belongs to a run with another image set, method, options or seed",
                remedy: "run with those again to go on, or remove it to start anew")
        }
        (records, end) = try Self.resume(file, start: preamble.count, imageCount: header.imageIDs.count)
        self.file = file
    }

    /// Takes over the sound records and cuts off what follows them.
    private static func resume(
        _ file: borrowing LockedFile, start: Int, imageCount: Int
    ) throws -> (records: [Int: Record], end: Int) {
        var records: [Int: Record] = [:]
        var end = start
        let length = try file.length()
        while length - end >= Self.recordHeaderLength + ProposalFormat.checksumLength {
            let (index, count) = try file.read(recordHeaderLength, at: end).withUnsafeBytes {
                (
                    Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))),
                    Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                )
            }
            let body = recordHeaderLength + count * ProposalFormat.boxLength
            let whole = body + ProposalFormat.checksumLength
            guard index < imageCount, records[index] == nil, whole <= length - end else { break }
            let record = try file.read(whole, at: end)
            guard record.count == whole, isSound(record, body: body) else { break }
            records[index] = Record(offset: end + Self.recordHeaderLength, count: count)
            end += whole
        }
        if end < length { try file.truncate(to: end) }
        return (records, end)
    }

    private static func isSound(_ record: Data, body: Int) -> Bool {
        record.withUnsafeBytes { bytes in
            var checksum = Checksum()
            checksum.update(UnsafeRawBufferPointer(rebasing: bytes[..<body]))
            return checksum.value == UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: body, as: UInt64.self))
        }
    }

    /// Adds a record; after a failure (such as a full disk) the journal is as it was.
    mutating func append(_ boxes: [Box], index: Int) throws {
        precondition(records[index] == nil, "an image gets its proposals once")
        var record = Data(capacity: 16 + boxes.count * ProposalFormat.boxLength)
        record.append(littleEndian: UInt32(index))
        record.append(littleEndian: UInt32(boxes.count))
        for box in boxes { record.append(box) }
        var checksum = Checksum()
        record.withUnsafeBytes { checksum.update($0) }
        record.append(littleEndian: checksum.value)
        do {
            try file.write(record, at: end)
        } catch {
            // A torn record would be dropped on resume too; this only frees its space.
            try? file.truncate(to: end)
            throw error
        }
        records[index] = Record(offset: end + Self.recordHeaderLength, count: boxes.count)
        end += record.count
    }

    /// The bytes of an image's boxes. Traps when the image is missing.
    func content(_ index: Int) throws -> Data {
        guard let record = records[index] else { preconditionFailure("image \(index) has no proposals yet") }
        return try file.read(record.count * ProposalFormat.boxLength, at: record.offset)
    }

    /// The boxes of an image; nil when it is missing.
    func boxes(_ index: Int) throws -> [Box]? {
        guard let record = records[index] else { return nil }
        return try content(index).withUnsafeBytes { bytes in
            (0..<record.count).map { ProposalFormat.box(bytes, at: $0 * ProposalFormat.boxLength) }
        }
    }

    /// Removes the journal; to be called when the proposal file is in place.
    func remove() { file.remove() }
}
