package import Support

extension ArgumentParser {
    /// The help text of the command, made from its declarations.
    package func help(summary: String, example: String, ink: Ink = .none) -> String {
        var parts = ["\(ink(commandName, .bold)): \(summary)", "\(ink("usage:", .bold)) \(usage)"]
        if !positionals.isEmpty {
            parts.append(Self.block("Arguments", positionals.map { ($0.name, $0.help) }, ink: ink))
        }
        for (title, declarations) in groups {
            let offered = declarations.filter { $0.isOffered() }
            if offered.isEmpty { continue }
            parts.append(Self.block(title, offered.map { ($0.term, $0.explanation) }, ink: ink))
        }
        parts.append(
            "\(ink("Example:", .bold))\n" + example.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))
        return parts.joined(separator: "\n\n")
    }

    /// The options under their headings, in the order of declaration.
    var groups: [(title: String, declarations: [Declaration])] {
        var titles: [String] = []
        for declaration in declarations where !titles.contains(declaration.group) { titles.append(declaration.group) }
        return titles.map { title in
            (title.isEmpty ? "Options" : title, declarations.filter { $0.group == title })
        }
    }

    /// A command line in outline.
    var usage: String {
        var words = ["detect-cli", commandName]
        words += declarations.filter(\.isRequired).map(\.term)
        if declarations.contains(where: { !$0.isRequired }) { words.append("[options]") }
        words += positionals.map { positional in
            let name = positional.repeats ? "\(positional.name)…" : positional.name
            return positional.minimum == 0 ? "[\(name)]" : name
        }
        return words.joined(separator: " ")
    }

    /// Terms in a column, explanations beside them, or below where a term is too long.
    static func block(_ title: String, _ rows: [(term: String, text: String)], ink: Ink = .none) -> String {
        let column = min(24, (rows.map(\.term.count).max() ?? 0) + 2)
        var lines = [ink("\(title):", .bold)]
        for row in rows {
            // 78 columns of text, so that nothing wraps by itself on the narrowest usual terminal.
            let text = wrapped(row.text, width: 76 - column)
            if row.term.count + 2 > column {
                lines.append("  \(row.term)")
                lines += text.map { String(repeating: " ", count: column + 2) + $0 }
            } else {
                lines.append("  " + row.term.padded(column) + (text.first ?? ""))
                lines += text.dropFirst().map { String(repeating: " ", count: column + 2) + $0 }
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}

extension ArgumentParser.Declaration {
    /// As typed: "--batch N".
    var term: String { metavar.isEmpty ? "--\(name)" : "--\(name) \(metavar)" }

    var explanation: String {
        if isRequired { return "\(help) (required)" }
        let text = defaultText()
        return text.isEmpty ? help : "\(help) (default: \(text))"
    }
}
