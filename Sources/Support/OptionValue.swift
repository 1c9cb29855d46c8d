/// A type whose values are given as text: on the command line, in a sweep.
public protocol OptionValue {
    /// Nil when the text is no such value.
    init?(argument: String)
    /// What the value must be, as a noun phrase for error messages: "a whole number".
    static var kind: String { get }
    /// Values worth offering by name; empty where there are too many.
    static var choices: [String] { get }
    /// The text that would give this value; shown as the default in the help.
    var argument: String { get }
    /// As in `config.json`.
    var json: JSON { get }
}

extension OptionValue {
    public static var choices: [String] { [] }
    public var json: JSON { .string(argument) }
}

extension Int: OptionValue {
    /// Up to a million million, so that the product of two such numbers that are multiplied fits: epochs and steps.
    public init?(argument: String) {
        guard let value = Int(argument), value.magnitude <= 1_000_000_000_000 else { return nil }
        self = value
    }
    public static var kind: String { "a whole number" }
    public var argument: String { String(self) }
    public var json: JSON { .integer(self) }
}

extension UInt64: OptionValue {
    public init?(argument: String) { self.init(argument) }
    public static var kind: String { "a whole number of at least 0" }
    public var argument: String { String(self) }
    public var json: JSON { .integer(Int(truncatingIfNeeded: self)) }
}

extension Double: OptionValue {
    /// Finite numbers only.
    public init?(argument: String) {
        // "0x1p3", "nan" and "infinity" are numbers to Swift but typing mistakes here.
        guard argument.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let value = Double(argument),
            value.isFinite
        else { return nil }
        self = value
    }
    public static var kind: String { "a number" }
    public var argument: String { shortest }
    public var json: JSON { .number(self) }
}

extension String: OptionValue {
    /// Empty text is refused: it is nearly always an unset shell variable.
    public init?(argument: String) {
        if argument.isEmpty { return nil }
        self = argument
    }
    public static var kind: String { "a text that is not empty" }
    public var argument: String { self }
}

/// Values separated by commas.
extension Array: OptionValue where Element: OptionValue {
    public init?(argument: String) {
        self = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let element = Element(argument: String(part)) else { return nil }
            append(element)
        }
    }
    public static var kind: String { "a list with commas, each part \(Element.kind)" }
    public var argument: String { map(\.argument).joined(separator: ",") }
    public var json: JSON { .array(map(\.json)) }
}

/// A condition on a value beside its type.
public struct Requirement<Value> {
    /// Completes "give a whole number …": "of at least 1".
    public var text: String
    public var isMet: (Value) -> Bool

    public init(_ text: String, _ isMet: @escaping (Value) -> Bool) {
        self.text = text
        self.isMet = isMet
    }

    public static var none: Self { Self("") { _ in true } }
}

extension Requirement where Value: OptionValue {
    /// "a whole number of at least 1"
    public var expected: String { text.isEmpty ? Value.kind : "\(Value.kind) \(text)" }

    /// The value that a text gives; nil when it is none, or one that does not meet the condition.
    public func value(_ text: String) -> Value? { Value(argument: text).flatMap { isMet($0) ? $0 : nil } }
}

extension Requirement where Value: Comparable & OptionValue {
    public static func atLeast(_ minimum: Value) -> Self {
        Self("of at least \(minimum.argument)") { $0 >= minimum }
    }

    public static func above(_ bound: Value) -> Self {
        Self("above \(bound.argument)") { $0 > bound }
    }

    public static func between(_ minimum: Value, _ maximum: Value) -> Self {
        Self("between \(minimum.argument) and \(maximum.argument)") { minimum <= $0 && $0 <= maximum }
    }
}
