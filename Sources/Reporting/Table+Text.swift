public import Support

extension Table {
    /// Columns lined up by spaces for a terminal, below the caption and above the notes; no newline at the end.
    public var text: String {
        let lines =
            (hasHeadings ? [columns.map(\.heading)] : [])
            + rows.map { $0.enumerated().map { shown($1, column: $0) } }
        let cells = lines.map { $0.map(\.withoutControls) }
        let widths = columns.indices.map { column in
            cells.map { column < $0.count ? $0[column].terminalWidth : 0 }.max() ?? 0
        }
        let body = cells.map { line in
            line.enumerated().map { column, cell in
                if alignment(column) == .right { return cell.aligned(widths[column]) }
                // Nothing stands behind the last column.
                return column == columns.count - 1 ? cell : cell.padded(widths[column])
            }.joined(separator: "  ")
        }
        return ((caption.isEmpty ? [] : [caption.printableLines]) + body + notes.map(\.printableLines))
            .joined(separator: "\n")
    }

    /// Comma-separated values (RFC 4180): headings and rows, numbers in full, percents as percents, nothing for what is
    /// missing. Caption and notes are left out.
    /// A column with standard deviations has them in one of their own behind it.
    public var csv: String {
        let spread = Set(
            columns.indices.filter { column in
                rows.contains { column < $0.count && deviation($0[column], column: column) != nil }
            })
        let header =
            hasHeadings
            ? [columns.enumerated().flatMap { spread.contains($0) ? [$1.heading, "\($1.heading) ±"] : [$1.heading] }]
            : []
        let lines = rows.map { row in
            columns.indices.flatMap { column -> [String] in
                let cell = column < row.count ? row[column] : nil
                let field = cell.map { self.field($0, column: column) } ?? ""
                guard spread.contains(column) else { return [field] }
                return [field, cell.flatMap { deviation($0, column: column) }.map { "\($0)" } ?? ""]
            }
        }
        return (header + lines).map { $0.map(\.csvField).joined(separator: ",") + "\n" }.joined()
    }

    private func field(_ cell: Cell, column: Int) -> String {
        switch value(cell, column: column) {
        case .string(let text): text
        case .integer(let value): String(value)
        case .number(let value): "\(value)"
        default: ""
        }
    }

    /// `{"caption", "rows": [{HEADING: value}], "notes"}`; percents as percents, null for what is missing. A heading that is
    /// there twice is numbered.
    public var json: JSON {
        let names = names
        return [
            "caption": .string(caption),
            "rows": .array(
                rows.map { row in
                    .object(row.enumerated().map { .init(names[$0], value($1, column: $0)) })
                }), "notes": .array(notes.map { .string($0) }),
        ]
    }

    /// A table of GitHub's Markdown, its caption above and its notes below.
    public var markdown: String {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        let rules = columns.indices.map { alignment($0) == .left ? ":--" : "--:" }
        let body = rows.enumerated().map { index, row in
            line(
                columns.indices.map { column in
                    let text = column < row.count ? shown(row[column], column: column).markdownCell : ""
                    return isBest(row: index, column: column) ? "**\(text)**" : text
                })
        }
        let table = line(columns.map(\.heading.markdownCell)) + line(rules) + body.joined()
        return ((caption.isEmpty ? [] : [caption.markdown + "\n"]) + [table] + notes.map { $0.markdown + "\n" })
            .joined(separator: "\n")
    }

    /// A table of LaTeX with the rules of the package booktabs, its notes below it.
    public var latex: String {
        func line(_ cells: [String]) -> String { cells.joined(separator: " & ") + " \\\\\n" }
        let body = rows.enumerated().map { index, row in
            line(
                columns.indices.map { column in
                    let text = column < row.count ? shown(row[column], column: column).latex : ""
                    return isBest(row: index, column: column) ? "\\textbf{\(text)}" : text
                })
        }
        let letters = columns.indices.map { alignment($0) == .left ? "l" : "r" }.joined()
        return "\\begin{table}\n" + (caption.isEmpty ? "" : "\\caption{\(caption.latex)}\n")
            + "\\begin{tabular}{\(letters)}\n\\toprule\n"
            + (hasHeadings ? line(columns.map(\.heading.latex)) + "\\midrule\n" : "") + body.joined()
            + "\\bottomrule\n\\end{tabular}\n"
            + notes.map { "\n\\footnotesize \($0.latex)\n" }.joined() + "\\end{table}\n"
    }
}
