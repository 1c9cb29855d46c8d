public import Foundation
internal import Support
public import Torch

/// The named tensors of a file that another program wrote: a state dict of PyTorch, or a safetensors file.
public struct ForeignWeights {
    public enum Format: String, Sendable {
        case torch = "PyTorch"
        case safetensors
    }

    public struct Item: Sendable {
        public let name: String
        public let shape: [Int]
        /// Nil for types that no network of this toolkit has.
        public let dtype: DType?
    }

    public let path: String
    public let format: Format
    /// Keys that lead to the state dict from the top of the file: `["state_dict"]`; empty when it is the file itself.
    public let place: [String]
    /// In the order of the file.
    public let items: [Item]
    /// What else stands beside the state dict or in it: `epoch`, `optimizer`.
    public let others: [String]
    private let positions: [String: Int]
    private let read: (String) throws -> Tensor

    /// Maps a file and looks what it holds.
    ///
    /// - Throws: `InputError` naming the file when it is of another format, damaged, or names what is not allowed.
    public init(path: String) throws {
        guard Files.exists(path) else { throw InputError(path, "does not exist", remedy: "check the path") }
        guard !Files.isFolder(path) else {
            throw InputError(path, "is a folder", remedy: "give the path of a .pth or safetensors file")
        }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw Files.systemError(path, "cannot be read")
        }
        try self.init(data, path: path)
    }

    /// The same for the bytes of a file; `path` names it in errors.
    public init(_ data: Data, path: String) throws {
        if data.starts(with: [0x50, 0x4B]) {
            try self.init(try TorchFile(data, path: path))
        } else if data.starts(with: TorchFile.legacyMagic) {
            throw InputError(
                path, "is of PyTorch's format before 1.6, which is not read",
                remedy: "save it again with a newer PyTorch: torch.save(torch.load(FILE, map_location=\"cpu\"), OTHER)")
        } else if data.starts(with: [0x80]) {
            throw InputError(
                path, "is a plain pickle, not a file of torch.save", remedy: "save a state dict with torch.save")
        } else {
            try self.init(try SafetensorsFile(data, path: path))
        }
    }

    private init(_ file: SafetensorsFile) throws {
        self.init(
            path: file.path, format: .safetensors, place: [],
            items: file.entries.map { Item(name: $0.name, shape: $0.shape, dtype: $0.dtype) }, others: []
        ) { file.tensor($0)! }
    }

    /// Keys under which programs keep a state dict, in the order in which they are looked for.
    static let keys = [
        "state_dict", "model_state_dict", "model_state", "model", "network", "net", "backbone", "teacher", "student",
        "encoder", "module", "params", "weights",
    ]
    /// A state dict is nested no deeper.
    private static let depth = 3

    private init(_ file: TorchFile) throws {
        let heap = file.heap
        func find(_ value: PickleValue, _ place: [String]) -> (place: [String], value: PickleValue)? {
            guard let members = heap.members(value) else { return nil }
            if place.count < Self.depth {
                for key in Self.keys {
                    guard let member = members.last(where: { $0.key == key }) else { continue }
                    if let found = find(member.value, place + [key]) { return found }
                }
            }
            let hasTensors = members.contains { if case .tensor = $0.value { true } else { false } }
            return hasTensors ? (place, value) : nil
        }
        guard let (place, dictionary) = find(heap.root, []), let members = heap.members(dictionary) else {
            let keys = heap.members(heap.root)?.prefix(8).map(\.key.printable).joined(separator: ", ")
            throw InputError(
                file.path, "holds no state dict" + (keys.map { " (it has \($0.isEmpty ? "no keys" : $0))" } ?? ""),
                remedy: "save one with PyTorch: torch.save(model.state_dict(), FILE)")
        }
        var tensors: [String: TorchTensor] = [:]
        var names: [String] = []
        var others = place.isEmpty ? [] : heap.members(heap.root)!.map(\.key).filter { $0 != place[0] }
        for (key, value) in members {
            if case .tensor(let number) = value {
                // The last of equal keys counts, as in Python.
                if tensors.updateValue(heap.tensors[number], forKey: key) == nil { names.append(key) }
            } else {
                others.append(key)
            }
        }
        let items = names.map { Item(name: $0, shape: tensors[$0]!.shape, dtype: tensors[$0]!.element.dtype) }
        let found = tensors
        self.init(path: file.path, format: .torch, place: place, items: items, others: others) {
            try file.tensor(found[$0]!)
        }
    }

    private init(
        path: String, format: Format, place: [String], items: [Item], others: [String],
        read: @escaping (String) throws -> Tensor
    ) {
        self.path = path
        self.format = format
        self.place = place
        self.items = items
        self.others = others
        self.read = read
        positions = Dictionary(items.enumerated().map { ($1.name, $0) }) { $1 }
    }

    /// What is known of the tensor of that name, or nil.
    public subscript(name: String) -> Item? { positions[name].map { items[$0] } }

    /// Copies a tensor to the CPU; throws when it is damaged or of a type that cannot be read. Traps for other names.
    public func tensor(_ name: String) throws -> Tensor {
        precondition(self[name] != nil, "there is no tensor \(name)")
        return try read(name)
    }
}
