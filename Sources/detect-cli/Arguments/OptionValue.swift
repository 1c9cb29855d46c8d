internal import Support

/// A type that can be given on the command line.
package protocol OptionValue {
    /// Nil when the text is no such value.
    init?(argument: String)
    /// What the value must be, as a noun phrase for error messages: "a whole number".
    static var kind: String { get }
    /// The text that would give this value; shown as the default in the help.
    var argument: String { get }
}

extension Int: OptionValue {
    package init?(argument: String) { self.init(argument) }
    package static var kind: String { "a whole number" }
    package var argument: String { String(self) }
}

extension UInt64: OptionValue {
    package init?(argument: String) { self.init(argument) }
    package static var kind: String { "a whole number of at least 0" }
    package var argument: String { String(self) }
}

extension Double: OptionValue {
    /// Finite numbers only.
    package init?(argument: String) {
        // "0x1p3", "nan" and "infinity" are numbers to Swift but typing mistakes here.
        guard argument.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let value = Double(argument),
            value.isFinite
        else { return nil }
        self = value
    }
    package static var kind: String { "a number" }
    package var argument: String { shortest }
}

extension String: OptionValue {
    /// Empty text is refused: it is nearly always an unset shell variable.
    package init?(argument: String) {
        if argument.isEmpty { return nil }
        self = argument
    }
    package static var kind: String { "a text that is not empty" }
    package var argument: String { self }
}

/// Values separated by commas.
extension Array: OptionValue where Element: OptionValue {
    package init?(argument: String) {
        self = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let element = Element(argument: String(part)) else { return nil }
            append(element)
        }
    }
    package static var kind: String { "a list with commas, each part \(Element.kind)" }
    package var argument: String { map(\.argument).joined(separator: ",") }
}

/// A condition on a value beside its type.
package struct Requirement<Value> {
    /// Completes "give a whole number …": "of at least 1".
    package var text: String
    package var isMet: (Value) -> Bool

    package init(_ text: String, _ isMet: @escaping (Value) -> Bool) {
        self.text = text
        self.isMet = isMet
    }

    package static var none: Self { Self("") { _ in true } }
}

extension Requirement where Value: Comparable & OptionValue {
    package static func atLeast(_ minimum: Value) -> Self {
        Self("of at least \(minimum.argument)") { $0 >= minimum }
    }

    package static func above(_ bound: Value) -> Self {
        Self("above \(bound.argument)") { $0 > bound }
    }

    package static func between(_ minimum: Value, _ maximum: Value) -> Self {
        Self("between \(minimum.argument) and \(maximum.argument)") { minimum <= $0 && $0 <= maximum }
    }
}
