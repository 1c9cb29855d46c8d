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
    public var csv: String {
        let header = hasHeadings ? [columns.map(\.heading)] : []
        let lines = rows.map { row in
            columns.indices.map { column in column < row.count ? field(row[column], column: column) : "" }
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
        let body = rows.map { row in
            line(
                columns.indices.map { column in
                    column < row.count ? shown(row[column], column: column).markdownCell : ""
                })
        }
        let table = line(columns.map(\.heading.markdownCell)) + line(rules) + body.joined()
        return ((caption.isEmpty ? [] : [caption.markdown + "\n"]) + [table] + notes.map { $0.markdown + "\n" })
            .joined(separator: "\n")
    }
}
