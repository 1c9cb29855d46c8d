import Imaging
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct DrawingTests {
    /// The image as text, "#" for anything but black.
    private func map(_ image: Image) -> [String] {
        (0..<image.height).map { y in String((0..<image.width).map { x in image[x, y] == .black ? "." : "#" }) }
    }

    @Test func whatIsFilledOutsideIsCut() {
        var image = Image(size: ImageSize(width: 5, height: 3))
        image.fill(x: -2, y: 1, w: 4, h: 9, color: .white)
        image.fill(x: 4, y: -3, w: 1, h: 4, color: .white)
        #expect(map(image) == ["....#", "##...", "##..."])
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
