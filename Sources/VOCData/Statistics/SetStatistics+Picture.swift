internal import Foundation
public import Imaging
internal import Support

extension SetStatistics {
    /// Objects by class, histograms of size, ratio and number, and which classes occur together.
    public func picture(title: String) -> Image {
        let width = 1440
        let byClass = BarPlot(
            title: "\(title): \(images) images, \(total.objects) objects that count, \(total.difficult) difficult",
            yLabel: "objects", groups: classes.map(\.name),
            series: [
                BarPlot.Series("count", classes.map { Double($0.objects) }),
                BarPlot.Series("difficult", classes.map { Double($0.difficult) }),
            ], valueDecimals: 0
        ).render(size: ImageSize(width: width, height: 420))
        let panel = ImageSize(width: width / 3, height: 320)
        let panels = [sizeHistogram, ratioHistogram, numberHistogram].map { $0.render(size: panel) }
        let matrix = togetherPlot.render(width: width)
        var sheet = Image(
            size: ImageSize(width: width, height: byClass.height + panel.height + 20 + matrix.height), color: .white)
        sheet.paste(byClass, x: 0, y: 0)
        for (index, image) in panels.enumerated() { sheet.paste(image, x: index * panel.width, y: byClass.height) }
        sheet.paste(matrix, x: 0, y: byClass.height + panel.height + 20)
        return sheet
    }

    /// The side of a square of the same area, as a share of the image: tenths.
    private var sizeHistogram: BarPlot {
        histogram(
            "box size, square root of its share of the image", total.areas.map { min(9, Int($0.squareRoot() * 10)) },
            labels: (0..<10).map { ".\($0)" })
    }

    /// Width over height in factors of √2.
    private var ratioHistogram: BarPlot {
        let labels = ["<1/4", "", "1/2", "", "1", "", "2", "", ">4"]
        return histogram(
            "width over height",
            total.aspectRatios.map { min(8, max(0, Int((2 * log2($0)).rounded()) + 4)) }, labels: labels)
    }

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
