public import Graphics
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

    /// A size with room for the name of each group, 1400 units at least.
    public var wideSize: ImageSize { ImageSize(width: max(1400, 110 * groups.count), height: 560) }

    /// - Parameter hasLegend: Whether names of series, where they have any, stand beside the bars.
    public func drawing(size: ImageSize = ImageSize(width: 960, height: 600), hasLegend: Bool = true) -> Drawing {
        let letters = PlotStyle.letters(size)
        let vertical = PlotAxis(
            series.flatMap(\.values), includesZero: true, tickCount: max(2, Int(Double(size.height) / (letters * 5))))
        let isNamed = series.contains { !$0.name.isEmpty }
        let legend = series.enumerated().map { index, series in
            LegendEntry(name: series.name, series: index) { x, y, width, hair in
                PlotStyle.bar(
                    .init(x: x, y: y - width / 4, width: width, height: width / 2), series: index, hair: hair)
            }
        }
        func plotFrame(rows: Int) -> PlotFrame {
            PlotFrame(
                size: size, title: title, xLabel: "", yLabel: yLabel, vertical: vertical,
                legend: isNamed && hasLegend ? legend : [], xTickRows: rows)
        }
        var frame = plotFrame(rows: 1)
        let groupWidth = frame.width / Double(max(1, groups.count))
        let names = groups.map { (text: $0, width: Lettering.width($0 + " ", size: letters)) }
        // Names that do not fit beside each other stand in two rows, cut where even that is too little.
        let rows = names.contains { $0.width > groupWidth } ? 2 : 1
        if rows > 1 { frame = plotFrame(rows: rows) }
        for index in series.indices { frame.add(bars(index, groupWidth, vertical, frame)) }
        for (group, name) in names.enumerated() {
            let room = Double(rows) * groupWidth
            frame.tickLabel(
                name.width > room ? Lettering.fitted(name.text, width: room, size: letters) : name.text,
                x: frame.left + (Double(group) + 0.5) * groupWidth, row: group % rows)
        }
        frame.axis(at: vertical.place(0))
        return frame.drawing
    }

    private func bars(_ index: Int, _ groupWidth: Double, _ axis: PlotAxis, _ frame: PlotFrame) -> Drawing.Shape {
        // A fifth of each group's room keeps the groups apart.
        let width = groupWidth * 0.8 / Double(series.count)
        let values = series[index].values
        let bars = groups.indices.compactMap { group -> Drawing.Shape? in
            let value = values[group]
            guard !axis.place(value).isNaN else { return nil }
            let left = frame.left + (Double(group) + 0.1) * groupWidth + Double(index) * width
            let (end, zero) = (frame.y(axis.place(value)), frame.y(axis.place(0)))
            // A little air between neighbours, as long as bars are wide enough to spare it.
            let bar = Drawing.Rectangle(
                x: left, y: min(end, zero), width: max(0.5, width - (width >= 4 ? frame.hair : 0)),
                height: abs(end - zero))
            let text = valueDecimals.map { value.fixed($0) } ?? "\(value)"
            let title = [groups[group], series[index].name].filter { !$0.isEmpty }.joined(separator: ", ")
            return .group(
                .init(
                    "\(title): \(text)",
                    PlotStyle.bar(bar, series: index, hair: frame.hair) + label(text, bar, value < 0, frame)))
        }
        return .group(.init(series[index].name, series: index, bars))
    }

    /// The value at the end of its bar, in smaller letters where large ones would run into each other, or none.
    private func label(_ text: String, _ bar: Drawing.Rectangle, _ isBelow: Bool, _ frame: PlotFrame) -> [Drawing.Shape]
    {
        guard valueDecimals != nil,
            let size = [1, 0.8, 0.62].map({ $0 * frame.letters }).first(where: {
                Lettering.width(text, size: $0) <= bar.width - 2 * frame.hair
            })
        else { return [] }
        return [
            .text(
                .init(
                    text,
                    at: .init(bar.x + bar.width / 2, isBelow ? bar.y + bar.height + size : bar.y - 0.3 * size),
                    size: size, anchor: .middle))
        ]
    }
}
