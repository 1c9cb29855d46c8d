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
    /// Dictionary or `OrderedDict`.
    case mapping(Int)
    /// What a class or function that is not known would have made.
    case object(Int)
    case global(PickleGlobal)
    /// A class or function that is not known, by its name: "lib.NCEAverage.NCEAverage".
    case foreign(String)
    case storage(Int)
    case tensor(Int)

    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
}

/// A dictionary of a pickle, in the order of its making; the last of equal keys counts.
struct PickleMapping: Sendable {
    var pairs: [(key: PickleValue, value: PickleValue)] = []
}

/// What would have been made by calling something that is not known: everything the pickle says of it, and nothing done.
struct PickleObject: Sendable {
    /// As Python writes what was called: "collections.Counter".
    let className: String
    /// What it was called with.
    let arguments: PickleValue
    /// What its attributes were to be set to.
    var state = PickleValue.none
    /// What was added to it, as to a list.
    var values: [PickleValue] = []
    /// What was added to it, as to a dictionary.
    var pairs: [(key: PickleValue, value: PickleValue)] = []
}

/// Everything a pickle holds.
public struct PickleHeap: Sendable {
    var sequences: [[PickleValue]] = []
    var mappings: [PickleMapping] = []
    var objects: [PickleObject] = []
    var storages: [TorchStorage] = []
    public internal(set) var tensors: [TorchTensor] = []
    public internal(set) var root = PickleValue.none

    /// The members of a mapping whose keys are text, in their order; those of an object's items or attributes; nil for
    /// any other value.
    public func members(_ value: PickleValue) -> [(key: String, value: PickleValue)]? {
        pairs(value)?.compactMap { pair in pair.key.text.map { ($0, pair.value) } }
    }

    private func pairs(_ value: PickleValue) -> [(key: PickleValue, value: PickleValue)]? {
        switch value {
        case .mapping(let number): return mappings[number].pairs
        case .object(let number):
            let object = objects[number]
            if !object.pairs.isEmpty { return object.pairs }
            // Classes with slots have a pair of dictionaries; subclasses of dictionaries are often made of one.
            let candidates =
                [object.state] + (sequence(object.state) ?? []).prefix(2) + (sequence(object.arguments) ?? []).prefix(2)
            for case .mapping(let number) in candidates { return mappings[number].pairs }
            return nil
        default: return nil
        }
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

/// The classes and functions that state dicts are made of. None of them is ever looked up or called: each is a word for a
/// value that this program makes itself. Everything else that a pickle names stays a name.
public enum PickleGlobal: Sendable, Hashable {
    /// `collections.OrderedDict`
    case orderedDictionary
    /// `torch._utils._rebuild_tensor_v2`, and the older one without gradients.
    case rebuildTensor
    /// `torch._utils._rebuild_parameter`, without or with attributes of its own.
    case rebuildParameter
    /// `torch._tensor._rebuild_from_type_v2`: a tensor that has attributes of its own.
    case rebuildFromType
    /// `torch.Size`
    case size
    /// `torch.FloatStorage` and the like.
    case storage(TorchElement)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"):
            self = .rebuildParameter
        case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromType
        case ("torch", "Size"): self = .size
        case ("torch", _), ("torch.cuda", _):
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
        case .rebuildFromType: "torch._tensor._rebuild_from_type_v2"
        case .size: "torch.Size"
        case .storage(let element): "torch.\(element.rawValue)"
        }
    }
}
