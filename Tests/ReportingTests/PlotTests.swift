import Graphics
import Imaging
import Reporting
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct PlotTests {
    private func contains(_ color: Color, _ image: Image) -> Bool {
        (0..<image.size.pixelCount).contains { image[$0 % image.width, $0 / image.width] == color }
    }

    /// Of awkward values those are drawn that an axis can show; the others leave no trace.
    @Test(
        arguments: [
            [], [1], [0, 0, 0], [-3, 5], [1e-9, 2e-9], [1e12, 2e12], [.nan, .infinity, 2], [.nan], [5, 5, 5.000001],
            [-1e-3, 1e6], [1e299, -1e299], [1.7e308, -1.7e308, 1], [.leastNonzeroMagnitude, 0], [1e-299, 0],
        ] as [[Double]])
    func onlyWhatCanBeShownIsDrawn(values: [Double]) {
        let size = ImageSize(width: 320, height: 200)
        // Behind a series that shows nothing the same axes hold, but a line or a bar has another colour.
        let nothing = values.map { _ in Double.nan }
        for isLogarithmic in [false, true] {
            func drawLines(_ series: [Double]...) -> Image {
                LinePlot(
                    title: "t", xLabel: "x", yLabel: "y", series: series.map { .init("", $0) },
                    hasLogarithmicY: isLogarithmic
                ).drawing(size: size).image()
            }
            let shown = values.map { abs($0) < 1e300 && (!isLogarithmic || $0 > 0) ? $0 : .nan }
            let image = drawLines(values)
            #expect(image.size == size && image == drawLines(shown))
            #expect((image != drawLines(nothing, values)) == shown.contains { !$0.isNaN })
        }
        func drawBars(_ size: ImageSize, _ series: [Double]...) -> Image {
            BarPlot(groups: values.indices.map { "g\($0)" }, series: series.map { .init("", $0) }).drawing(size: size)
                .image()
        }
        let shown = values.map { abs($0) < 1e300 ? $0 : .nan }
        let image = drawBars(size, values)
        #expect(image.size == size && image == drawBars(size, shown))
        #expect((image != drawBars(size, nothing, values)) == shown.contains { !$0.isNaN })
        let small = ImageSize(width: 60, height: 40)
        #expect(drawBars(small, values).size == small)
    }

    @Test func drawsEachSeriesInItsColor() {
        let image = LinePlot(series: [.init("", [0, 1, 4]), .init("", [4, 1, 1])]).drawing().image()
        #expect(contains(Palette.color(0), image))
        #expect(contains(Palette.color(1), image))
        #expect(!contains(Palette.color(2), image))
    }

    @Test func barHeightsAreInProportion() {
        let image = BarPlot(groups: ["a", "b"], series: [.init("", [10, 5])], valueDecimals: nil).drawing().image()
        var heights: [Int] = []
        for x in [image.width / 3, image.width * 3 / 4] {
            heights.append((0..<image.height).count { image[x, $0] == Palette.color(0) })
        }
        #expect(abs(heights[0] - 2 * heights[1]) <= 3)
        #expect(heights[1] > 100)
    }

    @Test func paletteColorsDiffer() {
        #expect(Set((0..<100).map(Palette.color)).count == 100)
    }
}
