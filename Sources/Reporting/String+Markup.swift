internal import Support

extension String {
    /// Line by line without characters that move a terminal's cursor.
    var printableLines: String { lines.map(\.withoutControls).joined(separator: "\n") }

    private var lines: [String] {
        split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
    }

    /// As text of HTML or XML, and inside the quotes of an attribute.
    var html: String {
        printableLines.replacing { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case "'": "&#39;"
            // No characters of XML.
            case "\u{FFFE}", "\u{FFFF}": "\u{FFFD}"
            default: nil
            }
        }
    }

    /// As a paragraph of Markdown, where each line stays one.
    var markdown: String { lines.map(\.markdownLine).joined(separator: "\\\n") }

    /// As a cell of a table of Markdown; leading spaces, which mean a part of what stands above, stay.
    var markdownCell: String {
        String(repeating: "&nbsp;", count: prefix { $0 == " " }.count) + String(drop { $0 == " " }).markdownLine
    }

    /// On one line; characters that mean something to Markdown have a backslash before them.
    private var markdownLine: String {
        let text = withoutControls.replacing { "\\`*_[]|~<>#&$".unicodeScalars.contains($0) ? "\\\($0)" : nil }
        // At its start a line may look like an item of a list.
        return text.hasPrefix("-") || text.hasPrefix("+") ? "\\" + text : text
    }

    /// As text of LaTeX on one line; leading spaces, which mean a part of what stands above, stay.
    var latex: String {
        let spaces = prefix { $0 == " " }.count
        let text = String(dropFirst(spaces)).withoutControls.replacing { scalar in
            switch scalar {
            case "&", "%", "$", "#", "_", "{", "}": "\\\(scalar)"
            case "~": "\\textasciitilde{}"
            case "^": "\\textasciicircum{}"
            case "\\": "\\textbackslash{}"
            case "<": "$<$"
            case ">": "$>$"
            case "|": "$|$"
            case "±": "$\\pm$"
            case "–": "--"
            case "τ": "$\\tau$"
            case "†": "$\\dagger$"
            case "×": "$\\times$"
            default: nil
            }
        }
        return spaces > 0 ? "\\quad " + text : text
    }

    /// As a field of comma-separated values.
    var csvField: String {
        unicodeScalars.contains { ",\"\n\r".unicodeScalars.contains($0) }
            ? "\"\(replacing { $0 == "\"" ? "\"\"" : nil })\"" : self
    }

    /// By scalars: a quotation mark under an accent is another character, but a quotation mark to who reads the file.
    private func replacing(_ replacement: (Unicode.Scalar) -> String?) -> String {
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if let replacement = replacement(scalar) {
                text.append(contentsOf: replacement.unicodeScalars)
            } else {
                text.append(scalar)
            }
        }
        return String(text)
    }
}
