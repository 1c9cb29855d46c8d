internal import Foundation
internal import Graphics
internal import Imaging
internal import Support

extension Figure {
    /// Of curves and bars.
    var seriesCount: Int {
        switch self {
        case .line(let plot, _): plot.series.count
        case .bars(let plot, _): plot.series.count
        case .matrix, .images: 0
        }
    }

    /// A figure of a page: a chart that can be read and whose series can be hidden, or pictures.
    func html() throws -> String {
        switch self {
        case .line(let plot, _): plot.thinned(to: Self.mostPoints).html(label: description)
        case .bars(let plot, _): plot.html(label: description)
        case .matrix(let plot, let width):
            Self.figure(
                title, classes: plot.columns.count > 6 ? "broad" : "",
                "<div class=\"chart\" tabindex=\"0\" role=\"group\" aria-label=\"\(description.html)\">\n"
                    + plot.untitled.drawing(width: width).markup(
                        classes: "", label: description, minimumWidth: min(width, 60 * plot.columns.count + 120))
                    + "</div>\n" + Self.values(plot.table))
        case .images(let sheet): try sheet.html(label: description)
        }
    }

    /// More than anybody sees on a screen.
    private static let mostPoints = 400

    fileprivate static func figure(_ title: String, classes: String, _ content: String) -> String {
        let attribute = classes.isEmpty ? "" : " class=\"\(classes)\""
        let caption = title.isEmpty ? "" : "<figcaption>\(title.html)</figcaption>\n"
        return "<figure\(attribute)>\n\(caption)\(content)</figure>\n"
    }

    /// The numbers, for who cannot see a picture of them or wants them exactly.
    fileprivate static func values(_ table: Table) -> String {
        "<details><summary>Values</summary>\n\(table.html)</details>\n"
    }

    /// A box to check for each series, with what it looks like.
    fileprivate static func legend(
        _ names: [(series: Int, name: String)], sample: (Int) -> [Drawing.Shape]
    ) -> String {
        if names.allSatisfy(\.name.isEmpty) { return "" }
        let items = names.map { index, name in
            "<li><label><input type=\"checkbox\" checked=\"checked\" data-series=\"\(index)\"/>"
                + "<svg viewBox=\"0 0 26 14\" aria-hidden=\"true\">\(sample(index).map(\.markup).joined())</svg>"
                + "<span>\(name.html)</span></label></li>"
        }
        return "<ul class=\"legend\">\(items.joined())</ul>\n"
    }
}

extension LinePlot {
    fileprivate var untitled: LinePlot {
        var plot = self
        plot.title = ""
        return plot
    }

    fileprivate func html(label: String) -> String {
        let (large, small) = (
            untitled.drawing(size: ImageSize(width: 540, height: 320), hasLegend: false),
            untitled.drawing(size: ImageSize(width: 340, height: 280), hasLegend: false)
        )
        let points: JSON = .object(
            [
                .init("x", .string(xLabel)), .init("y", .string(yLabel)),
                .init(
                    "series",
                    .array(
                        series.map { series in
                            let values = shown(series)
                            return [
                                "name": .string(series.name), "x": .array(values.map { .number($0.x) }),
                                "y": .array(values.map { .number($0.y) }),
                            ]
                        })),
            ] + (xNames.map { [.init("names", .array($0.map { .string($0) }))] } ?? []))
        let chart =
            "<div class=\"chart\" tabindex=\"0\" role=\"group\" aria-label=\"Chart; arrow keys read its values\" "
            + "data-points=\"\(points.line.html)\">\n"
            + large.markup(classes: "large", label: label) + small.markup(classes: "small", label: label)
            + "<div class=\"tip\" role=\"status\" hidden=\"hidden\"></div>\n</div>\n"
        let legend = Figure.legend(
            series.enumerated().filter { !$0.element.x.isEmpty }.map { ($0.offset, $0.element.name) }
        ) { index in
            [
                .line([.init(1, 7), .init(25, 7)], .series(index), width: 2.4),
                .marker(PlotStyle.marker(index), .init(13, 7), radius: 4.5, .series(index)),
            ]
        }
        return Figure.figure(title, classes: "", legend + chart + Figure.values(table))
    }

    /// At most so many points a series: of each stretch the lowest and the highest.
    func thinned(to count: Int) -> LinePlot {
        var plot = self
        plot.series = series.map { series in
            guard series.x.count > count else { return series }
            let stretch = (2 * series.x.count + count - 1) / count
            let kept = stride(from: 0, to: series.x.count, by: stretch).flatMap { start -> [Int] in
                let finite = (start..<min(start + stretch, series.x.count)).filter { series.y[$0].isFinite }
                guard let low = finite.min(by: { series.y[$0] < series.y[$1] }),
                    let high = finite.max(by: { series.y[$0] < series.y[$1] })
                else { return [] }
                return low == high ? [low] : [min(low, high), max(low, high)]
            }
            return Series(series.name, x: kept.map { series.x[$0] }, y: kept.map { series.y[$0] })
        }
        return plot
    }

    /// Values at some places, evenly spread.
    private var table: Table {
        let all = Set(series.flatMap(\.x)).filter(\.isFinite)
        // Of many places those of the longest series, which most rows then have a value for.
        let places =
            (all.count > 25 ? Set(series.max { $0.x.count < $1.x.count }?.x ?? []).filter(\.isFinite) : all).sorted()
        let rows = min(places.count, 25)
        let shown = (0..<rows).map { places[rows == 1 ? 0 : $0 * (places.count - 1) / (rows - 1)] }
        let series = series.filter { !$0.x.isEmpty }
        let lookups = series.map { series in
            Dictionary(zip(series.x, series.y), uniquingKeysWith: { first, _ in first })
        }
        return Table(
            [.text(xLabel.isEmpty ? "x" : xLabel)]
                + series.map { .number($0.name.isEmpty ? (yLabel.isEmpty ? "y" : yLabel) : $0.name) },
            shown.map { x in
                let name = xNames.flatMap { $0.indices.contains(Int(x)) ? $0[Int(x)] : nil }
                return [.text(name ?? x.readable)]
                    + lookups.map { lookup in lookup[x].map { .text($0.readable) } ?? .missing }
            }, notes: places.count > rows ? ["\(rows) of \(places.count) places"] : [])
    }
}

extension BarPlot {
    fileprivate func html(label: String) -> String {
        var plot = self
        plot.title = ""
        let bars = groups.count * max(1, series.count)
        let isBroad = bars > 16
        let large = plot.drawing(
            size: ImageSize(width: isBroad ? 1280 : 600, height: isBroad ? 440 : 340), hasLegend: false)
        let chart =
            "<div class=\"chart\" tabindex=\"0\" role=\"group\" aria-label=\"\(label.html)\">\n"
            + large.markup(
                classes: "", label: label,
                minimumWidth: isBroad ? min(1000, 22 * bars + 100) : max(300, min(520, 30 * bars)))
            + "</div>\n"
        let legend = Figure.legend(series.enumerated().map { ($0.offset, $0.element.name) }) { index in
            PlotStyle.bar(.init(x: 1, y: 1, width: 24, height: 12), series: index, hair: 1)
        }
        return Figure.figure(title, classes: isBroad ? "broad" : "", legend + chart + Figure.values(table))
    }

    private var table: Table {
        let decimals = valueDecimals
        return Table(
            [.text(" ")] + series.map { .number($0.name.isEmpty ? (yLabel.isEmpty ? "value" : yLabel) : $0.name) },
            groups.indices.map { group in
                [.text(groups[group])]
                    + series.map {
                        $0.values[group].isNaN
                            ? .missing
                            : .number($0.values[group], as: .number(decimals: decimals))
                    }
            })
    }
}

extension MatrixPlot {
    fileprivate var untitled: MatrixPlot {
        var plot = self
        plot.title = ""
        return plot
    }

    fileprivate var table: Table {
        Table(
            [.text(" ")] + columns.map { .text($0, alignment: .right) },
            rows.indices.map { row in [.text(rows[row])] + texts[row].map { .text($0) } })
    }
}

extension ImageSheet {
    /// Tiles side by side as the page has room; a tile alone in its own size.
    fileprivate func html(label: String) throws -> String {
        try tiles.map { tile in
            let name = [title, tile.caption].filter { !$0.isEmpty }.joined(separator: ": ")
            let image = try tile.image.html(label: name.isEmpty ? label : name)
            return tiles.count > 1
                ? Figure.figure(tile.caption, classes: "tile", image) : Figure.figure(name, classes: "picture", image)
        }.joined()
    }
}

extension Image {
    /// As a PNG file, or as JPEG where that takes less than half the room, as photographs do.
    fileprivate func html(label: String) throws -> String {
        if size.pixelCount == 0 { return "" }
        var (data, kind) = (try encodedPNG(), "png")
        if data.count > 30_000, let photograph = try? encodedJPEG(quality: 88), 2 * photograph.count < data.count {
            (data, kind) = (photograph, "jpeg")
        }
        return "<img width=\"\(width)\" height=\"\(height)\" alt=\"\(label.html)\" "
            + "src=\"data:image/\(kind);base64,\(data.base64EncodedString())\"/>\n"
    }
}

extension Double {
    /// With five significant digits at most.
    fileprivate var readable: String {
        self == rounded() && abs(self) < 1e15 ? "\(Int(self))" : isFinite ? significant(5) : "\(self)"
    }
}
