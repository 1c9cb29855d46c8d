/// A value of a pickle. Containers are numbers of a `PickleHeap`, so that neither cycles nor depth can do harm.
public enum PickleValue: Sendable, Hashable {
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    /// Bytes, and integers beyond 64 bits: nothing here needs them.
    case opaque
    /// List, tuple, set or `torch.Size`.
    case sequence(Int)
    /// Dictionary, `OrderedDict` or `Namespace`.
    case mapping(Int)
    case global(PickleGlobal)
    case storage(Int)
    case tensor(Int)

    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
}

/// A dictionary of a pickle, in the order of its making; the last of equal keys counts.
struct PickleMapping: Sendable {
    enum Kind: Sendable { case dictionary, ordered, namespace }
    let kind: Kind
    var pairs: [(key: PickleValue, value: PickleValue)] = []
}

/// Everything a pickle holds.
public struct PickleHeap: Sendable {
    var sequences: [[PickleValue]] = []
    var mappings: [PickleMapping] = []
    var storages: [TorchStorage] = []
    public internal(set) var tensors: [TorchTensor] = []
    public internal(set) var root = PickleValue.none

    /// The members of a mapping whose keys are text, in their order; nil for any other value.
    public func members(_ value: PickleValue) -> [(key: String, value: PickleValue)]? {
        guard case .mapping(let number) = value else { return nil }
        return mappings[number].pairs.compactMap { pair in pair.key.text.map { ($0, pair.value) } }
    }

    func sequence(_ value: PickleValue) -> [PickleValue]? {
        if case .sequence(let number) = value { sequences[number] } else { nil }
    }

    /// A sequence of integers; nil for any other value.
    func integers(_ value: PickleValue) -> [Int]? {
        guard let values = sequence(value) else { return nil }
        let integers = values.compactMap(\.integer)
        return integers.count == values.count ? integers : nil
    }
}

/// The only classes and functions a pickle may name. None of them is ever looked up or called: each is a word for a
/// value that this program makes itself.
public enum PickleGlobal: Sendable, Hashable {
    /// `collections.OrderedDict`
    case orderedDictionary
    /// `torch._utils._rebuild_tensor_v2`
    case rebuildTensor
    /// `torch._utils._rebuild_parameter`
    case rebuildParameter
    /// `torch.Size`
    case size
    /// `argparse.Namespace`, taken as a dictionary.
    case namespace
    /// `torch.FloatStorage` and the like.
    case storage(TorchElement)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", "Size"): self = .size
        case ("argparse", "Namespace"): self = .namespace
        case ("torch", _):
            guard let element = TorchElement(rawValue: name) else { return nil }
            self = .storage(element)
        default: return nil
        }
    }

    /// As Python writes it.
    var name: String {
        switch self {
        case .orderedDictionary: "collections.OrderedDict"
        case .rebuildTensor: "torch._utils._rebuild_tensor_v2"
        case .rebuildParameter: "torch._utils._rebuild_parameter"
        case .size: "torch.Size"
        case .namespace: "argparse.Namespace"
        case .storage(let element): "torch.\(element.rawValue)"
        }
    }
}
