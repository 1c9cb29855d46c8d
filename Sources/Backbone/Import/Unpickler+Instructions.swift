internal import Support

extension Unpickler {
    /// Does one instruction; false at the end.
    mutating func step() throws(InputError) -> Bool {
        let code = try take(1).first!
        guard let operation = PickleOperation(rawValue: code) else {
            throw refused("its pickle uses the instruction 0x\(String(code, radix: 16))")
        }
        switch operation {
        case .proto:
            let version = try unsigned(1)
            guard (2...5).contains(version) else { throw refused("its pickle has protocol \(version)") }
        case .frame: _ = try unsigned(8)
        case .stop:
            heap.root = try pop()
            guard stack.isEmpty, marks.isEmpty else { throw damaged("values are left over") }
            return false
        case .mark:
            guard marks.count < Self.maximumMarks else { throw damaged("it is nested beyond all measure") }
            marks.append(stack.count)
        case .pop: _ = try pop()
        case .popMark: _ = try popToMark()
        case .duplicate: try push(try top())
        case .none: try push(.none)
        case .newTrue: try push(.bool(true))
        case .newFalse: try push(.bool(false))
        case .binInt: try push(.integer(Int(Int32(truncatingIfNeeded: try unsigned(4)))))
        case .binInt1: try push(.integer(try unsigned(1)))
        case .binInt2: try push(.integer(try unsigned(2)))
        case .long1: try push(try long(try unsigned(1)))
        case .long4: try push(try long(try unsigned(4)))
        case .binFloat:
            try push(.number(Double(bitPattern: try take(8).reduce(0) { $0 << 8 | UInt64($1) })))
        case .shortBinUnicode: try push(try text(try unsigned(1)))
        case .binUnicode: try push(try text(try unsigned(4)))
        case .shortBinString, .binString:
            // A text of Python 2, which may be bytes of any kind.
            let bytes = try take(try unsigned(operation == .shortBinString ? 1 : 4))
            try push(String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .opaque)
        case .binUnicode8: try push(try text(try unsigned(8)))
        case .shortBinBytes, .binBytes, .binBytes8, .byteArray8:
            _ = try take(try unsigned(operation == .shortBinBytes ? 1 : operation == .binBytes ? 4 : 8))
            try push(.opaque)
        case .binPut: memo[try unsigned(1)] = try top()
        case .longBinPut: memo[try unsigned(4)] = try top()
        case .memoize: memo[memo.count] = try top()
        case .binGet, .longBinGet:
            guard let value = memo[try unsigned(operation == .binGet ? 1 : 4)] else {
                throw damaged("it recalls what was never stored")
            }
            try push(value)
        default: try build(operation)
        }
        return true
    }

    /// Instructions that make or fill containers and objects.
    private mutating func build(_ operation: PickleOperation) throws(InputError) {
        switch operation {
        case .emptyTuple, .emptyList, .emptySet: try push(newSequence([]))
        case .tuple, .frozenSet: try push(newSequence(try popToMark()))
        case .tuple1: try push(newSequence(try pop(1)))
        case .tuple2: try push(newSequence(try pop(2)))
        case .tuple3: try push(newSequence(try pop(3)))
        case .emptyDict: try push(newMapping())
        case .append: try append(try pop(1))
        case .appends, .addItems: try append(try popToMark())
        case .setItem: try setItems(try pop(2))
        case .setItems: try setItems(try popToMark())
        case .global: try push(global(module: try line(), name: try line()))
        case .stackGlobal:
            let names = try pop(2)
            guard let module = names[0].text, let name = names[1].text else {
                throw damaged("it names something without text")
            }
            try push(global(module: module, name: name))
        case .instance:
            let name = global(module: try line(), name: try line())
            try push(try call(name, newSequence(try popToMark())))
        case .object:
            let values = try popToMark()
            guard let name = values.first else { throw damaged("it makes an object of no class") }
            try push(try call(name, newSequence(Array(values.dropFirst()))))
        case .extension1, .extension2, .extension4: throw refused("it refers to a registered extension of Python")
        case .reduce, .newObject:
            let values = try pop(2)
            try push(try call(values[0], values[1]))
        case .newObjectKeywords:
            let values = try pop(3)
            try push(try call(values[0], newSequence([values[1], values[2]])))
        case .build:
            let state = try pop()
            try setState(of: try top(), to: state)
        case .binPersistentID: try push(try persistent(try pop()))
        case .persistentID: throw refused("it has the persistent id \"\(try line())\"")
        case .nextBuffer, .readOnlyBuffer: throw refused("it has a buffer outside the pickle")
        default: preconditionFailure("\(operation) is done by step")
        }
    }
}
