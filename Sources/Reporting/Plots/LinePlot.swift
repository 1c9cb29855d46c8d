public import Graphics
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
    /// What stands below x = 0, 1, 2, … instead of numbers, such as the layers of a network.
    public var xNames: [String]?

    public init(
        title: String = "", xLabel: String = "", yLabel: String = "", series: [Series], hasLogarithmicY: Bool = false
    ) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
        self.hasLogarithmicY = hasLogarithmicY
    }

    /// - Parameter hasLegend: Whether names of series, where they have any, stand beside the curves.
    public func drawing(size: ImageSize = ImageSize(width: 960, height: 600), hasLegend: Bool = true) -> Drawing {
        let letters = PlotStyle.letters(size)
        let names = xNames ?? []
        let horizontal =
            names.isEmpty
            ? PlotAxis(
                xRange.map { [$0.lowerBound, $0.upperBound] } ?? series.flatMap(\.x), extendsToTicks: false,
                tickCount: max(2, Int(Double(size.width) / (letters * 8))))
            : PlotAxis(names: names)
        let vertical = PlotAxis(
            yRange.map { [$0.lowerBound, $0.upperBound] } ?? series.flatMap(\.y), isLogarithmic: hasLogarithmicY,
            tickCount: max(2, Int(Double(size.height) / (letters * 5))))
        let isNamed = series.contains { !$0.name.isEmpty }
        let legend = series.enumerated().map { index, series in
            LegendEntry(name: series.name, series: index) { x, y, width, hair in
                [.line([.init(x, y), .init(x + width, y)], .series(index), width: 1.8 * hair)]
                    + (self.series.count > 1
                        ? [
                            .marker(
                                PlotStyle.marker(index), .init(x + width / 2, y), radius: 3.4 * hair, .series(index))
                        ]
                        : [])
            }
        }
        var frame = PlotFrame(
            size: size, title: title, xLabel: xLabel, yLabel: yLabel, vertical: vertical,
            legend: isNamed && hasLegend ? legend.filter { !series[$0.series].x.isEmpty } : [])
        frame.axis(at: 0)
        var end = -Double.infinity
        for tick in horizontal.ticks {
            let (x, width) = (frame.x(tick.place), Lettering.width(tick.label, size: letters))
            frame.tick(x: x)
            // Names that would run into each other are left out.
            if x - width / 2 < end { continue }
            end = x + width / 2 + letters / 2
            frame.tickLabel(tick.label, x: x)
        }
        for (index, series) in series.enumerated() {
            let points = zip(series.x, series.y).map { x, y in
                Drawing.Point(frame.x(horizontal.place(x)), frame.y(vertical.place(y)))
            }
            let line = Drawing.Shape.line(points, .series(index), width: 1.8 * frame.hair)
            frame.add(.group(.init(series.name, series: index, [line] + markers(points, index, frame.hair))))
        }
        return frame.drawing
    }

    /// On a few points of each of several series, not the same ones.
    private func markers(_ points: [Drawing.Point], _ index: Int, _ hair: Double) -> [Drawing.Shape] {
        guard series.count > 1 else { return [] }
        let shown = points.filter(\.isFinite)
        let every = max(1, shown.count / 8)
        let first = shown.count > 16 ? every * index / series.count : 0
        return stride(from: first, to: shown.count, by: every).map {
            .marker(PlotStyle.marker(index), shown[$0], radius: 3.4 * hair, .series(index))
        }
    }

    /// The values of a series that are drawn, in order: those that both axes can show.
    func shown(_ series: Series) -> [(x: Double, y: Double)] {
        zip(series.x, series.y).filter { x, y in
            abs(x) < PlotAxis.largest && abs(y) < PlotAxis.largest && (!hasLogarithmicY || y > 0)
        }
    }
}
