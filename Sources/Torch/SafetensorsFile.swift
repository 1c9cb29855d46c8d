public import Foundation
internal import Support

/// A safetensors file: an 8-byte length, a JSON header, and the tensors' bytes.
///
/// Opening validates the whole header, so that nothing in it can lead outside the file.
/// Source: the format's specification (huggingface/safetensors).
public struct SafetensorsFile: Sendable {
    public struct Entry: Sendable, Hashable {
        public let name: String
        public let dtype: DType
        public let shape: [Int]
        /// Byte range behind the header.
        let range: Range<Int>
    }

    public let path: String
    /// In the order of their bytes.
    public let entries: [Entry]
    public let metadata: [String: String]
    private let data: Data
    private let start: Int
    private let positions: [String: Int]

    /// Longer headers are refused, as in the reference implementation.
    private static let maximumHeader = 100_000_000

    /// Maps the file and checks it; throws `InputError` naming the file and the broken rule.
    public init(path: String) throws {
        guard Files.exists(path) else { throw InputError(path, "does not exist", remedy: "check the path") }
        if Files.isFolder(path) {
            let names = ["weights.safetensors", "model.safetensors"]
            let file = names.first { Files.isFile("\(path)/\($0)") }.map { "\(path)/\($0)" }
            throw InputError(path, "is a folder", remedy: "give \(file ?? "the path of a file")")
        }
        try self.init(try Files.mapped(path), path: path)
    }

    /// Checks the bytes of a file; `path` names it in errors.
    public init(_ data: Data, path: String) throws {
        let data = data.startIndex == 0 ? data : Data(data)
        func bad(_ problem: String) -> InputError {
            InputError(path, "is not a valid safetensors file: \(problem)", remedy: "write or download it again")
        }
        if let kind = FileKind(data) {
            throw InputError(
                path, kind.problem("not a safetensors file"),
                remedy: kind.role == .torch
                    ? "turn it into a weight file with: \(FileKind.importCommand(path))" : kind.remedy)
        }
        guard data.count >= 8 else { throw bad("it has only \(data.count) bytes") }
        let length = (0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(data[$1]) }
        guard length <= UInt64(Self.maximumHeader) else {
            throw bad("its header claims \(length) bytes (it begins with \(FileKind.bytes(data)))")
        }
        guard Int(length) <= data.count - 8 else { throw bad("it ends inside the header") }
        let start = 8 + Int(length)
        let header: JSON
        do {
            header = try JSON.parse(data[8..<start])
        } catch {
            throw bad("its header is not JSON (\(error))")
        }
        guard let members = header.members else { throw bad("its header is not an object") }
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        for member in members {
            if member.name == "__metadata__" {
                guard let pairs = member.value.members else { throw bad("__metadata__ is not an object") }
                for pair in pairs {
                    guard let text = pair.value.stringValue else { throw bad("metadata \(pair.name) is not a string") }
                    metadata[pair.name] = text
                }
            } else {
                entries.append(try Self.entry(member, bad))
            }
        }
        entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var end = 0
        for entry in entries {
            guard entry.range.lowerBound == end else {
                throw bad("\(entry.name) overlaps another tensor or leaves a gap")
            }
            end = entry.range.upperBound
        }
        guard end == data.count - start else {
            throw bad("its tensors need \(end) bytes, but \(data.count - start) follow the header")
        }
        self.path = path
        self.data = data
        self.start = start
        self.entries = entries
        self.metadata = metadata
        positions = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    private static func entry(_ member: JSON.Member, _ bad: (String) -> InputError) throws -> Entry {
        let name = member.name
        guard let code = member.value["dtype"]?.stringValue else { throw bad("\(name) has no dtype") }
        guard let dtype = DType(safetensors: code) else { throw bad("\(name) has the unsupported dtype \(code)") }
        guard let sizes = member.value["shape"]?.arrayValue else { throw bad("\(name) has no shape") }
        var shape: [Int] = []
        // Without the zeros: even a tensor without elements needs strides that can be computed.
        var extent = dtype.byteCount
        for size in sizes {
            guard let size = size.intValue, size >= 0 else { throw bad("\(name) has a bad shape") }
            let product = extent.multipliedReportingOverflow(by: max(size, 1))
            guard !product.overflow else { throw bad("\(name) has a shape that overflows") }
            extent = product.partialValue
            shape.append(size)
        }
        let bytes = shape.contains(0) ? 0 : extent
        guard let offsets = member.value["data_offsets"]?.arrayValue, offsets.count == 2,
            let low = offsets[0].intValue, let high = offsets[1].intValue, low >= 0, high >= low
        else { throw bad("\(name) has bad data_offsets") }
        guard high - low == bytes else { throw bad("\(name) has \(high - low) bytes, its shape needs \(bytes)") }
        return Entry(name: name, dtype: dtype, shape: shape, range: low..<high)
    }

    /// The entry of that name, or nil.
    public subscript(name: String) -> Entry? { positions[name].map { entries[$0] } }

    /// Copies a tensor to the CPU; nil when the file has none of that name.
    public func tensor(_ name: String) -> Tensor? {
        self[name].map { entry in
            withBytes(entry) { Tensor(bytes: $0, shape: entry.shape, dtype: entry.dtype) }
        }
    }

    /// The same without a copy, in the memory of the mapped file, which lives as long as the tensor; never to be written
    /// to.
    public func mappedTensor(_ name: String) -> Tensor? {
        self[name].map { entry in
            withBytes(entry) { Tensor(borrowing: $0, owner: BytesOwner(data), shape: entry.shape, dtype: entry.dtype) }
        }
    }

    /// All tensors whose name begins with `prefix`, the prefix removed.
    public func tensors(prefix: String = "") -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for entry in entries where entry.name.hasPrefix(prefix) {
            result[String(entry.name.dropFirst(prefix.count))] = tensor(entry.name)
        }
        return result
    }

    /// The bytes of an entry of this file, little-endian, as they are mapped; they need not be aligned.
    public func withBytes<Result>(_ entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        try data.withUnsafeBytes {
            try body(
                UnsafeRawBufferPointer(
                    rebasing: $0[(start + entry.range.lowerBound)..<(start + entry.range.upperBound)]))
        }
    }

    /// The bytes of a file with these tensors in their order.
    ///
    /// - Parameter tensor: Makes each tensor when its turn comes, so that no second copy of all lies in memory.
    public static func data(
        _ entries: [(name: String, dtype: DType, shape: [Int])], metadata: [String: String] = [:],
        tensor: (_ index: Int) throws -> Tensor
    ) throws -> Data {
        var data = header(entries, metadata)
        data.reserveCapacity(data.count + entries.reduce(0) { $0 + $1.shape.reduce($1.dtype.byteCount, *) })
        for (index, entry) in entries.enumerated() {
            let tensor = try tensor(index)
            precondition(tensor.dtype == entry.dtype && tensor.shape == entry.shape, "\(entry.name) is \(tensor)")
            tensor.detach().withBytes { data.append(contentsOf: $0) }
        }
        return data
    }

    /// Writes tensors in the given order, atomically; throws `InputError` naming the file.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
    ) throws {
        let header = header(tensors.map { ($0.name, $0.tensor.dtype, $0.tensor.shape) }, metadata)
        try Files.writeAtomically(to: path) { write in
            try header.withUnsafeBytes(write)
            for (_, tensor) in tensors { try tensor.detach().withBytes(write) }
        }
    }

    /// The length field and the header of tensors that follow each other, at least `minimum` bytes together.
    static func header(
        _ tensors: [(name: String, dtype: DType, shape: [Int])], _ metadata: [String: String], minimum: Int = 0
    ) -> Data {
        var members: [JSON.Member] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) }
            members.append(JSON.Member("__metadata__", .object(pairs)))
        }
        var offset = 0
        for (name, dtype, shape) in tensors {
            let end = offset + shape.reduce(dtype.byteCount, *)
            members.append(
                JSON.Member(
                    name,
                    [
                        "dtype": .string(dtype.safetensors), "shape": .array(shape.map { .integer($0) }),
                        "data_offsets": [.integer(offset), .integer(end)],
                    ]))
            offset = end
        }
        var text = Data(JSON.object(members).line.utf8)
        // Tensors start at a multiple of 8 bytes, as the reference implementation lays them out.
        let length = (max(text.count, minimum - 8) + 7) / 8 * 8
        text.append(contentsOf: [UInt8](repeating: 0x20, count: length - text.count))
        return withUnsafeBytes(of: UInt64(length).littleEndian) { Data($0) } + text
    }
}

extension DType {
    fileprivate static let safetensorsNames: [(DType, String)] = [
        (.float32, "F32"), (.float64, "F64"), (.float16, "F16"), (.bfloat16, "BF16"), (.int64, "I64"), (.int32, "I32"),
        (.uint8, "U8"), (.bool, "BOOL"),
    ]

    /// The name in a safetensors header.
    public var safetensors: String { Self.safetensorsNames.first { $0.0 == self }!.1 }

    /// From the name in a safetensors header; nil for types this project has no use for.
    public init?(safetensors name: String) {
        guard let match = Self.safetensorsNames.first(where: { $0.1 == name }) else { return nil }
        self = match.0
    }
}

/// Keeps the bytes of a file in their place for tensors that lie in them.
private final class BytesOwner {
    private let data: Data
    init(_ data: Data) { self.data = data }
}
