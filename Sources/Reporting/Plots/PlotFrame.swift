internal import Imaging

/// What line and bar plots share: margins, title, labels, horizontal grid, legend.
struct PlotFrame {
    static let ink = Color(red: 40, green: 44, blue: 52)
    private static let faint = Color(red: 226, green: 229, blue: 234)

    private(set) var image: Image
    /// Pixels of the image a pixel of the font takes.
    let scale: Int
    let left: Int
    let top: Int
    let width: Int
    let height: Int

    init(
        size: ImageSize, title: String, xLabel: String, yLabel: String, vertical: PlotAxis, legend: [String],
        xTickRows: Int = 1
    ) {
        let scale = max(1, min(size.width / 400, size.height / 260))
        self.scale = scale
        image = Image(size: size, color: .white)
        let line = Image.textSize("", scale: scale).height
        let gap = 5 * scale
        let tickWidth = vertical.ticks.map { Image.textSize($0.label, scale: scale).width }.max() ?? 0
        left = gap + (yLabel.isEmpty ? 0 : line + gap) + tickWidth + gap
        top = gap + (title.isEmpty ? line / 2 : line + line / 3 + gap)
        let legendWidth = legend.map { Image.textSize($0, scale: scale).width }.max() ?? 0
        let right = legend.isEmpty ? 3 * gap : legendWidth + 7 * gap
        let bottom = gap + (xLabel.isEmpty ? 0 : line + gap) + xTickRows * line + gap
        // A picture too small for its labels still gets a plot area of a pixel.
        width = max(1, size.width - left - right)
        height = max(1, size.height - top - bottom)
        for tick in vertical.ticks {
            let y = pixelY(tick.place)
            image.fill(x: left, y: y - scale / 2, w: width, h: max(1, scale / 2), color: Self.faint)
            let label = Image.textSize(tick.label, scale: scale)
            text(tick.label, x: left - gap - label.width, y: y - 7 * scale / 2)
        }
        text(title, x: left + (width - Image.textSize(title, scale: scale).width) / 2, y: gap)
        text(
            xLabel, x: left + (width - Image.textSize(xLabel, scale: scale).width) / 2,
            y: size.height - gap - line)
        if !yLabel.isEmpty {
            let length = Image.textSize(yLabel, scale: scale).width
            image.drawTextUpwards(
                yLabel, x: gap, y: top + (height - length) / 2, color: Self.ink, scale: scale, on: .white)
        }
        for (index, name) in legend.enumerated() {
            let x = left + width + 2 * gap
            let y = top + index * (line + gap / 2)
            image.fill(x: x, y: y, w: 3 * gap, h: 7 * scale, color: Palette.color(index))
            text(name, x: x + 4 * gap, y: y)
        }
    }

    /// The column of a place on the horizontal axis, 0 … 1.
    func pixelX(_ place: Double) -> Int { left + Int((place * Double(width)).rounded()) }

    /// The row of a place on the vertical axis, 0 … 1 from below.
    func pixelY(_ place: Double) -> Int { top + Int(((1 - place) * Double(height)).rounded()) }

    mutating func text(_ text: String, x: Int, y: Int, scale: Int? = nil) {
        image.drawText(text, x: x, y: y, color: Self.ink, scale: scale ?? self.scale)
    }

    /// Text under the axis with its middle at column `x`.
    mutating func tickLabel(_ label: String, x: Int) {
        let size = Image.textSize(label, scale: scale)
        text(label, x: x - size.width / 2, y: top + height + 5 * scale)
    }

    mutating func fill(x: Int, y: Int, w: Int, h: Int, color: Color) {
        image.fill(x: x, y: y, w: w, h: h, color: color)
    }

    mutating func line(_ points: [(x: Double, y: Double)], color: Color, thickness: Double) {
        image.drawPolyline(points, color: color, thickness: thickness)
    }

    /// The horizontal axis at a height of the vertical one.
    mutating func axis(at place: Double) {
        image.fill(x: left, y: pixelY(place) - scale / 2, w: width, h: scale, color: Self.ink)
    }
}
