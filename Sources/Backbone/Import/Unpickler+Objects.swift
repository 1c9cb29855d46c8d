internal import Support

/// What a pickle would call, made here as plain values.
extension Unpickler {
    mutating func newSequence(_ values: [PickleValue]) -> PickleValue {
        heap.sequences.append(values)
        return .sequence(heap.sequences.count - 1)
    }

    mutating func newMapping(_ kind: PickleMapping.Kind) -> PickleValue {
        heap.mappings.append(PickleMapping(kind: kind))
        return .mapping(heap.mappings.count - 1)
    }

    func global(module: String, name: String) throws(InputError) -> PickleValue {
        guard let global = PickleGlobal(module: module, name: name) else {
            throw refused("it refers to \(module).\(name)")
        }
        return .global(global)
    }

    /// What stands in messages for a value that is called.
    func name(_ value: PickleValue) -> String {
        if case .global(let global) = value { global.name } else { "something that is no class" }
    }

    /// REDUCE, or NEWOBJ if `isNew`: the value of a call.
    mutating func call(
        _ callee: PickleValue, _ arguments: PickleValue, isNew: Bool
    ) throws(InputError) -> PickleValue {
        guard case .global(let global) = callee, let values = heap.sequence(arguments) else {
            throw refused("it calls \(name(callee))")
        }
        switch (global, values.count) {
        case (.namespace, 0): return newMapping(.namespace)
        case (.orderedDictionary, 0): return newMapping(.ordered)
        case (.orderedDictionary, 1) where !isNew: return try ordered(values[0])
        case (.size, 1) where !isNew && heap.integers(values[0]) != nil: return values[0]
        case (.rebuildTensor, 6...7) where !isNew: return try tensor(values)
        case (.rebuildParameter, 3) where !isNew:
            guard case .tensor = values[0] else { throw damaged("a parameter is made of something else than a tensor") }
            return values[0]
        default: throw refused("it calls \(global.name) with \(values.count) unusual arguments")
        }
    }

    /// A list of pairs, as Python 2 wrote an `OrderedDict`.
    private mutating func ordered(_ value: PickleValue) throws(InputError) -> PickleValue {
        guard let items = heap.sequence(value) else { throw damaged("an OrderedDict is made of no list") }
        try charge(items.count)
        var pairs: [(key: PickleValue, value: PickleValue)] = []
        for item in items {
            guard let pair = heap.sequence(item), pair.count == 2 else {
                throw damaged("an OrderedDict is made of something else than pairs")
            }
            pairs.append((pair[0], pair[1]))
        }
        heap.mappings.append(PickleMapping(kind: .ordered, pairs: pairs))
        return .mapping(heap.mappings.count - 1)
    }

    /// (storage, offset, size, stride, requires_grad, hooks[, metadata])
    private mutating func tensor(_ values: [PickleValue]) throws(InputError) -> PickleValue {
        guard case .storage(let number) = values[0], let offset = values[1].integer,
            let shape = heap.integers(values[2]), let strides = heap.integers(values[3])
        else { throw damaged("a tensor is made of something else than storage, offset, size and stride") }
        try charge(shape.count + strides.count)
        let storage = heap.storages[number]
        guard let tensor = TorchTensor(storage, offset: offset, shape: shape, strides: strides) else {
            throw damaged(
                "a tensor of shape \(shape.prefix(8)) with strides \(strides.prefix(8)) from \(offset) on does not lie in "
                    + "its storage of \(storage.count) elements")
        }
        heap.tensors.append(tensor)
        return .tensor(heap.tensors.count - 1)
    }

    /// BUILD: the attributes of a `Namespace` are its items; those of an `OrderedDict` (`_metadata` of a state dict) say
    /// nothing about weights.
    mutating func setState(of object: PickleValue, to state: PickleValue) throws(InputError) {
        guard case .mapping(let target) = object, heap.mappings[target].kind != .dictionary else {
            throw refused("it sets the state of \(name(object))")
        }
        guard case .mapping(let source) = state, source != target, heap.mappings[source].kind == .dictionary else {
            throw refused("it sets the state of an object to something that is no dictionary")
        }
        let pairs = heap.mappings[source].pairs
        try charge(pairs.count)
        for pair in pairs {
            guard let attribute = pair.key.text, !attribute.hasPrefix("__") else {
                throw refused("it sets the attribute \(pair.key.text ?? "without a name")")
            }
        }
        if heap.mappings[target].kind == .namespace { heap.mappings[target].pairs += pairs }
    }

    /// ("storage", class, key, location, number of elements), which is all that a persistent id of `torch.save` can be.
    mutating func storage(_ value: PickleValue) throws(InputError) -> PickleValue {
        guard let parts = heap.sequence(value), parts.count == 5, parts[0] == .text("storage"),
            case .global(.storage(let element)) = parts[1], let key = parts[2].text, parts[3].text != nil,
            let count = parts[4].integer, count >= 0
        else { throw refused("it has a persistent id that is no storage") }
        guard let length = storageLength(key) else { throw damaged("the storage \(key.printable) is missing") }
        let bytes = count.multipliedReportingOverflow(by: element.byteCount)
        guard !bytes.overflow, bytes.partialValue <= length else {
            throw damaged("the storage \(key.printable) has \(length) bytes, too few for \(count) elements")
        }
        heap.storages.append(TorchStorage(key: key, element: element, count: count))
        return .storage(heap.storages.count - 1)
    }
}
