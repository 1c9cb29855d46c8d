public import Graphics
internal import Imaging

/// A table of numbers as shaded cells, such as how often classes occur together.
public struct MatrixPlot: Hashable, Sendable {
    public var title: String
    public var rows: [String]
    public var columns: [String]
    /// The shade of each cell of each row; NaN leaves it grey.
    public var values: [[Double]]
    /// What is written into each cell.
    public var texts: [[String]]

    /// Traps when values and texts are not a cell for each row and column.
    public init(title: String = "", rows: [String], columns: [String], values: [[Double]], texts: [[String]]) {
        precondition(
            values.count == rows.count && values.allSatisfy { $0.count == columns.count } && texts.count == rows.count
                && texts.allSatisfy { $0.count == columns.count },
            "a matrix of \(rows.count)x\(columns.count) cells needs that many values and texts")
        self.title = title
        self.rows = rows
        self.columns = columns
        self.values = values
        self.texts = texts
    }

    private static let neutral = Color(red: 236, green: 238, blue: 242)
    private static let full = Color(red: 20, green: 80, blue: 180)

    /// As high as the cells need, which are a third as high as wide, or as high as their text.
    public func drawing(width: Int = 960) -> Drawing {
        let letters = max(11, min(16, Double(width) / 60))
        let (gap, line) = (0.5 * letters, Lettering.lineHeight(letters))
        func length(_ text: String) -> Double { Lettering.width(text, size: letters) }
        let labelWidth = (rows.map(length).max() ?? 0) + 2 * gap
        // Columns' names lie flat while they fit, else stand.
        let cellWidth = max(1, (Double(width) - labelWidth - gap) / Double(max(1, columns.count)))
        let widest = columns.map(length).max() ?? 0
        let isFlat = widest + gap <= cellWidth
        let top = gap + line + gap + (isFlat ? line : widest) + gap
        let cellHeight = max(line + gap, cellWidth / 3)
        var drawing = Drawing(
            size: ImageSize(width: width, height: Int((top + Double(rows.count) * cellHeight + gap).rounded(.up))))
        drawing.add(
            title, x: Double(width) / 2, y: gap + letters, size: letters, anchor: .middle, isBold: true)
        for (column, name) in columns.enumerated() {
            let middle = labelWidth + (Double(column) + 0.5) * cellWidth
            if isFlat {
                drawing.add(name, x: middle, y: top - gap - 0.2 * letters, size: letters, anchor: .middle)
            } else {
                drawing.add(
                    name, x: middle + Lettering.middle(letters), y: top - gap, size: letters, isUpright: true)
            }
        }
        let largest = values.joined().filter(\.isFinite).max() ?? 0
        for (row, name) in rows.enumerated() {
            let y = top + Double(row) * cellHeight
            let baseline = y + cellHeight / 2 + Lettering.middle(letters)
            drawing.add(name, x: labelWidth - gap, y: baseline, size: letters, anchor: .end)
            for column in columns.indices {
                let value = values[row][column]
                // The root keeps small shares apart.
                let share = value.isFinite && largest > 0 ? max(0, value / largest).squareRoot() : 0
                let color = value.isFinite ? Color.white.mixed(with: Self.full, share) : Self.neutral
                let cell = Drawing.Rectangle(
                    x: labelWidth + Double(column) * cellWidth, y: y, width: cellWidth - 1, height: cellHeight - 1)
                let text = texts[row][column]
                let isShown = length(text) <= cellWidth - 1 && !text.isEmpty
                drawing.add(
                    .group(
                        .init(
                            "\(name), \(columns[column]): \(text)",
                            [.rectangle(cell, .color(color))]
                                + (isShown
                                    ? [
                                        .text(
                                            .init(
                                                text, at: .init(cell.x + cell.width / 2, baseline), size: letters,
                                                .color(color.readableTextColor), anchor: .middle))
                                    ] : []))))
            }
        }
        return drawing
    }
}
