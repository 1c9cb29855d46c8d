internal import Foundation
internal import Support

/// A file of `torch.save` before PyTorch 1.6, or with `_use_new_zipfile_serialization=False`: five pickles (a magic number,
/// the protocol, the machine, what was saved, the keys of the storages), then for each key the number of its elements, in
/// eight bytes, and the elements. Source: `torch/serialization.py`, `_legacy_save`.
struct LegacyTorchFile {
    let heap: PickleHeap
    private let data: Data
    /// Where the elements of each storage lie.
    private let places: [String: Range<Int>]

    /// The first three pickles are no longer.
    private static let maximumPreamble = 4096
    private static let protocolVersion = 1001

    /// - Throws: `InputError` naming the file when it is damaged, cut, of another protocol or of a big-endian machine.
    init(_ data: Data, path: String) throws {
        let bytes = [UInt8](data.prefix(Unpickler.maximumLength + Self.maximumPreamble))
        func pickle(_ start: Int, _ storages: Int?) throws -> (heap: PickleHeap, end: Int) {
            try Unpickler.read(bytes, from: start, path: path) { _ in storages }
        }
        let magic = try pickle(0, nil)
        let version = try pickle(magic.end, nil)
        guard version.heap.root == .integer(Self.protocolVersion) else {
            throw InputError(
                path, "is of a protocol of torch.save that is not known",
                remedy: "save it again with a newer PyTorch: torch.save(torch.load(FILE, map_location=\"cpu\"), OTHER)")
        }
        let system = try pickle(version.end, nil)
        if system.heap.members(system.heap.root)?.last(where: { $0.key == "little_endian" })?.value == .bool(false) {
            throw InputError(path, "was written on a big-endian machine", remedy: "save it again on another one")
        }
        // How many elements each storage really has stands behind the pickle, and is held against it by `places`.
        let saved = try pickle(system.end, Int.max)
        let keys = try pickle(saved.end, nil)
        guard let names = keys.heap.sequence(keys.heap.root) else {
            throw Self.damaged(path, "it has no list of its storages")
        }
        heap = saved.heap
        self.data = data
        places = try Self.places(names, heap.storages, in: data, from: keys.end, path: path)
    }

    private static func damaged(_ path: String, _ problem: String) -> InputError {
        InputError(path, "is a damaged PyTorch file: \(problem)", remedy: "copy or download it again")
    }

    /// Walks through the storages, whose widths the pickle says and whose lengths stand before them.
    private static func places(
        _ names: [PickleValue], _ storages: [TorchStorage], in data: Data, from start: Int, path: String
    ) throws -> [String: Range<Int>] {
        var widths: [String: Int] = [:]
        for storage in storages {
            if let other = widths.updateValue(storage.element.byteCount, forKey: storage.key),
                other != storage.element.byteCount
            {
                throw damaged(path, "the storage \(storage.key.printable) has elements of two sizes")
            }
        }
        var places: [String: Range<Int>] = [:]
        var position = start
        for name in names {
            guard let key = name.text, let width = widths[key] else {
                throw damaged(
                    path, "the elements of the storage \(name.text?.printable ?? "without a key") are not known")
            }
            guard places[key] == nil else { throw damaged(path, "the storage \(key.printable) comes twice") }
            guard data.count - position >= 8 else { throw damaged(path, "it ends before the storage \(key.printable)") }
            let count = (0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(data[position + $1]) }
            position += 8
            guard count <= UInt64((data.count - position) / width) else {
                throw damaged(
                    path, "it ends inside the storage \(key.printable) of \(count) elements, as when a download was cut"
                )
            }
            places[key] = position..<position + Int(count) * width
            position += Int(count) * width
        }
        for storage in storages {
            let length = places[storage.key]?.count ?? -1
            guard (storage.start + storage.count) * storage.element.byteCount <= length else {
                throw damaged(
                    path,
                    length < 0
                        ? "the storage \(storage.key.printable) is missing"
                        : "the storage \(storage.key.printable) has \(length) bytes, too few for its tensors")
            }
        }
        return places
    }

    /// Gives `body` the bytes of a storage, in the memory of the mapped file.
    func withContent<Result>(_ storage: TorchStorage, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
        -> Result
    {
        try data.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[places[storage.key]!])) }
    }
}
