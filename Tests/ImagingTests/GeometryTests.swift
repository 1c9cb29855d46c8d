import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct GeometryTests {
    /// The fixed-point arithmetic is Pillow's, so every level is.
    @Test(arguments: try GoldenImage.load("resampling").dropFirst())
    func resizesAsPillow(golden: GoldenImage) throws {
        let source = try GoldenImage.load("resampling")[0].image
        let size = golden.image.size
        guard let box = golden.box else {
            #expect(largestDifference(source.resized(to: size), golden.image) == 0)
            return
        }
        let part = ImageRegion(x: box[0], y: box[1], width: box[2] - box[0], height: box[3] - box[1])
        #expect(largestDifference(source.resized(from: part, to: size), golden.image) == 0)
    }

    @Test func wholePixelPartIsCropAndResize() {
        let image = samplePicture(width: 40, height: 30)
        let size = ImageSize(width: 11, height: 9)
        let crop = image.cropped(x: 5, y: 6, size: ImageSize(width: 25, height: 20))
        #expect(image.resized(from: ImageRegion(x: 5, y: 6, width: 25, height: 20), to: size) == crop.resized(to: size))
        #expect(crop[0, 0] == image[5, 6])
        #expect(crop[24, 19] == image[29, 25])
    }

    /// Halving averages over a triangle: on a ramp it keeps the ramp.
    @Test func halvesARamp() {
        var ramp = Image(size: ImageSize(width: 16, height: 1))
        for x in 0..<16 { ramp[x, 0] = Color(red: UInt8(10 * x), green: 100, blue: 0) }
        let half = ramp.resized(to: ImageSize(width: 8, height: 1))
        for x in 1..<7 { #expect(half[x, 0] == Color(red: UInt8(20 * x + 5), green: 100, blue: 0)) }
    }

    @Test func extremeShapes() {
        let color = Color(red: 9, green: 8, blue: 7)
        let dot = Image(size: ImageSize(width: 1, height: 1), color: color)
        let large = ImageSize(width: 5, height: 3)
        #expect(dot.resized(to: large) == Image(size: large, color: color))
        #expect(dot.resized(shortSide: 4).size == ImageSize(width: 4, height: 4))
        let strip = Image(size: ImageSize(width: 30_000, height: 2), color: .white)
        #expect(strip.resized(to: large) == Image(size: large, color: .white))
    }

    @Test func shortSideSizes() {
        let size = ImageSize(width: 500, height: 375)
        #expect(size.scaled(shortSide: 256) == ImageSize(width: 341, height: 256))
        #expect(size.scaled(shortSide: 600, longSideAtMost: 1000) == ImageSize(width: 800, height: 600))
        #expect(
            ImageSize(width: 200, height: 500).scaled(shortSide: 600, longSideAtMost: 1000)
                == ImageSize(width: 400, height: 1000))
    }

    @Test func flips() {
        var image = Image(size: ImageSize(width: 3, height: 2))
        image[0, 0] = .white
        image[2, 1] = Color(red: 1, green: 2, blue: 3)
        let flipped = image.flippedHorizontally()
        #expect(flipped[2, 0] == .white)
        #expect(flipped[0, 1] == Color(red: 1, green: 2, blue: 3))
        #expect(flipped.flippedHorizontally() == image)
    }
}
