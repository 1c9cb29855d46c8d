internal import CTorch

/// An ATen operator, looked up once in libtorch's dispatcher: `static let relu = Operator("aten::relu")`.
public struct Operator: Sendable {
    /// The operator's name with its overload, for messages.
    public let name: String
    // Points to an immutable handle that is never freed, so sharing it between threads is safe.
    nonisolated(unsafe) private let handle: OpaquePointer

    /// Traps when libtorch has no operator of that name and overload.
    public init(_ name: String, _ overload: String = "") {
        self.name = overload.isEmpty ? name : "\(name).\(overload)"
        handle = trapping("operator \(name)") { libtorch.operator_find(name, overload, $0) }!
    }

    /// For operators that only some builds of libtorch have: nil where this one lacks it.
    public init?(ifPresent name: String, _ overload: String = "") {
        guard let found = try? throwing({ libtorch.operator_find(name, overload, $0) }) else { return nil }
        self.name = overload.isEmpty ? name : "\(name).\(overload)"
        handle = found
    }

    /// Calls an operator that returns one tensor; traps with operator and shapes when libtorch refuses.
    @discardableResult
    public func callAsFunction(_ arguments: Argument...) -> Tensor { results(arguments, 1)[0]! }

    /// Calls an operator that returns up to `capacity` tensors; undefined ones are nil.
    public func results(_ arguments: [Argument], _ capacity: Int) -> [Tensor?] {
        do {
            return try call(arguments, capacity)
        } catch {
            let shapes = arguments.map(\.summary).joined(separator: ", ")
            stop("\(name)(\(shapes))", error.message)
        }
    }

    /// The same, throwing what libtorch reports: for calls that may fail for outside reasons such as memory.
    public func call(_ arguments: [Argument], _ capacity: Int) throws(TorchError) -> [Tensor?] {
        var scratch = Scratch()
        for argument in arguments { scratch.append(argument) }
        var results = [OpaquePointer?](repeating: nil, count: capacity)
        let count = try scratch.withValues { values throws(TorchError) in
            try throwing { error in
                libtorch.operator_call(
                    handle, values.baseAddress!, Int64(values.count), &results, Int64(capacity), error)
            }
        }
        withExtendedLifetime(arguments) {}
        return results[0..<Int(count)].map { $0.map { Tensor(owning: $0) } }
    }

    /// One argument of an operator, in the order of its schema.
    public enum Argument: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
        ExpressibleByArrayLiteral, ExpressibleByNilLiteral
    {
        case none
        case tensor(Tensor)
        case optional(Tensor?)
        case int(Int)
        case double(Double)
        case bool(Bool)
        case string(String)
        case ints([Int])
        /// A list of optional numbers (`Scalar?[]`).
        case scalars([Double])
        case tensors([Tensor])
        case optionalTensors([Tensor?])
        case generator(Generator)
        case dtype(DType)
        case device(Device)

        public init(integerLiteral value: Int) { self = .int(value) }
        public init(floatLiteral value: Double) { self = .double(value) }
        public init(booleanLiteral value: Bool) { self = .bool(value) }
        public init(arrayLiteral elements: Int...) { self = .ints(elements) }
        public init(nilLiteral: ()) { self = .none }

        var summary: String {
            switch self {
            case .none, .optional(nil): "nil"
            case .tensor(let tensor), .optional(.some(let tensor)): "\(tensor.dtype)\(tensor.shape)"
            case .int(let value): "\(value)"
            case .double(let value): "\(value)"
            case .bool(let value): "\(value)"
            case .string(let text): "\"\(text)\""
            case .ints(let values): "\(values)"
            case .scalars(let values): "\(values)"
            case .tensors(let tensors): "[\(tensors.count) tensors]"
            case .optionalTensors(let tensors): "[\(tensors.count) tensors]"
            case .generator: "generator"
            case .dtype(let dtype): "\(dtype)"
            case .device(let device): "\(device)"
            }
        }
    }

    /// Argument values with the lists they point to, laid out for one call.
    private struct Scratch {
        var values: [CTValue] = []
        var integers: [Int64] = []
        var reals: [Double] = []
        var handles: [OpaquePointer?] = []
        /// Zero-terminated.
        var characters: [CChar] = []
        /// Which value points into which list, and from where.
        var integerLists: [(value: Int, start: Int)] = []
        var realLists: [(value: Int, start: Int)] = []
        var handleLists: [(value: Int, start: Int)] = []
        var strings: [(value: Int, start: Int)] = []

        mutating func append(_ argument: Argument) {
            var value = CTValue(kind: CT_NONE, integer: 0, real: 0, pointer: nil)
            switch argument {
            case .none, .optional(nil): break
            case .tensor(let tensor), .optional(.some(let tensor)):
                value.kind = CT_TENSOR
                value.pointer = UnsafeRawPointer(tensor.handle)
            case .int(let integer):
                value.kind = CT_INT
                value.integer = Int64(integer)
            case .double(let real):
                value.kind = CT_DOUBLE
                value.real = real
            case .bool(let flag):
                value.kind = CT_BOOL
                value.integer = flag ? 1 : 0
            case .ints(let list):
                value.kind = CT_INTS
                value.integer = Int64(list.count)
                integerLists.append((values.count, integers.count))
                integers.append(contentsOf: list.map(Int64.init))
            case .string(let text):
                value.kind = CT_STRING
                strings.append((values.count, characters.count))
                characters.append(contentsOf: text.utf8CString)
            case .scalars(let list):
                value.kind = CT_SCALARS
                value.integer = Int64(list.count)
                realLists.append((values.count, reals.count))
                reals.append(contentsOf: list)
            case .tensors(let list):
                value.kind = CT_TENSORS
                value.integer = Int64(list.count)
                handleLists.append((values.count, handles.count))
                handles.append(contentsOf: list.map(\.handle))
            case .optionalTensors(let list):
                value.kind = CT_OPTIONAL_TENSORS
                value.integer = Int64(list.count)
                handleLists.append((values.count, handles.count))
                handles.append(contentsOf: list.map { $0?.handle })
            case .generator(let generator):
                DeviceGraph.refuse("drawing random numbers")
                value.kind = CT_GENERATOR
                value.pointer = UnsafeRawPointer(generator.handle)
            case .dtype(let dtype):
                value.kind = CT_INT
                value.integer = Int64(dtype.rawValue)
            case .device(let device):
                value.kind = CT_DEVICE
                value.integer = Int64(device.kind.rawValue)
                value.real = Double(device.index)
            }
            values.append(value)
        }

        mutating func withValues<Result>(
            _ body: (UnsafeBufferPointer<CTValue>) throws(TorchError) -> Result
        ) throws(TorchError) -> Result {
            // Swift's closures over several buffers do not nest well with typed throws; the outcome is carried out.
            var outcome: Swift.Result<Result, TorchError>?
            integers.withUnsafeBufferPointer { integers in
                reals.withUnsafeBufferPointer { reals in
                    handles.withUnsafeBufferPointer { handles in
                        characters.withUnsafeBufferPointer { characters in
                            point(integerLists, into: integers)
                            point(realLists, into: reals)
                            point(handleLists, into: handles)
                            point(strings, into: characters)
                            outcome = values.withUnsafeBufferPointer { values in
                                do throws(TorchError) {
                                    return .success(try body(values))
                                } catch {
                                    return .failure(error)
                                }
                            }
                        }
                    }
                }
            }
            return try outcome!.get()
        }

        private mutating func point<Element>(
            _ lists: [(value: Int, start: Int)], into buffer: UnsafeBufferPointer<Element>
        ) {
            for list in lists {
                values[list.value].pointer = buffer.baseAddress.map { UnsafeRawPointer($0 + list.start) }
            }
        }
    }
}
