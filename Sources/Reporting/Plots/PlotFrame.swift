internal import Graphics
internal import Imaging

/// What line and bar plots share: margins, title, labels, horizontal grid, legend.
struct PlotFrame {
    private(set) var drawing: Drawing
    /// Of the letters.
    let letters: Double
    /// Between parts.
    let gap: Double
    /// Of thin lines.
    let hair: Double
    let left: Double
    let top: Double
    let width: Double
    let height: Double

    /// - Parameter legend: Names of the series, in order; empty for no legend.
    init(
        size: ImageSize, title: String, xLabel: String, yLabel: String, vertical: PlotAxis, legend: [LegendEntry],
        xTickRows: Int = 1
    ) {
        let letters = PlotStyle.letters(size)
        let (gap, line) = (0.5 * letters, Lettering.lineHeight(letters))
        (self.letters, self.gap, hair) = (letters, gap, max(1, letters / 14))
        drawing = Drawing(size: size)
        let tickWidth = vertical.ticks.map { Lettering.width($0.label, size: letters) }.max() ?? 0
        left = gap + (yLabel.isEmpty ? 0 : line + gap) + tickWidth + gap
        top = gap + (title.isEmpty ? line / 2 : line + gap)
        // A legend takes two fifths at most.
        let room = 0.4 * Double(size.width)
        let names = legend.map { Lettering.fitted($0.name, width: room, size: letters) }
        let legendWidth = names.map { Lettering.width($0, size: letters) }.max() ?? 0
        let right = legend.isEmpty ? 1.6 * letters : legendWidth + 5.5 * gap + 1.2 * letters
        let bottom = gap + (xLabel.isEmpty ? 0 : line + gap / 2) + Double(xTickRows) * line + gap / 2
        // A picture too small for its labels still gets a plot area of a unit.
        width = max(1, Double(size.width) - left - right)
        height = max(1, Double(size.height) - top - bottom)
        for tick in vertical.ticks {
            let y = y(tick.place)
            horizontal(y, .faint, width: hair)
            text(tick.label, x: left - gap, y: y + Lettering.middle(letters), .muted, anchor: .end)
        }
        let middle = left + width / 2
        text(title, x: middle, y: gap + 0.95 * letters, anchor: .middle, isBold: true)
        text(
            xLabel, x: middle, y: Double(size.height) - gap - 0.25 * letters, .muted, anchor: .middle)
        drawing.add(
            yLabel, x: gap + 0.9 * letters, y: top + height / 2, size: letters, .muted, anchor: .middle,
            isUpright: true)
        for (index, name) in names.enumerated() {
            let (x, y) = (left + width + 2 * gap, top + (Double(index) + 0.5) * line)
            drawing.add(
                .group(
                    .init(
                        legend[index].name, series: legend[index].series,
                        legend[index].sample(x, y, 1.2 * letters, hair))))
            text(name, x: x + 1.2 * letters + gap, y: y + Lettering.middle(letters))
        }
    }

    /// The column of a place on the horizontal axis, 0 … 1.
    func x(_ place: Double) -> Double { left + place * width }

    /// The row of a place on the vertical axis, 0 … 1 from below.
    func y(_ place: Double) -> Double { top + (1 - place) * height }

    mutating func add(_ shape: Drawing.Shape) { drawing.add(shape) }

    mutating func text(
        _ text: String, x: Double, y: Double, _ paint: Paint = .ink, anchor: Drawing.Text.Anchor = .start,
        isBold: Bool = false
    ) {
        drawing.add(text, x: x, y: y, size: letters, paint, anchor: anchor, isBold: isBold)
    }

    /// Text under the axis with its middle at column `x`, in one of the rows there.
    mutating func tickLabel(_ label: String, x: Double, row: Int = 0) {
        text(
            label, x: x, y: top + height + gap + 0.9 * letters + Double(row) * Lettering.lineHeight(letters), .muted,
            anchor: .middle)
    }

    private mutating func horizontal(_ y: Double, _ paint: Paint, width line: Double) {
        // On whole pixels, so that it is not blurred.
        drawing.add(.rectangle(.init(x: left, y: (y - line / 2).rounded(), width: width, height: line), paint))
    }

    /// The horizontal axis at a height of the vertical one.
    mutating func axis(at place: Double) { horizontal(y(place), .ink, width: hair) }

    /// A short line below the horizontal axis.
    mutating func tick(x: Double) {
        drawing.add(
            .rectangle(.init(x: (x - hair / 2).rounded(), y: top + height, width: hair, height: gap / 2), .ink))
    }
}

/// A series in a legend: its name and how it is told apart.
struct LegendEntry {
    var name: String
    var series: Int
    /// What it looks like, around a middle, so wide.
    var sample: (_ left: Double, _ middle: Double, _ width: Double, _ hair: Double) -> [Drawing.Shape]
}

enum PlotStyle {
    /// Of the letters of a plot of this size.
    static func letters(_ size: ImageSize) -> Double {
        max(11, min(Double(size.width) / 58, Double(size.height) / 36))
    }

    static func marker(_ series: Int) -> Drawing.Marker {
        Drawing.Marker.allCases[series % Drawing.Marker.allCases.count]
    }

    /// A bar with the pattern of its series: no two neighbours are told apart by their colour alone.
    static func bar(_ bar: Drawing.Rectangle, series: Int, hair: Double) -> [Drawing.Shape] {
        [.rectangle(bar, .series(series))] + pattern(series, bar, step: 8 * hair).map { .line($0, .paper, width: hair) }
    }

    /// Lines within a rectangle: none, rising, level, falling, upright, and so on.
    private static func pattern(
        _ series: Int, _ bar: Drawing.Rectangle, step: Double
    ) -> [[Drawing.Point]] {
        let (right, bottom) = (bar.x + bar.width, bar.y + bar.height)
        switch series % 5 {
        case 1, 3:
            // From where they cross the left side or the bottom, rising to the right; mirrored for the falling ones.
            return stride(from: step, to: bar.width + bar.height, by: step).map { along in
                let start = Drawing.Point(max(0, along - bar.height), min(along, bar.height))
                let end = Drawing.Point(min(along, bar.width), max(0, along - bar.width))
                func placed(_ point: Drawing.Point) -> Drawing.Point {
                    Drawing.Point(series % 5 == 1 ? bar.x + point.x : right - point.x, bar.y + point.y)
                }
                return [placed(start), placed(end)]
            }
        case 2:
            return stride(from: bottom - step, to: bar.y, by: -step).map { [.init(bar.x, $0), .init(right, $0)] }
        case 4:
            return stride(from: bar.x + step / 2, to: right, by: step / 2 + 2).map {
                [.init($0, bar.y), .init($0, bottom)]
            }
        default: return []
        }
    }
}
