public import Graphics
internal import Imaging
public import Support

/// What a command has to say: paragraphs, tables and figures, to be printed or written as a page.
public struct Report: Hashable, Sendable {
    public enum Block: Hashable, Sendable {
        /// May have several lines.
        case paragraph(String)
        case list([String])
        case table(Table)
        /// Beside each other.
        case figures([Figure])
        /// What a page shows when it is asked for; a terminal does not.
        case details(String, [Block])

        public static func figure(_ figure: Figure) -> Block { .figures([figure]) }
    }

    /// Blocks that belong together.
    public struct Section: Hashable, Sendable {
        /// May be empty.
        public var heading: String
        public var blocks: [Block]

        public init(_ heading: String, _ blocks: [Block]) {
            self.heading = heading
            self.blocks = blocks
        }

        /// Without a heading.
        public init(_ blocks: [Block]) { self.init("", blocks) }
    }

    public var title: String
    public var sections: [Section]

    public init(_ title: String, sections: [Section]) {
        self.title = title
        self.sections = sections
    }

    /// With one section, or none without blocks.
    public init(_ title: String, _ blocks: [Block]) {
        self.init(title, sections: blocks.isEmpty ? [] : [Section(blocks)])
    }

    /// Adds blocks to the last section.
    public mutating func append(_ blocks: Block...) {
        if sections.isEmpty { sections.append(Section([])) }
        sections[sections.count - 1].blocks += blocks
    }

    /// For a terminal: paragraphs, lists and tables, with an empty line between sections. Titles, headings and figures are
    /// left out. Ends with a newline, unless there is nothing to say.
    public var text: String {
        let texts = sections.map { section in
            section.blocks.compactMap(\.text).joined(separator: "\n")
        }.filter { !$0.isEmpty }
        return texts.isEmpty ? "" : texts.joined(separator: "\n\n") + "\n"
    }

    /// The tables as comma-separated values, with an empty line between them; without any, the paragraphs as a table of one
    /// column.
    public var csv: String {
        let blocks = sections.flatMap(\.blocks).flatMap(\.flat)
        let tables = tables
        if !tables.isEmpty { return tables.map(\.csv).joined(separator: "\n") }
        return Table([.text("text")], blocks.compactMap(\.text).map { [.text($0)] }).csv
    }

    /// The tables for a paper, each as LaTeX; what a page shows when it is asked for is among them.
    public var latex: String { tables.map(\.latex).joined(separator: "\n") }

    private var tables: [Table] {
        sections.flatMap(\.blocks).flatMap(\.flat).compactMap { block in
            if case .table(let table) = block { table } else { nil }
        }
    }

    /// `{"title", "sections": [{"heading", "blocks": […]}]}`; a block is `{"paragraph"}`, `{"list"}`, a table's
    /// `{"table": {…}}` or `{"figures": […]}`.
    public var json: JSON {
        [
            "title": .string(title),
            "sections": .array(
                sections.map { ["heading": .string($0.heading), "blocks": .array($0.blocks.map(\.json))] }),
        ]
    }

    /// All figures in one picture, in rows from the top; nil without any.
    public var picture: Drawing? {
        let rows = sections.flatMap(\.blocks).flatMap(\.flat).compactMap { block -> [Drawing]? in
            if case .figures(let figures) = block { figures.map(\.drawing) } else { nil }
        }.filter { !$0.isEmpty }
        guard rows.joined().count > 1 else { return rows.first?.first }
        let heights = rows.map { $0.map(\.size.height).max() ?? 0 }
        var sheet = Drawing(
            size: ImageSize(
                width: rows.map { $0.reduce(0) { $0 + $1.size.width } }.max() ?? 0, height: heights.reduce(0, +)))
        var y = 0
        for (row, height) in zip(rows, heights) {
            var x = 0
            for drawing in row {
                sheet.place(drawing, x: x, y: y)
                x += drawing.size.width
            }
            y += height
        }
        return sheet
    }
}

extension Report.Block {
    fileprivate var text: String? {
        switch self {
        case .paragraph(let text): text.printableLines
        case .list(let items): items.isEmpty ? nil : items.map { "  " + $0.withoutControls }.joined(separator: "\n")
        case .table(let table): table.text
        case .figures, .details: nil
        }
    }

    /// Itself, or what it holds.
    fileprivate var flat: [Report.Block] {
        if case .details(_, let blocks) = self { blocks.flatMap(\.flat) } else { [self] }
    }

    fileprivate var json: JSON {
        switch self {
        case .paragraph(let text): ["paragraph": .string(text)]
        case .list(let items): ["list": .array(items.map { .string($0) })]
        case .table(let table): ["table": table.json]
        case .figures(let figures): ["figures": .array(figures.map(\.json))]
        case .details(let summary, let blocks):
            ["details": .string(summary), "blocks": .array(blocks.map(\.json))]
        }
    }
}
