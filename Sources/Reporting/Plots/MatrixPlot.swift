public import Imaging

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
    public func render(width: Int = 960) -> Image {
        let scale = max(1, min(2, width / 900))
        let line = Image.textSize("", scale: scale).height
        let gap = 5 * scale
        let labelWidth = (rows.map { Image.textSize($0, scale: scale).width }.max() ?? 0) + 2 * gap
        // Columns' names lie flat while they fit, else stand.
        let cellWidth = max(1, (width - labelWidth - gap) / max(1, columns.count))
        let widest = columns.map { Image.textSize($0, scale: scale).width }.max() ?? 0
        let isFlat = widest + gap <= cellWidth
        let top = gap + line + 2 * gap + (isFlat ? line : widest) + gap
        let cellHeight = max(line + 2 * gap, cellWidth / 3)
        var image = Image(
            size: ImageSize(width: width, height: top + rows.count * cellHeight + 2 * gap), color: .white)
        image.drawText(
            title, x: max(gap, (width - Image.textSize(title, scale: scale).width) / 2), y: gap, color: PlotFrame.ink,
            scale: scale)
        for (column, name) in columns.enumerated() {
            let size = Image.textSize(name, scale: scale)
            let middle = labelWidth + column * cellWidth + cellWidth / 2
            if isFlat {
                image.drawText(
                    name, x: middle - size.width / 2, y: top - gap - line, color: PlotFrame.ink, scale: scale)
            } else {
                image.drawTextUpwards(
                    name, x: middle - line / 2, y: top - gap - size.width, color: PlotFrame.ink, scale: scale,
                    on: .white)
            }
        }
        let largest = values.joined().filter(\.isFinite).max() ?? 0
        for (row, name) in rows.enumerated() {
            let y = top + row * cellHeight
            image.drawText(name, x: gap, y: y + (cellHeight - line) / 2, color: PlotFrame.ink, scale: scale)
            for column in columns.indices {
                let value = values[row][column]
                // The root keeps small shares apart.
                let share = value.isFinite && largest > 0 ? max(0, value / largest).squareRoot() : 0
                let color = value.isFinite ? Color.white.mixed(with: Self.full, share) : Self.neutral
                let x = labelWidth + column * cellWidth
                image.fill(x: x, y: y, w: cellWidth - scale, h: cellHeight - scale, color: color)
                let text = texts[row][column]
                let size = Image.textSize(text, scale: scale)
                if size.width > cellWidth - scale { continue }
                image.drawText(
                    text, x: x + (cellWidth - size.width) / 2, y: y + (cellHeight - size.height) / 2,
                    color: color.readableTextColor, scale: scale)
            }
        }
        return image
    }
}
