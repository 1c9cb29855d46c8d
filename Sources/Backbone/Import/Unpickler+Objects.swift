internal import Support

/// What a pickle would call, made here as plain values.
extension Unpickler {
    mutating func newSequence(_ values: [PickleValue]) -> PickleValue {
        heap.sequences.append(values)
        return .sequence(heap.sequences.count - 1)
    }

    mutating func newMapping(_ pairs: [(key: PickleValue, value: PickleValue)] = []) -> PickleValue {
        heap.mappings.append(PickleMapping(pairs: pairs))
        return .mapping(heap.mappings.count - 1)
    }

    private mutating func newObject(_ className: String, _ arguments: PickleValue) -> PickleValue {
        heap.objects.append(PickleObject(className: className, arguments: arguments))
        return .object(heap.objects.count - 1)
    }

    func global(module: String, name: String) -> PickleValue {
        PickleGlobal(module: module, name: name).map { .global($0) } ?? .foreign("\(module).\(name)")
    }

    /// The value of a call: what a state dict is made of, or an object that holds what the pickle says and does nothing.
    mutating func call(_ callee: PickleValue, _ arguments: PickleValue) throws(InputError) -> PickleValue {
        switch callee {
        case .foreign(let name): return newObject(name, arguments)
        // What such a call gives is not known, only what it comes from.
        case .object(let number): return newObject(heap.objects[number].className, arguments)
        case .global(let global):
            guard let values = heap.sequence(arguments) else {
                throw damaged("it calls \(global.name) without a tuple")
            }
            return try call(global, values) ?? newObject(global.name, arguments)
        default: throw damaged("it calls something that is no class")
        }
    }

    /// Nil for arguments that are none of those of a state dict.
    private mutating func call(_ global: PickleGlobal, _ values: [PickleValue]) throws(InputError) -> PickleValue? {
        switch (global, values.count) {
        case (.orderedDictionary, 0): return newMapping()
        case (.orderedDictionary, 1): return try ordered(values[0])
        case (.size, 1) where heap.integers(values[0]) != nil: return values[0]
        case (.rebuildTensor, 4...7):
            // The storage may be of a kind that is not known.
            if case .object = values[0] { return nil }
            return try tensor(values)
        case (.rebuildParameter, 3...4):
            if case .tensor = values[0] { return values[0] }
            return nil
        case (.rebuildFromType, 4):
            // Called is only what calls nothing in turn: a tensor or a parameter.
            guard values[0] == .global(.rebuildTensor) || values[0] == .global(.rebuildParameter) else { return nil }
            return try call(values[0], values[2])
        default: return nil
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
        return newMapping(pairs)
    }

    /// (storage, offset, size, stride[, requires_grad, hooks[, metadata]])
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

    /// BUILD: an object keeps its attributes; those of an `OrderedDict` (`_metadata` of a state dict) and of a tensor say
    /// nothing about weights.
    mutating func setState(of object: PickleValue, to state: PickleValue) throws(InputError) {
        switch object {
        case .object(let number): heap.objects[number].state = state
        case .mapping, .tensor: break
        default: throw damaged("it sets the state of something that has none")
        }
    }

    mutating func append(_ values: [PickleValue]) throws(InputError) {
        switch try top() {
        case .sequence(let number): heap.sequences[number] += values
        case .object(let number): heap.objects[number].values += values
        default: throw damaged("it appends to something that is no list")
        }
    }

    mutating func setItems(_ values: [PickleValue]) throws(InputError) {
        guard values.count % 2 == 0 else { throw damaged("a key has no value") }
        let pairs = stride(from: 0, to: values.count, by: 2).map { (key: values[$0], value: values[$0 + 1]) }
        switch try top() {
        case .mapping(let number): heap.mappings[number].pairs += pairs
        case .object(let number): heap.objects[number].pairs += pairs
        default: throw damaged("it sets items of something that is no dictionary")
        }
    }

    /// What a persistent id of `torch.save` stands for: a storage, or in the older format the class of a network, with its
    /// source: ("module", class, path, text).
    mutating func persistent(_ value: PickleValue) throws(InputError) -> PickleValue {
        let parts = heap.sequence(value) ?? []
        if parts.count == 4, parts[0] == .text("module") { return parts[1] }
        return try storage(parts, value)
    }

    /// ("storage", class, key, location, number of elements[, view]), where a view is nothing or (key, offset, number of
    /// elements): storages that were part of others, before PyTorch 0.4.
    private mutating func storage(_ parts: [PickleValue], _ value: PickleValue) throws(InputError) -> PickleValue {
        guard (5...6).contains(parts.count), parts[0] == .text("storage"), let key = parts[2].text,
            let count = parts[4].integer, count >= 0
        else { throw refused("it has a persistent id that is no storage") }
        guard case .global(.storage(let element)) = parts[1] else {
            guard case .foreign(let name) = parts[1] else { throw refused("it has a storage of no class") }
            return newObject(name, value)
        }
        guard let length = storageLength(key) else { throw damaged("the storage \(key.printable) is missing") }
        let bytes = count.multipliedReportingOverflow(by: element.byteCount)
        guard !bytes.overflow, bytes.partialValue <= length else {
            throw damaged("the storage \(key.printable) has \(length) bytes, too few for \(count) elements")
        }
        var storage = TorchStorage(key: key, element: element, count: count)
        if parts.count == 6, parts[5] != .none {
            guard let view = heap.sequence(parts[5]), view.count == 3, let start = view[1].integer,
                let size = view[2].integer, start >= 0, size >= 0, start <= count, size <= count - start
            else { throw damaged("a part of the storage \(key.printable) does not lie in it") }
            storage.start = start
            storage.count = size
        }
        heap.storages.append(storage)
        return .storage(heap.storages.count - 1)
    }
}
