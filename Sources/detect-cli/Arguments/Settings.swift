package import Support

/// The settings of a table as options of a command: what was given, to be applied when what they apply to is known.
package final class Settings<Target> {
    private var given: [String: String] = [:]
    private let rows: [Setting<Target>]

    fileprivate init(_ rows: [Setting<Target>]) { self.rows = rows }

    package func isGiven(_ name: String) -> Bool { given[name] != nil }

    fileprivate func take(_ row: Setting<Target>, _ text: String, defaults: Target) throws(UsageError) {
        var trial = defaults
        guard row.set(&trial, text) else { throw Self.refusal(of: row, text) }
        given[row.name] = text
    }

    private static func refusal(of row: Setting<Target>, _ text: String) -> UsageError {
        let guess = nearest(text, in: row.choices).map { "did you mean \($0)? It is \(row.expected)" }
        return UsageError("--\(row.name) cannot be \"\(text)\"", remedy: guess ?? "give \(row.expected)")
    }

    /// Sets what was given, in the order of the table; throws for a setting that has no effect on the result.
    package func apply(to target: inout Target) throws(UsageError) {
        // A value that the target as it was when the option was read had no use for is looked at now.
        for row in rows {
            if let text = given[row.name], !row.set(&target, text) { throw Self.refusal(of: row, text) }
        }
        for row in rows where given[row.name] != nil {
            if let (reason, remedy) = row.role?.refusal(target) {
                throw UsageError("--\(row.name) has no meaning \(reason)", remedy: remedy)
            }
        }
    }
}

extension ArgumentParser {
    /// An option for each row, under the headings of the table.
    ///
    /// - Parameter defaults: What the command would use if none were given, which may depend on other options: the help
    ///   shows its values. Called when help is printed and when a value is looked at.
    package func settings<Target>(
        _ table: [(title: String, rows: [Setting<Target>])], defaults: @escaping () -> Target
    ) -> Settings<Target> {
        let settings = Settings(table.flatMap(\.rows))
        for (title, rows) in table {
            group(title)
            for row in rows {
                declare(
                    row.name, row.metavar, row.help, choices: row.choices, defaultText: { row.text(defaults()) },
                    isOffered: { row.isOffered(defaults()) }
                ) { text throws(UsageError) in
                    try settings.take(row, text, defaults: defaults())
                }
            }
        }
        return settings
    }
}
