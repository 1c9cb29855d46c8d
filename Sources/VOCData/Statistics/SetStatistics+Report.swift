internal import Foundation
internal import Imaging
public import Reporting
internal import Support

extension SetStatistics {
    /// Objects by class, histograms of size, ratio and number, and which classes occur together.
    ///
    /// - Parameter title: What the set is called.
    public func report(title: String) -> Report {
        let width = 1440
        let byClass = BarPlot(
            title:
                "\(title): \(images.counted("image")), \(total.objects.counted("object")) that count, \(total.difficult) difficult",
            yLabel: "objects", groups: classes.map(\.name),
            series: [
                BarPlot.Series("count", classes.map { Double($0.objects) }),
                BarPlot.Series("difficult", classes.map { Double($0.difficult) }),
            ], valueDecimals: 0)
        let panel = ImageSize(width: width / 3, height: 320)
        return Report(
            "Objects of \(title)",
            [
                .table(table), .figure(.bars(byClass, size: ImageSize(width: width, height: 420))),
                .figures([sizeHistogram, ratioHistogram, numberHistogram].map { .bars($0, size: panel) }),
                .figure(.matrix(togetherPlot, width: width)),
            ])
    }

    private var table: Table {
        let counts = ["images", "objects", "difficult"].map { Table.Column.number($0) }
        let shares = ["truncated", "small", "medium", "large"].map {
            Table.Column.percent($0, decimals: 0, hasSign: true)
        }
        let medians: [Table.Column] = [
            .percent("median area", decimals: 1, hasSign: true), .number("median w/h", decimals: 2),
        ]
        let rows = (classes + [total]).map { each -> [Table.Cell] in
            [.text(each.name), .integer(each.images), .integer(each.objects), .integer(each.difficult)]
                + ([each.truncated] + each.sizes).map {
                    .number(each.objects > 0 ? Double($0) / Double(each.objects) : nil)
                } + [.number(median(each.areas)), .number(median(each.aspectRatios))]
        }
        var line =
            "\(images.counted("image")), \(imagesWithoutObjects) without objects; \(meanObjects.fixed(2)) objects an image"
        line += ", at most \(objectsPerImage.max() ?? 0)"
        if let width = median(widths.map(Double.init)), let height = median(heights.map(Double.init)) {
            line += "; median image \(width.fixed(0))x\(height.fixed(0))"
        }
        let legend =
            "small: under 32² pixels, large: over 96²; area: share of the image; truncated, sizes and medians:"
            + " objects that are not difficult"
        return Table([.text("class")] + counts + shares + medians, rows, notes: [line, legend])
    }

    /// The side of a square of the same area, as a share of the image: tenths.
    private var sizeHistogram: BarPlot {
        histogram(
            "box size, square root of its share of the image",
            total.areas.map { bin(($0.squareRoot() * 10).rounded(.down), of: 10) },
            labels: (0..<10).map { ".\($0)" })
    }

    /// Width over height in factors of √2.
    private var ratioHistogram: BarPlot {
        let labels = ["<1/4", "", "1/2", "", "1", "", "2", "", ">4"]
        return histogram(
            "width over height",
            total.aspectRatios.map { bin((2 * log2($0)).rounded() + 4, of: labels.count) }, labels: labels)
    }

    /// The bin with a number, or the one at the end on its side.
    private func bin(_ number: Double, of count: Int) -> Int { Int(min(max(number, 0), Double(count - 1))) }

    private var numberHistogram: BarPlot {
        histogram(
            "objects an image", objectsPerImage.map { min($0, 10) },
            labels: (0..<10).map(String.init) + ["10+"])
    }

    /// `bins`: the bin of each thing.
    private func histogram(_ title: String, _ bins: [Int], labels: [String]) -> BarPlot {
        var counts = [Double](repeating: 0, count: labels.count)
        for bin in bins { counts[bin] += 1 }
        let all = Double(max(1, bins.count))
        return BarPlot(
            title: title, yLabel: "%", groups: labels, series: [BarPlot.Series("", counts.map { 100 * $0 / all })],
            valueDecimals: 0)
    }

    private var togetherPlot: MatrixPlot {
        MatrixPlot(
            title: "images that hold both classes; shade: share of the images of the row's class",
            rows: classes.map(\.name), columns: classes.map(\.name),
            values: together.enumerated().map { row, counts in
                counts.enumerated().map { column, count in
                    row == column ? .nan : Double(count) / Double(max(1, together[row][row]))
                }
            },
            texts: together.map { $0.map { $0 == 0 ? "" : String($0) } })
    }
}
