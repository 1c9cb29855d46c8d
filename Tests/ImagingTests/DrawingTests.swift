import Imaging
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct DrawingTests {
    /// The image as text, "#" for anything but black.
    private func map(_ image: Image) -> [String] {
        (0..<image.height).map { y in String((0..<image.width).map { x in image[x, y] == .black ? "." : "#" }) }
    }

    @Test func box() {
        var image = Image(size: ImageSize(width: 7, height: 5))
        image.drawBox(x0: 1, y0: 1, x1: 6, y1: 4, color: .white, thickness: 1)
        #expect(map(image) == [".......", ".#####.", ".#...#.", ".#####.", "......."])
    }

    @Test func boxOutsideIsCut() {
        var image = Image(size: ImageSize(width: 4, height: 3))
        image.drawBox(x0: -1e12, y0: -5, x1: 2, y1: 1e300, color: .white, thickness: 1)
        #expect(map(image) == [".#..", ".#..", ".#.."])
        image.drawBox(x0: .nan, y0: 0, x1: 1, y1: 1, color: .white)
        image.drawBox(x0: 3, y0: 2, x1: 1, y1: 1, color: .white)
        #expect(map(image) == [".#..", ".#..", ".#.."])
    }

    @Test func text() {
        var image = Image(size: ImageSize(width: 11, height: 9))
        image.drawText("Tj", x: 0, y: 0, color: .white)
        #expect(
            map(image) == [
                "#####....#.", "..#........", "..#.....##.", "..#......#.", "..#......#.", "..#......#.",
                "..#......#.", "......#..#.", ".......##..",
            ])
        #expect(Image.textSize("Tj", scale: 2) == ImageSize(width: 22, height: 18))
        #expect(Image.textSize("") == ImageSize(width: 0, height: 9))
    }

    @Test func everyCharacterHasItsOwnShape() {
        let shapes = (32..<127).map { code in
            var image = Image(size: ImageSize(width: 6, height: 9))
            image.drawText(String(UnicodeScalar(UInt8(code))), x: 0, y: 0, color: .white)
            return image
        }
        #expect(Set(shapes).count == 95)
    }

    @Test func textOutsideIsCut() {
        var image = Image(size: ImageSize(width: 5, height: 5))
        image.drawText("HWW\u{1F600}é", x: -2, y: -6, color: .white, scale: 2, background: .black)
        image.drawText("W", x: 100, y: 100, color: .white, background: .white)
        // The crossbar of the H and, below it, nothing between the uprights.
        #expect(map(image) == ["#####", "#####", ".....", ".....", "....."])
    }

    @Test func lineCoversItsLength() {
        var image = Image(size: ImageSize(width: 9, height: 5))
        image.drawLine(x0: 1.5, y0: 2.5, x1: 7.5, y1: 2.5, color: .white, thickness: 1)
        for x in 1...7 { #expect(image[x, 2] == .white) }
        #expect(image[0, 2].red < 10)
        // A line one pixel thick down the middle of a row leaves the neighbours alone.
        #expect(image[4, 1] == .black)
    }

    @Test func gridCentersTiles() {
        let tiles = [4, 2].map { Image(size: ImageSize(width: $0, height: 2), color: .white) }
        let sheet = Image.grid(tiles, columns: 2, gap: 1, background: .black)
        #expect(map(sheet) == ["...........", ".####..##..", ".####..##..", "..........."])
        #expect(Image.grid([], columns: 3, gap: 2).size == ImageSize(width: 4, height: 2))
    }

    @Test func textIsReadableOnBlackAndWhite() {
        #expect(Color.white.readableTextColor == .black)
        #expect(Color.black.readableTextColor == .white)
    }
}
