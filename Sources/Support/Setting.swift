/// One setting of something that is configured: what it is called, what it is, and where its value goes.
///
/// A row in a table of these is all that an option needs: parsing, help with the default of the chosen recipe, refusal where
/// it would have no effect, and its place in `config.json` follow from it.
public struct Setting<Target> {
    /// As on the command line: "weight-decay".
    public let name: String
    /// Stands for the value in help texts: "N"; empty for a flag.
    public let metavar: String
    public let help: String
    /// As in `config.json`: "weight_decay"; nil for what another setting records.
    public var key: String?
    /// The values of a choice.
    public let choices: [String]
    /// What a value must be: "a whole number of at least 1".
    public let expected: String
    public var role: SettingRole<Target>?
    /// Whether help speaks of it for such a target: what another kind of target has is left out there, and refused by its role.
    public var isOffered: (Target) -> Bool = { _ in true }
    /// False when the text is no such value; a flag ignores its text.
    public let set: (inout Target, String) -> Bool
    /// The value as it would be given; "none" for nothing.
    public let text: (Target) -> String
    public let json: (Target) -> JSON

    /// In full, for settings that are more than a property.
    public init(
        _ name: String, _ metavar: String, _ help: String, key: String?, choices: [String] = [], expected: String,
        role: SettingRole<Target>? = nil, set: @escaping (inout Target, String) -> Bool,
        text: @escaping (Target) -> String, json: @escaping (Target) -> JSON
    ) {
        self.name = name
        self.metavar = metavar
        self.help = help
        self.key = key
        self.choices = choices
        self.expected = expected
        self.role = role
        self.set = set
        self.text = text
        self.json = json
    }

    /// The same setting of a part of something larger.
    public func lifted<Whole>(to path: WritableKeyPath<Whole, Target>) -> Setting<Whole> {
        var whole = Setting<Whole>(
            name, metavar, help, key: key, choices: choices, expected: expected,
            role: role.map { role in SettingRole { role.refusal($0[keyPath: path]) } },
            set: { set(&$0[keyPath: path], $1) }, text: { text($0[keyPath: path]) }, json: { json($0[keyPath: path]) })
        whole.isOffered = { [isOffered] in isOffered($0[keyPath: path]) }
        return whole
    }

    /// The same under a role.
    public func with(_ role: SettingRole<Target>) -> Setting {
        var setting = self
        setting.role = role
        return setting
    }

    /// Whether it has an effect on what is configured so.
    public func isInEffect(_ target: Target) -> Bool { role?.refusal(target) == nil }
}

/// When settings have an effect.
public struct SettingRole<Target> {
    /// Why one has none, completing "--name has no meaning …", and what to do; nil when it has.
    public let refusal: (Target) -> (reason: String, remedy: String)?

    public init(_ refusal: @escaping (Target) -> (reason: String, remedy: String)?) { self.refusal = refusal }
}

extension Setting {
    /// A number or text.
    public static func value<Value: OptionValue>(
        _ name: String, _ metavar: String, _ help: String, _ path: WritableKeyPath<Target, Value>,
        _ requirement: Requirement<Value> = .none, key: String? = nil
    ) -> Setting {
        Setting(
            name, metavar, help, key: key ?? defaultKey(name), expected: requirement.expected,
            set: { target, text in
                guard let value = requirement.value(text) else { return false }
                target[keyPath: path] = value
                return true
            }, text: { $0[keyPath: path].argument }, json: { $0[keyPath: path].json })
    }

    /// The same where there may be none; "none" says so, whatever the recipe has.
    ///
    /// - Parameter whenNone: What having none means, for the help.
    public static func optional<Value: OptionValue>(
        _ name: String, _ metavar: String, _ help: String, _ path: WritableKeyPath<Target, Value?>,
        _ requirement: Requirement<Value> = .none, key: String? = nil, whenNone: String = "none"
    ) -> Setting {
        Setting(
            name, metavar, help, key: key ?? defaultKey(name), expected: "\(requirement.expected), or none",
            set: { target, text in
                let value = text == "none" ? nil : requirement.value(text)
                guard value != nil || text == "none" else { return false }
                target[keyPath: path] = value
                return true
            }, text: { $0[keyPath: path]?.argument ?? whenNone }, json: { $0[keyPath: path]?.json ?? .null })
    }

    /// One of the cases of an enumeration.
    public static func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ help: String, _ path: WritableKeyPath<Target, Value>, key: String? = nil
    ) -> Setting where Value.RawValue == String {
        let choices = Value.allCases.map(\.rawValue)
        return Setting(
            name, choices.joined(separator: "|"), help, key: key ?? defaultKey(name), choices: choices,
            expected: "one of \(choices.joined(separator: ", "))",
            set: { target, text in
                guard let value = Value(rawValue: text) else { return false }
                target[keyPath: path] = value
                return true
            }, text: { $0[keyPath: path].rawValue }, json: { .string($0[keyPath: path].rawValue) })
    }

    /// True when given.
    public static func flag(
        _ name: String, _ help: String, _ path: WritableKeyPath<Target, Bool>, key: String? = nil
    ) -> Setting {
        Setting(
            name, "", help, key: key ?? defaultKey(name), expected: "nothing",
            set: { target, _ in
                target[keyPath: path] = true
                return true
            }, text: { _ in "" }, json: { .bool($0[keyPath: path]) })
    }

    private static func defaultKey(_ name: String) -> String { name.replacing("-", with: "_") }
}

extension Sequence {
    /// The settings that have an effect, for `config.json`.
    public func members<Target>(of target: Target) -> [JSON.Member] where Element == Setting<Target> {
        compactMap { setting in
            guard let key = setting.key, setting.isInEffect(target) else { return nil }
            return JSON.Member(key, setting.json(target))
        }
    }
}
