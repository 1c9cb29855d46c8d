public import Boxes
public import Foundation
public import Support

/// Proposals of an image set in one compact file.
///
/// Layout, all numbers little-endian: the magic, version (UInt32), length of the header (UInt64), the header as JSON,
/// the boxes of all images in the order of the set as 4 × Float32 each (minX, minY, maxX, maxY in the convention of
/// `Box`), and the 64-bit FNV-1a checksum of all bytes before it.
/// The file is mapped and its pages are given back once they are read, so a large one takes no more memory than a small.
public struct ProposalFile: Sendable {
    /// What the proposals are of and how they were made.
    public struct Header: Hashable, Sendable {
        /// Such as `SelectiveSearch.method`.
        public var method: String
        /// The options of the method, in full.
        public var options: JSON
        public var seed: UInt64
        /// The image set, in its order, without repetition.
        public var imageIDs: [String]

        /// Traps when an image is named twice.
        public init(method: String, options: JSON, seed: UInt64, imageIDs: [String]) {
            precondition(Set(imageIDs).count == imageIDs.count, "an image set with proposals names each image once")
            self.method = method
            self.options = options
            self.seed = seed
            self.imageIDs = imageIDs
        }
    }

    public let header: Header
    private let indexOfID: [String: Int]
    /// First box of each image, and the number of all boxes at the end.
    private let firstBoxes: [Int]
    private let content: Data
    private let isMapped: Bool
    /// Byte offset of the first box.
    private let start: Int

    /// The images, in the order of the set.
    public var ids: [String] { header.imageIDs }
    /// Number of boxes of all images.
    public var boxCount: Int { firstBoxes[firstBoxes.count - 1] }

    /// Opens and checks a whole file.
    ///
    /// - Throws: `InputError` naming the file and the broken rule: magic, version, lengths, header, checksum, or a
    ///   box that is not finite or has no extent.
    public init(contentsOf path: String) throws { try self.init(Self.mapped(path), path: path, isMapped: true) }

    /// Checks the bytes of a whole file; `path` names it in errors.
    public init(_ data: Data, path: String) throws {
        try self.init(data.startIndex == 0 ? data : Data(data), path: path, isMapped: false)
    }

    private init(_ data: Data, path: String, isMapped: Bool) throws {
        content = data
        self.isMapped = isMapped
        var reader = HeaderReader(content, path: path, kind: "a proposal file")
        try reader.expect(ProposalFormat.magic)
        try reader.expectVersion(ProposalFormat.version)
        let parsed = try reader.json()
        header = try Header(parsed, path: path)
        start = reader.position

        guard let counts = parsed["counts"]?.arrayValue, counts.count == header.imageIDs.count else {
            throw InputError(path, "header: \"counts\" needs one number for each of \"images\"")
        }
        let available = max(0, content.count - start - ProposalFormat.checksumLength)
        var firstBoxes = [0]
        firstBoxes.reserveCapacity(counts.count + 1)
        for (id, count) in zip(header.imageIDs, counts) {
            // Each count is held against what is left, so the sum cannot overflow.
            let left = available / ProposalFormat.boxLength - firstBoxes[firstBoxes.count - 1]
            guard let count = count.intValue, count >= 0 else {
                throw InputError(path, "header: the count of image \"\(id)\" is not a number of boxes")
            }
            guard count <= left else {
                throw InputError(
                    path, "is cut short: image \"\(id)\" should have \(count.counted("box")), room is left for \(left)",
                    remedy: ProposalFormat.remedy)
            }
            firstBoxes.append(firstBoxes[firstBoxes.count - 1] + count)
        }
        let expected =
            start + firstBoxes[firstBoxes.count - 1] * ProposalFormat.boxLength + ProposalFormat.checksumLength
        guard content.count == expected else {
            throw InputError(
                path, "has \(content.count) bytes, its header tells of \(expected)", remedy: ProposalFormat.remedy)
        }
        self.firstBoxes = firstBoxes
        indexOfID = Dictionary(uniqueKeysWithValues: header.imageIDs.enumerated().map { ($1, $0) })
        try check(path)
    }

    /// The boxes of an image in the order in which they were written; nil for an image that is not in the set.
    public func boxes(for imageID: String) -> [Box]? { indexOfID[imageID].map(boxes(at:)) }

    /// The boxes of the image at this place in the set.
    public func boxes(at index: Int) -> [Box] {
        content.withUnsafeBytes { bytes in
            let boxes = (firstBoxes[index]..<firstBoxes[index + 1]).map {
                ProposalFormat.box(bytes, at: start + $0 * ProposalFormat.boxLength)
            }
            letGo(of: index, bytes)
            return boxes
        }
    }

    private func letGo(of index: Int, _ bytes: UnsafeRawBufferPointer) {
        let (first, end) = (firstBoxes[index], firstBoxes[index + 1])
        letGo(start + first * ProposalFormat.boxLength..<start + end * ProposalFormat.boxLength, bytes)
    }

    private func letGo(_ part: Range<Int>, _ bytes: UnsafeRawBufferPointer) {
        if isMapped { MappedFile.letGo(part, of: bytes) }
    }

    private func check(_ path: String) throws {
        try content.withUnsafeBytes { bytes in
            let end = bytes.count - ProposalFormat.checksumLength
            var checksum = Checksum()
            for pieceStart in stride(from: 0, to: end, by: 1 << 20) {
                let piece = pieceStart..<min(pieceStart + 1 << 20, end)
                checksum.update(UnsafeRawBufferPointer(rebasing: bytes[piece]))
                letGo(piece, bytes)
            }
            guard checksum.value == UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt64.self))
            else {
                throw InputError(path, "is damaged: the checksum does not fit", remedy: ProposalFormat.remedy)
            }
            for index in header.imageIDs.indices {
                for place in firstBoxes[index]..<firstBoxes[index + 1] {
                    let box = ProposalFormat.box(bytes, at: start + place * ProposalFormat.boxLength)
                    if let problem = box.problem {
                        throw InputError(
                            path, "box \(place - firstBoxes[index]) of image \"\(header.imageIDs[index])\" \(problem)",
                            remedy: ProposalFormat.remedy)
                    }
                }
                letGo(of: index, bytes)
            }
        }
    }

    private static func mapped(_ path: String) throws -> Data {
        guard Files.exists(path) else { throw Files.systemError(path, "cannot be read") }
        if Files.isFolder(path) { throw InputError(path, "is a folder", remedy: "give the path of a proposal file") }
        return try Files.mapped(path)
    }
}

extension ProposalFile.Header {
    /// The members of the file's header, the counts left out.
    var members: [JSON.Member] {
        [
            JSON.Member("method", .string(method)),
            JSON.Member("options", options),
            // As text: a seed may be larger than the integers of JSON readers.
            JSON.Member("seed", .string(String(seed))),
            JSON.Member("images", .array(imageIDs.map { .string($0) })),
        ]
    }

    init(_ json: JSON, path: String) throws {
        guard let method = json["method"]?.stringValue else {
            throw InputError(path, "header: \"method\" is missing or no text")
        }
        guard let options = json["options"], options.members != nil else {
            throw InputError(path, "header: \"options\" is missing or no object")
        }
        guard let seed = json["seed"]?.stringValue.flatMap({ UInt64($0) }) else {
            throw InputError(path, "header: \"seed\" is missing or no whole number as text")
        }
        guard let images = json["images"]?.arrayValue else {
            throw InputError(path, "header: \"images\" is missing or no list")
        }
        var known: Set<String> = []
        for image in images {
            guard let id = image.stringValue else {
                throw InputError(path, "header: \"images\" has an entry that is no text")
            }
            if !known.insert(id).inserted { throw InputError(path, "header: image \"\(id)\" is named twice") }
        }
        self.init(method: method, options: options, seed: seed, imageIDs: images.compactMap(\.stringValue))
    }
}
