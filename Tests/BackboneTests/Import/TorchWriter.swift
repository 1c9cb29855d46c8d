import Foundation

/// A pickle, instruction by instruction.
struct PickleBytes {
    var bytes: [UInt8]

    init(protocol version: UInt8 = 2) { bytes = [0x80, version] }

    init(code: String) {
        self.init()
        add(code)
    }

    mutating func add(_ text: String) { bytes += Array(text.utf8) }
    mutating func add(_ more: [UInt8]) { bytes += more }

    mutating func global(_ module: String, _ name: String) { add("c\(module)\n\(name)\n") }

    mutating func text(_ text: String) {
        add("X")
        integer32(text.utf8.count)
        add(text)
    }

    mutating func integer(_ value: Int) {
        add([0x8A, 8])
        add(withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) })
    }

    mutating func integers(_ values: [Int]) {
        add("(")
        for value in values { integer(value) }
        add("t")
    }

    /// `_rebuild_tensor_v2` of a view of a storage.
    ///
    /// - Parameter metadata: What stands in the older format behind the number of elements.
    mutating func tensor(
        key: String, storage: String = "FloatStorage", count: Int, offset: Int = 0, shape: [Int], strides: [Int]? = nil,
        metadata: (inout PickleBytes) -> Void = { _ in }
    ) {
        global("torch._utils", "_rebuild_tensor_v2")
        add("((")
        text("storage")
        global("torch", storage)
        text(key)
        text("cpu")
        integer(count)
        metadata(&self)
        add("tQ")
        integer(offset)
        integers(shape)
        var row = 1
        let contiguous = shape.reversed().map { size in
            defer { row = row &* size }
            return row
        }
        integers(strides ?? contiguous.reversed())
        add([0x89])
        global("collections", "OrderedDict")
        add(")RtR")
    }

    private mutating func integer32(_ value: Int) {
        add(withUnsafeBytes(of: UInt32(value).littleEndian) { Array($0) })
    }
}

/// A zip archive of entries that are stored as they are.
enum StoredZip {
    struct Options {
        /// Sizes and places in 64-bit fields.
        var isLarge = false
        /// What the archive says about compression: 8 is deflate.
        var method = 0
    }

    static func data(_ entries: [(name: String, content: Data)], _ options: Options = Options()) -> Data {
        var file = Data()
        var directory = Data()
        func field(_ value: Int, _ width: Int) -> Data {
            withUnsafeBytes(of: UInt64(value).littleEndian) { Data($0.prefix(width)) }
        }
        for (name, content) in entries {
            let place = file.count
            let fixed = field(options.method, 2) + field(0, 8)
            file += field(0x0403_4B50, 4) + field(45, 2) + field(0, 2) + fixed
            file += field(content.count, 4) + field(content.count, 4) + field(name.utf8.count, 2) + field(6, 2)
            // An extra field, as torch.save aligns its storages with.
            file += Data(name.utf8) + field(0x4246, 2) + field(2, 2) + Data("ZZ".utf8) + content
            let extra =
                options.isLarge
                ? field(1, 2) + field(24, 2) + field(content.count, 8) + field(content.count, 8) + field(place, 8)
                : Data()
            let size = options.isLarge ? 0xFFFF_FFFF : content.count
            directory += field(0x0201_4B50, 4) + field(45, 2) + field(45, 2) + field(0, 2) + fixed
            directory += field(size, 4) + field(size, 4) + field(name.utf8.count, 2) + field(extra.count, 2)
            directory +=
                field(0, 8) + field(0, 2) + field(options.isLarge ? 0xFFFF_FFFF : place, 4) + Data(name.utf8) + extra
        }
        let start = file.count
        file += directory
        if options.isLarge {
            let record = file.count
            file += field(0x0606_4B50, 4) + field(44, 8) + field(45, 2) + field(45, 2) + field(0, 8)
            file += field(entries.count, 8) + field(entries.count, 8) + field(directory.count, 8) + field(start, 8)
            file += field(0x0706_4B50, 4) + field(0, 4) + field(record, 8) + field(1, 4)
        }
        let (size, place) = options.isLarge ? (0xFFFF_FFFF, 0xFFFF_FFFF) : (directory.count, start)
        file += field(0x0605_4B50, 4) + field(0, 4) + field(entries.count, 2) + field(entries.count, 2)
        return file + field(size, 4) + field(place, 4) + field(0, 2)
    }
}

/// A file of torch.save, made without PyTorch.
enum TorchWriter {
    /// A state dict whose tensors all are the beginning of one storage of zeros: any shapes at little cost.
    static func shapes(_ shapes: [(name: String, shape: [Int])], storage: String = "HalfStorage", width: Int = 2)
        -> Data
    {
        let count = shapes.map { $0.shape.reduce(1, *) }.max() ?? 0
        var pickle = PickleBytes()
        pickle.add("}(")
        for (name, shape) in shapes {
            pickle.text(name)
            pickle.tensor(key: "0", storage: storage, count: count, shape: shape)
        }
        pickle.add("u.")
        return file(pickle, ["0": Data(count: count * width)])
    }

    static func file(_ pickle: PickleBytes, _ storages: [String: Data] = [:], root: String = "archive") -> Data {
        StoredZip.data(
            [("\(root)/data.pkl", Data(pickle.bytes)), ("\(root)/byteorder", Data("little".utf8))]
                + storages.sorted { $0.key < $1.key }.map { ("\(root)/data/\($0.key)", $0.value) })
    }
}

/// A file of torch.save before PyTorch 1.6, made without PyTorch.
enum LegacyWriter {
    static let magic: [UInt8] = [
        0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    /// - Parameters:
    ///   - storages: Keys, the number of elements that is written before the bytes, and the bytes.
    static func file(
        _ pickle: PickleBytes, _ storages: [(key: String, count: Int, bytes: Data)], isLittleEndian: Bool = true,
        version: UInt16 = 1001
    ) -> Data {
        var system = PickleBytes()
        system.add("}")
        system.text("little_endian")
        system.add([isLittleEndian ? 0x88 : 0x89])
        system.add("s.")
        var keys = PickleBytes()
        keys.add("](")
        for storage in storages { keys.text(storage.key) }
        keys.add("e.")
        var file = Data(magic) + [0x80, 2, 0x4D, UInt8(version & 0xFF), UInt8(version >> 8), 0x2E]
        file += system.bytes + pickle.bytes + keys.bytes
        for storage in storages {
            file += withUnsafeBytes(of: Int64(storage.count).littleEndian) { Data($0) } + storage.bytes
        }
        return file
    }
}
