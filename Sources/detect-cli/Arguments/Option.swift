/// A declared option or positional argument; its value can be read once the arguments are parsed.
///
/// Declared by `ArgumentParser`. An option without default has an optional `Value`.
package final class Option<Value> {
    /// As shown in messages: "--batch" or "IMG".
    package let label: String
    private let fallback: Value?
    private var given: Value?

    init(label: String, fallback: Value?) {
        self.label = label
        self.fallback = fallback
    }

    /// Whether the user gave it; if not, `value` is the default.
    package var isGiven: Bool { given != nil }

    /// Traps when a required option is read before the arguments are parsed.
    package var value: Value {
        guard let value = given ?? fallback else { preconditionFailure("\(label) is read before it is parsed") }
        return value
    }

    /// The given value, else `other`: for defaults that depend on a recipe.
    package func value(or other: Value) -> Value { given ?? other }

    /// The given value, else `other`, for an option without default.
    package func value<Wrapped>(or other: Wrapped) -> Wrapped where Value == Wrapped? { value ?? other }

    func set(_ value: Value) { given = value }
}
