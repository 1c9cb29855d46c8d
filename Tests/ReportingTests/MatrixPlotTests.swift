import Graphics
import Imaging
import Reporting
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct MatrixPlotTests {
    @Test func theLargestValueIsDarkestAndNaNIsGrey() {
        let plot = MatrixPlot(
            rows: ["a", "b"], columns: ["c", "d"], values: [[0, 1], [.nan, 0.25]], texts: [["", ""], ["", ""]])
        let image = plot.drawing(width: 400).image()
        // The cells fill the right and lower part: one pixel inside each corner of that part, and the middle.
        let (left, right) = (image.width * 2 / 5, image.width - 40)
        let (upper, lower) = (image.height / 3, image.height - 30)
        let cells = [image[left, upper], image[right, upper], image[left, lower], image[right, lower]]
        func brightness(_ color: Color) -> Int { Int(color.red) + Int(color.green) + Int(color.blue) }
        #expect(cells[0] == .white)
        #expect(brightness(cells[1]) < brightness(cells[3]) && brightness(cells[3]) < brightness(cells[0]))
        // Grey: the three channels lie close together.
        #expect(cells[2] != .white && abs(Int(cells[2].red) - Int(cells[2].blue)) < 10)
    }

    @Test func anEmptyMatrixIsAPicture() {
        #expect(MatrixPlot(title: "none", rows: [], columns: [], values: [], texts: []).drawing().size.width == 960)
    }
}
