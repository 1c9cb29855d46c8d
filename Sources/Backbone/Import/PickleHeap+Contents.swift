extension PickleHeap {
    /// The state dict of a whole network that was pickled: its parameters and buffers and those of the modules in it, by
    /// the names that PyTorch gives them. Nil for what is no network.
    func moduleState(_ value: PickleValue) -> [(key: String, value: PickleValue)]? {
        guard case .object = value else { return nil }
        var budget = Self.mostMembers
        /// What an object's attribute of that name holds.
        func part(_ name: String, of module: PickleValue) -> [(key: String, value: PickleValue)]? {
            guard budget > 0, let attributes = members(module) else { return nil }
            let part = attributes.last { $0.key == name }.flatMap { members($0.value) }
            budget -= attributes.count + (part?.count ?? 0)
            return part
        }
        guard part("_modules", of: value) != nil else { return nil }
        var state: [(key: String, value: PickleValue)] = []
        var seen: Set<PickleValue> = []
        // The last one is next.
        var open: [(prefix: String, module: PickleValue, depth: Int)] = [("", value, 0)]
        while let (prefix, module, depth) = open.popLast() {
            guard seen.insert(module).inserted else { continue }
            for member in ["_parameters", "_buffers"].flatMap({ part($0, of: module) ?? [] }) {
                guard case .tensor = member.value, Self.isName(member.key) else { continue }
                state.append((prefix + member.key, member.value))
            }
            guard depth < Self.deepestModule else { continue }
            for child in (part("_modules", of: module) ?? []).reversed() {
                guard case .object = child.value, Self.isName(child.key) else { continue }
                open.append((prefix + child.key + ".", child.value, depth + 1))
            }
        }
        return budget > 0 ? state : nil
    }

    /// Bounds for what hostile files can make of little: real networks are far smaller.
    private static let mostMembers = 4_000_000
    private static let deepestModule = 32
    private static func isName(_ text: String) -> Bool { text.utf8.count <= 100 }

    /// What Python's own data is made of; nobody need be told of it.
    private static let plainClasses: Set<String> = [
        "set", "frozenset", "bytes", "bytearray", "complex", "range", "slice", "list", "dict", "tuple", "object",
    ]

    /// The names of the classes and functions in a value that stayed names, in the order of the file, each once.
    public func foreignNames(in value: PickleValue) -> [String] {
        var seen: Set<PickleValue> = []
        return foreignNames(in: value, seen: &seen)
    }

    /// The same of several values.
    ///
    /// - Parameter seen: What was looked at already, and is not looked at again.
    func foreignNames(in value: PickleValue, seen: inout Set<PickleValue>) -> [String] {
        var names: [String] = []
        func add(_ name: String) {
            let parts = name.split(separator: ".", maxSplits: 1)
            let isPlain =
                parts.count == 2 && ["builtins", "__builtin__"].contains(parts[0])
                && Self.plainClasses.contains(String(parts[1]))
            // Bytes, as Python 3 writes them in protocol 2.
            if isPlain || name == "_codecs.encode" || names.contains(name) || names.count >= Self.mostNames { return }
            names.append(name)
        }
        var open = [value]
        while let next = open.popLast() {
            switch next {
            case .foreign(let name): add(name)
            case .sequence(let number):
                if seen.insert(next).inserted { open += sequences[number].reversed() }
            case .mapping(let number):
                if seen.insert(next).inserted { open += Self.parts(mappings[number].pairs) }
            case .object(let number):
                let object = objects[number]
                add(object.className)
                guard seen.insert(next).inserted else { continue }
                open += Self.parts(object.pairs) + object.values.reversed()
                open += [object.state, object.arguments]
            case .none, .bool, .integer, .number, .text, .opaque, .global, .storage, .tensor: break
            }
        }
        return names
    }

    /// Keys and values, the first one last.
    private static func parts(_ pairs: [(key: PickleValue, value: PickleValue)]) -> [PickleValue] {
        pairs.reversed().flatMap { [$0.value, $0.key] }
    }

    private static let mostNames = 8
}
