public import Imaging
internal import Support

/// Groups of bars, such as mAP by class with one bar for each kind of initial weights.
public struct BarPlot: Hashable, Sendable {
    public struct Series: Hashable, Sendable {
        public var name: String
        /// One value a group; NaN leaves the bar out.
        public var values: [Double]

        public init(_ name: String, _ values: [Double]) {
            self.name = name
            self.values = values
        }
    }

    public var title: String
    public var yLabel: String
    public var groups: [String]
    public var series: [Series]
    /// Decimals of the values written on the bars; nil writes none.
    public var valueDecimals: Int?

    /// Traps when a series does not have a value for each group.
    public init(title: String = "", yLabel: String = "", groups: [String], series: [Series], valueDecimals: Int? = 1) {
        for series in series {
            precondition(
                series.values.count == groups.count,
                "series \(series.name): \(series.values.count) values for \(groups.count) groups")
        }
        self.title = title
        self.yLabel = yLabel
        self.groups = groups
        self.series = series
        self.valueDecimals = valueDecimals
    }

    /// A size with room for the name of each group, 1400 pixels at least.
    public var wideSize: ImageSize { ImageSize(width: max(1400, 110 * groups.count), height: 560) }

    public func render(size: ImageSize = ImageSize(width: 960, height: 600)) -> Image {
        let vertical = PlotAxis(
            series.flatMap(\.values), includesZero: true, tickCount: max(2, size.height / 80))
        let legend = series.contains { !$0.name.isEmpty } ? series.map(\.name) : []
        var frame = PlotFrame(
            size: size, title: title, xLabel: "", yLabel: yLabel, vertical: vertical, legend: legend,
            xTickRows: staggersLabels(size, legend) ? 2 : 1)
        let groupWidth = Double(frame.width) / Double(max(1, groups.count))
        // A fifth of each group's room keeps the groups apart.
        let barWidth = groupWidth * 0.8 / Double(max(1, series.count))
        for (group, name) in groups.enumerated() {
            let middle = Double(frame.left) + (Double(group) + 0.5) * groupWidth
            for (index, series) in series.enumerated() where !vertical.place(series.values[group]).isNaN {
                let start = middle - 0.4 * groupWidth + Double(index) * barWidth
                draw(series.values[group], from: start, width: barWidth, Palette.color(index), vertical, &frame)
            }
            let isLow = staggersLabels(size, legend) && group % 2 == 1
            let label = Image.textSize(name, scale: frame.scale)
            frame.text(
                name, x: Int(middle) - label.width / 2,
                y: frame.top + frame.height + 5 * frame.scale + (isLow ? label.height : 0))
        }
        frame.axis(at: vertical.place(0))
        return frame.image
    }

    private func draw(
        _ value: Double, from start: Double, width: Double, _ color: Color, _ axis: PlotAxis, _ frame: inout PlotFrame
    ) {
        let left = Int(start.rounded())
        // A pixel between neighbours, as long as bars are wide enough to spare it.
        let pixels = max(1, Int((start + width).rounded()) - left - (width >= 4 ? max(1, frame.scale / 2) : 0))
        let (end, zero) = (frame.pixelY(axis.place(value)), frame.pixelY(axis.place(0)))
        frame.fill(x: left, y: min(end, zero), w: pixels, h: abs(end - zero), color: color)
        guard let decimals = valueDecimals else { return }
        let label = value.fixed(decimals)
        // Small letters where the large ones would run into each other; none where even they would.
        guard
            let scale = [frame.scale, max(1, frame.scale / 2)].first(where: {
                Image.textSize(label, scale: $0).width <= Int(width)
            })
        else { return }
        let size = Image.textSize(label, scale: scale)
        frame.text(
            label, x: left + (pixels - size.width) / 2, y: value < 0 ? end + 2 * scale : end - 9 * scale,
            scale: scale)
    }

    /// Whether the groups' names need two rows.
    private func staggersLabels(_ size: ImageSize, _ legend: [String]) -> Bool {
        let frame = PlotFrame(
            size: size, title: "", xLabel: "", yLabel: yLabel, vertical: PlotAxis([], tickCount: 2), legend: legend)
        let widest = groups.map { Image.textSize($0 + " ", scale: frame.scale).width }.max() ?? 0
        return widest * groups.count > frame.width
    }
}
