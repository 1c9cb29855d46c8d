public import Support

/// Reads the pickles that `torch.save` writes (protocols 2 to 5), as data: whatever a pickle names is either one of
/// `PickleGlobal` or stays a name, what would be made by calling it is kept as a `PickleObject`, and nothing is executed.
///
/// The work and the memory are bounded by the length of the pickle. Source: Python's `pickletools`.
public struct Unpickler {
    /// Longer pickles are refused; those of the largest networks have a few megabytes.
    public static let maximumLength = 64 << 20
    /// Values pushed or copied, over the whole pickle.
    private static let maximumValues = 4_000_000
    private static let maximumStack = 1_000_000
    static let maximumMarks = 10_000

    let path: String
    /// Bytes of a storage's entry; nil when there is none.
    let storageLength: (String) -> Int?
    private let bytes: [UInt8]
    private var position = 0
    var heap = PickleHeap()
    private(set) var stack: [PickleValue] = []
    /// Sizes of the stack at the open marks.
    var marks: [Int] = []
    var memo: [Int: PickleValue] = [:]
    private var budget = maximumValues

    private init(_ bytes: [UInt8], from start: Int, path: String, storageLength: @escaping (String) -> Int?) {
        self.bytes = bytes
        self.path = path
        self.storageLength = storageLength
        position = start
    }

    /// What the pickle holds.
    ///
    /// - Throws: `InputError` naming what was refused, or where the pickle is damaged.
    public static func read(
        _ bytes: [UInt8], path: String, storageLength: @escaping (_ key: String) -> Int?
    ) throws(InputError) -> PickleHeap {
        guard bytes.count <= maximumLength else {
            throw InputError(path, "its pickle has \(bytes.count) bytes; at most \(maximumLength) are accepted")
        }
        return try read(bytes, from: 0, path: path, storageLength: storageLength).heap
    }

    /// The same for a pickle that begins at `start`, and where it ends.
    static func read(
        _ bytes: [UInt8], from start: Int, path: String, storageLength: @escaping (_ key: String) -> Int? = { _ in nil }
    ) throws(InputError) -> (heap: PickleHeap, end: Int) {
        var unpickler = Unpickler(bytes, from: start, path: path, storageLength: storageLength)
        while try unpickler.step() {}
        return (unpickler.heap, unpickler.position)
    }

    // MARK: Errors

    func damaged(_ problem: String) -> InputError {
        InputError(
            path, "its pickle is damaged: \(problem), at byte \(position)", remedy: "copy or download the file again")
    }

    func refused(_ what: String) -> InputError {
        InputError(
            path, "\(what.printable), which is not among what weights are made of; nothing of it was executed",
            remedy: "if you trust the file, save its tensors alone with PyTorch, the folder of its code on PYTHONPATH: "
                + "torch.save(torch.load(FILE, map_location=\"cpu\", weights_only=False)[\"state_dict\"], OTHER)")
    }

    // MARK: The stack

    mutating func charge(_ count: Int) throws(InputError) {
        budget -= count
        guard budget >= 0 else {
            throw InputError(path, "its pickle makes more than \(Self.maximumValues) values; that is no weight file")
        }
    }

    mutating func push(_ value: PickleValue) throws(InputError) {
        try charge(1)
        guard stack.count < Self.maximumStack else { throw damaged("its stack grows beyond all measure") }
        stack.append(value)
    }

    mutating func pop() throws(InputError) -> PickleValue {
        guard stack.count > marks.last ?? 0 else { throw damaged("it takes more values than there are") }
        return stack.removeLast()
    }

    mutating func pop(_ count: Int) throws(InputError) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else { throw damaged("it takes more values than there are") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    /// What lies above the last mark, which is removed with it.
    mutating func popToMark() throws(InputError) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw damaged("a mark is missing") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    func top() throws(InputError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw damaged("its stack is empty") }
        return value
    }

    // MARK: Arguments of instructions

    mutating func take(_ count: Int) throws(InputError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw damaged("it ends inside an instruction") }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// A little-endian length or number without sign, of up to eight bytes.
    mutating func unsigned(_ width: Int) throws(InputError) -> Int {
        let value = try take(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let value = Int(exactly: value) else { throw damaged("it has an absurd length") }
        return value
    }

    mutating func text(_ length: Int) throws(InputError) -> PickleValue {
        guard let text = String(validating: try take(length), as: UTF8.self) else {
            throw damaged("it has a text that is not UTF-8")
        }
        return .text(text)
    }

    mutating func line() throws(InputError) -> String {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
            throw damaged("it ends inside an instruction")
        }
        defer { position = end + 1 }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }

    /// Two's complement of any length.
    mutating func long(_ length: Int) throws(InputError) -> PickleValue {
        let digits = try take(length)
        guard digits.count <= 8 else { return .opaque }
        let isNegative = digits.last.map { $0 & 0x80 != 0 } ?? false
        var value: UInt64 = isNegative ? ~0 : 0
        for digit in digits.reversed() { value = value << 8 | UInt64(digit) }
        return .integer(Int(Int64(bitPattern: value)))
    }
}
