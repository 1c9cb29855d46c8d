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

    /// Something beside the state dict.
    public struct Other: Sendable, CustomStringConvertible {
        /// Its key: "optimizer".
        public let name: String
        /// The classes in it that are nothing here but names: "lib.NCEAverage.NCEAverage".
        public let classes: [String]

        /// "lemniscate: lib.NCEAverage.NCEAverage"
        public var description: String {
            let more = classes.count > 3 ? " and others" : ""
            return name + (classes.isEmpty ? "" : ": " + classes.prefix(3).joined(separator: ", ") + more)
        }
    }

    public let path: String
    public let format: Format
    /// Keys that lead to the state dict from the top of the file: `["state_dict"]`; empty when it is the file itself.
    public let place: [String]
    /// In the order of the file.
    public let items: [Item]
    /// What else stands beside the state dict or in it: `epoch`, `optimizer`.
    public let others: [Other]
    /// The class of a network that was pickled as a whole.
    public let networkClass: String?
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
        try self.init(try Files.mapped(path), path: path)
    }

    /// The same for the bytes of a file; `path` names it in errors.
    public init(_ data: Data, path: String) throws {
        let kind = FileKind(data)
        if kind?.role == .torch || kind?.role == .archive {
            try self.init(try TorchFile(data, path: path))
        } else if let kind {
            throw InputError(path, kind.problem("neither a PyTorch nor a safetensors file"), remedy: kind.remedy)
        } else if data.count > 8, data[data.startIndex + 8] != UInt8(ascii: "{") {
            throw InputError(
                path, "is neither a PyTorch nor a safetensors file (it begins with the bytes \(FileKind.bytes(data)))",
                remedy: "download or copy it again")
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
        "classy_state_dict", "base_model", "trunk",  // VISSL
    ]
    /// A state dict is nested no deeper.
    private static let depth = 4

    private init(_ file: TorchFile) throws {
        let heap = file.heap
        typealias Members = [(key: String, value: PickleValue)]
        // Values that were looked at, with the least depth: dictionaries may hold themselves.
        var tried: [PickleValue: Int] = [:]
        func find(_ value: PickleValue, _ place: [String]) -> (place: [String], members: Members, value: PickleValue)? {
            if let depth = tried[value], depth <= place.count { return nil }
            tried[value] = place.count
            if let state = heap.moduleState(value) { return (place, state, value) }
            guard let members = heap.members(value) else { return nil }
            if place.count < Self.depth {
                for key in Self.keys {
                    guard let member = members.last(where: { $0.key == key }) else { continue }
                    if let found = find(member.value, place + [key]) { return found }
                }
            }
            let hasTensors = members.contains { if case .tensor = $0.value { true } else { false } }
            return hasTensors ? (place, members, value) : nil
        }
        var seen: Set<PickleValue> = []
        guard let (place, members, value) = find(heap.root, []) else {
            let keys = heap.members(heap.root)?.prefix(8).map(\.key.printable).joined(separator: ", ")
            let classes = heap.foreignNames(in: heap.root).prefix(3).map(\.printable)
            throw InputError(
                file.path,
                "holds no state dict" + (keys.map { " (it has \($0.isEmpty ? "no keys" : $0))" } ?? "")
                    + (classes.isEmpty ? "" : "; it refers to \(classes.joined(separator: ", "))"),
                remedy: "save one with PyTorch: torch.save(model.state_dict(), FILE)")
        }
        var tensors: [String: TorchTensor] = [:]
        var names: [String] = []
        var others: [Other] = []
        func leaveOut(_ name: String, _ value: PickleValue) {
            others.append(Other(name: name, classes: heap.foreignNames(in: value, seen: &seen)))
        }
        if !place.isEmpty {
            for member in heap.members(heap.root)! where member.key != place[0] { leaveOut(member.key, member.value) }
        }
        for (key, value) in members {
            if case .tensor(let number) = value {
                // The last of equal keys counts, as in Python.
                if tensors.updateValue(heap.tensors[number], forKey: key) == nil { names.append(key) }
            } else {
                leaveOut(key, value)
            }
        }
        var networkClass: String?
        if case .object(let number) = value { networkClass = heap.objects[number].className }
        let items = names.map { Item(name: $0, shape: tensors[$0]!.shape, dtype: tensors[$0]!.element.dtype) }
        let found = tensors
        self.init(
            path: file.path, format: .torch, place: place, items: items, others: others, networkClass: networkClass
        ) { try file.tensor(found[$0]!) }
    }

    private init(
        path: String, format: Format, place: [String], items: [Item], others: [Other],
        networkClass: String? = nil, read: @escaping (String) throws -> Tensor
    ) {
        self.path = path
        self.format = format
        self.place = place
        self.items = items
        self.others = others
        self.networkClass = networkClass
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
