public import Boxes
internal import Foundation
internal import Support
internal import Synchronization

extension ProposalFile {
    /// Writes a proposal file image by image, in any order and from any thread; a killed run goes on where it was.
    ///
    /// Images go to the journal `FILE.partial` as they come. `finish()` puts them in the order of the set into FILE,
    /// in one atomic step, and removes the journal. A journal whose last record was torn by a kill loses that record
    /// (from a damaged record on, all are made again).
    public final class Writer: Sendable {
        public let path: String
        public let header: Header
        private let indexOfID: [String: Int]
        private let journal: Mutex<ProposalJournal>

        /// Starts a file, or goes on with the journal that an interrupted run left.
        ///
        /// - Throws: `InputError` when the journal belongs to another image set, method, options or seed, when
        ///   another process writes it, or when it cannot be written.
        public init(path: String, header: Header) throws {
            self.path = path
            self.header = header
            indexOfID = Dictionary(uniqueKeysWithValues: header.imageIDs.enumerated().map { ($1, $0) })
            journal = Mutex(try ProposalJournal(path: path + ".partial", header: header))
        }

        /// The images that still lack proposals, in the order of the set.
        public var missing: [String] {
            journal.withLock { journal in
                header.imageIDs.indices.filter { journal.records[$0] == nil }.map { header.imageIDs[$0] }
            }
        }

        /// Number of boxes of an image that is done already; nil for one that is missing.
        public func count(for imageID: String) -> Int? {
            guard let index = indexOfID[imageID] else { return nil }
            return journal.withLock { $0.records[index]?.count }
        }

        /// The boxes of an image that is done already; nil for one that is missing.
        public func boxes(for imageID: String) throws -> [Box]? {
            guard let index = indexOfID[imageID] else { return nil }
            return try journal.withLock { try $0.boxes(index) }
        }

        /// Adds an image.
        ///
        /// Traps when the image is not in the set or has been added before, and when a box is not finite or empty.
        public func append(_ boxes: [Box], for imageID: String) throws {
            guard let index = indexOfID[imageID] else {
                preconditionFailure("image \"\(imageID)\" is not in the image set of \(path)")
            }
            for box in boxes {
                if let problem = box.problem { preconditionFailure("image \"\(imageID)\": a proposal \(problem)") }
            }
            try journal.withLock { try $0.append(boxes, index: index) }
        }

        /// Writes FILE and removes the journal.
        ///
        /// - Throws: `InputError` when images are missing or the file cannot be written; the journal then stays.
        public func finish() throws {
            let missing = missing
            guard missing.isEmpty else {
                throw InputError(
                    path,
                    "\(missing.count) of \(header.imageIDs.count.counted("image")) have no proposals yet, such as "
                        + "\"\(missing[0])\"", remedy: "run the same command again")
            }
            try journal.withLock { journal in
                let counts = header.imageIDs.indices.map { JSON.integer(journal.records[$0]?.count ?? 0) }
                let full = JSON.object(header.members + [JSON.Member("counts", .array(counts))])
                try Files.writeAtomically(to: path) { write in
                    var checksum = Checksum()
                    func put(_ data: Data) throws {
                        try data.withUnsafeBytes {
                            checksum.update($0)
                            try write($0)
                        }
                    }
                    try put(ProposalFormat.preamble(ProposalFormat.magic, header: full))
                    for index in header.imageIDs.indices { try put(try journal.content(index)) }
                    var end = Data()
                    end.append(littleEndian: checksum.value)
                    try end.withUnsafeBytes { try write($0) }
                }
                journal.remove()
            }
        }
    }
}
