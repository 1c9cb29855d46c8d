internal import Support

/// Rows of typed cells under headings: numbers stay numbers until they are printed or written.
public struct Table: Hashable, Sendable {
    /// How the numbers of a column are written.
    public enum Kind: Hashable, Sendable {
        case text
        /// With so many decimals; nil for as many as it takes to read the number back.
        case number(decimals: Int?)
        /// A fraction, written as percent.
        case percent(decimals: Int, hasSign: Bool)
    }

    public enum Alignment: Hashable, Sendable { case left, right }

    public struct Column: Hashable, Sendable {
        public var heading: String
        public var kind: Kind
        /// nil: the first column to the left, all others to the right.
        public var alignment: Alignment?

        public init(_ heading: String, _ kind: Kind, alignment: Alignment? = nil) {
            self.heading = heading
            self.kind = kind
            self.alignment = alignment
        }

        public static func text(_ heading: String, alignment: Alignment? = nil) -> Column {
            Column(heading, .text, alignment: alignment)
        }

        /// - Parameter decimals: nil for as many as it takes to read the number back.
        public static func number(_ heading: String, decimals: Int? = nil) -> Column {
            Column(heading, .number(decimals: decimals))
        }

        /// - Parameter hasSign: Whether "%" follows each number; without it the heading should hold one.
        public static func percent(_ heading: String, decimals: Int = 2, hasSign: Bool = false) -> Column {
            Column(heading, .percent(decimals: decimals, hasSign: hasSign))
        }
    }

    public enum Cell: Hashable, Sendable {
        case text(String)
        case integer(Int?)
        /// Written as the column says, or as this cell does.
        case number(Double?, as: Kind? = nil)
        /// The mean over several runs and their standard deviation; nil of a single one.
        case mean(Double, deviation: Double?, as: Kind? = nil)

        /// A value that there is none of.
        public static let missing = Cell.number(nil)
    }

    /// Stands above the table; may be empty.
    public var caption: String
    public var columns: [Column]
    /// A row may end before the last column; the rest of it is blank.
    public var rows: [[Cell]]
    /// Lines below the table.
    public var notes: [String]
    /// Stands for a value that there is none of.
    public var missing: String
    /// Cells that stand out in bold, as row and column.
    private var best: Set<[Int]> = []

    /// Traps when a row has more cells than there are columns.
    public init(
        _ columns: [Column], _ rows: [[Cell]], caption: String = "", notes: [String] = [], missing: String = "–"
    ) {
        for row in rows {
            precondition(row.count <= columns.count, "\(row.count) cells in a table of \(columns.count) columns")
        }
        self.caption = caption
        self.columns = columns
        self.rows = rows
        self.notes = notes
        self.missing = missing
    }

    /// Names and values, a row each, without headings.
    public init(facts: [(name: String, value: Cell)], caption: String = "", notes: [String] = [], missing: String = "–")
    {
        self.init(
            [.text(""), .number("")], facts.map { [.text($0.name), $0.value] }, caption: caption, notes: notes,
            missing: missing)
    }
}

extension Table.Cell: ExpressibleByStringInterpolation {
    public init(stringLiteral value: String) { self = .text(value) }
}

extension Table {
    /// Whether there are headings at all.
    var hasHeadings: Bool { columns.contains { !$0.heading.isEmpty } }

    /// Headings of which none is empty and none is there twice.
    var names: [String] {
        var seen: Set<String> = []
        return columns.enumerated().map { index, column in
            let heading = column.heading.isEmpty ? "column \(index + 1)" : column.heading
            let candidates = [heading] + (2...columns.count + 1).lazy.map { "\(heading) (\($0))" }
            // Of as many candidates as columns one is free.
            return candidates.first { seen.insert($0).inserted } ?? heading
        }
    }

    func alignment(_ column: Int) -> Alignment { columns[column].alignment ?? (column == 0 ? .left : .right) }

    /// What is shown in a cell.
    func shown(_ cell: Cell, column: Int) -> String {
        switch cell {
        case .text(let text): text
        case .integer(let value): value.map(String.init) ?? missing
        case .number(let value, let kind): value.map { (kind ?? columns[column].kind).shown($0) } ?? missing
        case .mean(let mean, let deviation, let kind):
            (kind ?? columns[column].kind).shown(mean)
                + (deviation.map { " ± " + (kind ?? columns[column].kind).shown($0) } ?? "")
        }
    }

    /// What a cell holds: a number in full, a percent as the percent it is shown as.
    func value(_ cell: Cell, column: Int) -> JSON {
        switch cell {
        case .text(let text): .string(text)
        case .integer(let value): JSON(value)
        case .number(let value, let kind): JSON(value.map { (kind ?? columns[column].kind).value($0) })
        case .mean(let mean, _, let kind): .number((kind ?? columns[column].kind).value(mean))
        }
    }

    /// The standard deviation in a cell, in the unit of its mean.
    func deviation(_ cell: Cell, column: Int) -> Double? {
        guard case .mean(_, let deviation?, let kind) = cell else { return nil }
        return (kind ?? columns[column].kind).value(deviation)
    }

    func isBest(row: Int, column: Int) -> Bool { best.contains([row, column]) }

    /// Marks the best of the values of a column, all of those that are shown alike; nothing where there is none to compare.
    public mutating func markBest(column: Int, isHighest: Bool = true) {
        mark(rows.indices.filter { column < rows[$0].count }.map { ($0, column) }, isHighest)
    }

    /// The same of a row, from its second cell on.
    public mutating func markBest(row: Int, isHighest: Bool = true) {
        mark(rows[row].indices.dropFirst().map { (row, $0) }, isHighest)
    }

    private mutating func mark(_ places: [(row: Int, column: Int)], _ isHighest: Bool) {
        let values = places.compactMap { place -> (place: (row: Int, column: Int), value: Double)? in
            let cell = rows[place.row][place.column]
            if case .text = cell { return nil }
            return value(cell, column: place.column).doubleValue.flatMap { $0.isFinite ? (place, $0) : nil }
        }
        guard values.count > 1,
            let top = isHighest ? values.max(by: { $0.value < $1.value }) : values.min(by: { $0.value < $1.value })
        else { return }
        func text(_ place: (row: Int, column: Int)) -> String {
            String(shown(rows[place.row][place.column], column: place.column).prefix { $0 != " " })
        }
        for value in values where text(value.place) == text(top.place) {
            best.insert([value.place.row, value.place.column])
        }
    }
}

extension Table.Kind {
    fileprivate func shown(_ value: Double) -> String {
        switch self {
        case .text, .number(decimals: nil): "\(value)"
        case .number(let decimals?): value.fixed(decimals)
        case .percent(let decimals, let hasSign): (100 * value).fixed(decimals) + (hasSign ? " %" : "")
        }
    }

    fileprivate func value(_ value: Double) -> Double {
        guard case .percent = self else { return value }
        // 100 * 0.07 is not 7.
        return Double((100 * value).significant(12)) ?? 100 * value
    }
}
