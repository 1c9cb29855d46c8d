package import Support

extension ArgumentParser {
    /// An option with a default.
    ///
    /// - Parameters:
    ///   - metavar: Stands for the value in the help: "N", "DIR".
    ///   - shown: The default in words, where the value itself would mislead ("all cores").
    package func option<Value: OptionValue>(
        _ name: String, _ metavar: String, _ help: String, default fallback: Value, shown: String? = nil,
        _ requirement: Requirement<Value> = .none
    ) -> Option<Value> {
        let option = Option(label: "--\(name)", fallback: fallback)
        declare(name, metavar, help, choices: Value.choices, defaultText: { shown ?? fallback.argument }) {
            text throws(UsageError) in
            option.set(try Self.value(text, of: option.label, requirement))
        }
        return option
    }

    /// An option that may be left out; its value is then nil.
    ///
    /// - Parameter shown: What leaving it out means, for the help ("the recipe's").
    package func optional<Value: OptionValue>(
        _ name: String, _ metavar: String, _ help: String, as type: Value.Type = Value.self, shown: String = "",
        _ requirement: Requirement<Value> = .none
    ) -> Option<Value?> {
        let option = Option<Value?>(label: "--\(name)", fallback: .some(nil))
        declare(name, metavar, help, choices: Value.choices, defaultText: { shown }) { text throws(UsageError) in
            option.set(try Self.value(text, of: option.label, requirement))
        }
        return option
    }

    /// An option that must be given.
    package func required<Value: OptionValue>(
        _ name: String, _ metavar: String, _ help: String, as type: Value.Type = Value.self,
        _ requirement: Requirement<Value> = .none
    ) -> Option<Value> {
        let option = Option<Value>(label: "--\(name)", fallback: nil)
        declare(name, metavar, help, choices: Value.choices, isRequired: true) { text throws(UsageError) in
            option.set(try Self.value(text, of: option.label, requirement))
        }
        return option
    }

    /// An option without value: false unless given.
    package func flag(_ name: String, _ help: String) -> Option<Bool> {
        let option = Option(label: "--\(name)", fallback: false)
        declare(name, "", help) { _ throws(UsageError) in option.set(true) }
        return option
    }

    /// An option that takes one of the cases of an enumeration, by raw value.
    package func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ help: String, default fallback: Value, shown: String? = nil, aliases: [String] = []
    ) -> Option<Value> where Value.RawValue == String {
        let option = Option(label: "--\(name)", fallback: fallback)
        declare(
            name, Self.metavar(Value.self), help, choices: Self.names(Value.self),
            defaultText: { shown ?? fallback.rawValue }, aliases: aliases
        ) {
            text throws(UsageError) in
            option.set(try Self.choice(text, of: option.label))
        }
        return option
    }

    /// The same for an option that may be left out.
    package func optionalChoice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ help: String, of type: Value.Type = Value.self, shown: String = ""
    ) -> Option<Value?> where Value.RawValue == String {
        let option = Option<Value?>(label: "--\(name)", fallback: .some(nil))
        declare(
            name, Self.metavar(Value.self), help, choices: Self.names(Value.self), defaultText: { shown }
        ) { text throws(UsageError) in
            option.set(try Self.choice(text, of: option.label))
        }
        return option
    }

    /// The same for an option that must be given.
    package func requiredChoice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ help: String, of type: Value.Type = Value.self
    ) -> Option<Value> where Value.RawValue == String {
        let option = Option<Value>(label: "--\(name)", fallback: nil)
        declare(
            name, Self.metavar(Value.self), help, choices: Self.names(Value.self), isRequired: true
        ) { text throws(UsageError) in
            option.set(try Self.choice(text, of: option.label))
        }
        return option
    }

    /// One argument that belongs to no option.
    package func positional(_ name: String, _ help: String) -> Option<String> {
        let option = Option<String>(label: name, fallback: nil)
        declare(Positional(name: name, help: help, minimum: 1, repeats: false) { option.set($0[0]) })
        return option
    }

    /// One argument that is one of the cases of an enumeration, by raw value.
    package func positionalChoice<Value: RawRepresentable & CaseIterable>(
        _ help: String, of type: Value.Type = Value.self
    ) -> Option<Value> where Value.RawValue == String {
        let name = Self.metavar(Value.self)
        let option = Option<Value>(label: name, fallback: nil)
        declare(
            Positional(name: name, choices: Self.names(Value.self), help: help, minimum: 1, repeats: false) {
                arguments throws(UsageError) in
                option.set(try Self.choice(arguments[0], of: name))
            })
        return option
    }

    /// All arguments that are left; at least `minimum` of them.
    package func positionals(_ name: String, _ help: String, minimum: Int = 1) -> Option<[String]> {
        let option = Option<[String]>(label: name, fallback: [])
        declare(Positional(name: name, help: help, minimum: minimum, repeats: true) { option.set($0) })
        return option
    }

    private static func value<Value: OptionValue>(
        _ text: String, of label: String, _ requirement: Requirement<Value>
    ) throws(UsageError) -> Value {
        guard let value = requirement.value(text) else {
            throw UsageError("\(label) cannot be \"\(text)\"", remedy: "give \(requirement.expected)")
        }
        return value
    }

    private static func choice<Value: RawRepresentable & CaseIterable>(
        _ text: String, of label: String
    ) throws(UsageError) -> Value where Value.RawValue == String {
        if let value = Value(rawValue: text) { return value }
        let names = Self.names(Value.self)
        let guess = nearest(text, in: names).map { "did you mean \($0)? It is" } ?? "give"
        throw UsageError("\(label) cannot be \"\(text)\"", remedy: "\(guess) one of \(names.joined(separator: ", "))")
    }

    private static func names<Value: RawRepresentable & CaseIterable>(_: Value.Type) -> [String]
    where Value.RawValue == String {
        Value.allCases.map(\.rawValue)
    }

    private static func metavar<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> String
    where Value.RawValue == String {
        names(type).joined(separator: "|")
    }
}
