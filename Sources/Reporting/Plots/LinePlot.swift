public import Imaging

/// Curves over a common axis, such as a loss over steps.
public struct LinePlot: Hashable, Sendable {
    public struct Series: Hashable, Sendable {
        public var name: String
        public var x: [Double]
        public var y: [Double]

        /// Traps when the counts differ. Values that are not finite interrupt the line.
        public init(_ name: String, x: [Double], y: [Double]) {
            precondition(x.count == y.count, "series \(name): \(x.count) x, \(y.count) y")
            self.name = name
            self.x = x
            self.y = y
        }

        /// Values over 0, 1, 2, …
        public init(_ name: String, _ y: [Double]) {
            self.init(name, x: y.indices.map(Double.init), y: y)
        }
    }

    public var title: String
    public var xLabel: String
    public var yLabel: String
    public var series: [Series]
    /// Leaves out values at or below zero.
    public var hasLogarithmicY: Bool
    /// What the axes span; nil for what the values need.
    public var xRange: ClosedRange<Double>?
    public var yRange: ClosedRange<Double>?

    public init(
        title: String = "", xLabel: String = "", yLabel: String = "", series: [Series], hasLogarithmicY: Bool = false
    ) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
        self.hasLogarithmicY = hasLogarithmicY
    }

    public func render(size: ImageSize = ImageSize(width: 960, height: 600)) -> Image {
        let horizontal = PlotAxis(
            xRange.map { [$0.lowerBound, $0.upperBound] } ?? series.flatMap(\.x), extendsToTicks: false,
            tickCount: max(2, size.width / 130))
        let vertical = PlotAxis(
            yRange.map { [$0.lowerBound, $0.upperBound] } ?? series.flatMap(\.y), isLogarithmic: hasLogarithmicY,
            tickCount: max(2, size.height / 80))
        var frame = PlotFrame(
            size: size, title: title, xLabel: xLabel, yLabel: yLabel, vertical: vertical,
            legend: series.contains { !$0.name.isEmpty } ? series.map(\.name) : [])
        frame.axis(at: 0)
        for tick in horizontal.ticks {
            let x = frame.pixelX(tick.place)
            frame.fill(
                x: x - frame.scale / 2, y: frame.top + frame.height, w: frame.scale, h: 3 * frame.scale,
                color: PlotFrame.ink)
            frame.tickLabel(tick.label, x: x)
        }
        for (index, series) in series.enumerated() {
            let points = zip(series.x, series.y).map { x, y in
                (
                    x: Double(frame.left) + horizontal.place(x) * Double(frame.width),
                    y: Double(frame.top) + (1 - vertical.place(y)) * Double(frame.height)
                )
            }
            frame.line(points, color: Palette.color(index), thickness: Double(frame.scale) * 1.1)
        }
        return frame.image
    }
}
