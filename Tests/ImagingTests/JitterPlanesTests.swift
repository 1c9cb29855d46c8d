import Imaging
import Support
import TestSupport
import Testing

/// Colour changes pixel by pixel, as Pillow defines them; the library's work on vectors of pixels.
@Suite(.tags(.unit), .tiered) struct JitterPlanesTests {
    // Sizes around whole vectors, where the last one is filled up; colours of all kinds, and nearly grey ones, whose hue
    // hangs on single levels.
    @Test(arguments: [1, 15, 16, 49, 2112], [256, 4])
    func vectorsGiveWhatPixelsGive(count: Int, spread: Int) {
        var random = RandomStream(UInt64(count), UInt64(spread))
        let pixels = (0..<count).flatMap { _ in
            let base = random.integer(below: 257 - spread)
            return (0..<3).map { _ in UInt8(base + random.integer(below: spread)) }
        }
        let image = Image(size: ImageSize(width: count, height: 1), pixels: pixels)
        for factor in [0, 0.6, 0.777, 1, 1.4, 3] {
            var changed = image
            changed.adjustBrightness(factor)
            #expect(changed.pixels == pixels.map { Self.blend($0, with: 0, factor) }, "brightness \(factor)")

            let lumas = Self.mapPixels(pixels) { [Self.luma($0)] }
            let mean = Int(Double(lumas.reduce(0) { $0 + Int($1) }) / Double(lumas.count) + 0.5)
            changed = image
            changed.adjustContrast(factor)
            #expect(changed.pixels == pixels.map { Self.blend($0, with: UInt8(mean), factor) }, "contrast \(factor)")

            changed = image
            changed.adjustSaturation(factor)
            let saturated = Self.mapPixels(pixels) { pixel in
                pixel.map { Self.blend($0, with: Self.luma(pixel), factor) }
            }
            #expect(changed.pixels == saturated, "saturation \(factor)")
        }
        for shift in [-0.5, -0.31, -0.004, 0, 0.004, 0.17, 0.5] {
            var changed = image
            changed.adjustHue(shift)
            #expect(changed.pixels == Self.mapPixels(pixels) { Self.shiftHue($0, shift) }, "hue \(shift)")
        }
    }

    @Test func anImageWithoutPixelsStaysSo() {
        var image = Image(size: ImageSize(width: 0, height: 4), pixels: [])
        image.adjustContrast(0.5)
        image.adjustHue(0.25)
        #expect(image.pixels.isEmpty)
    }

    private static func mapPixels(_ pixels: [UInt8], _ body: ([UInt8]) -> [UInt8]) -> [UInt8] {
        stride(from: 0, to: pixels.count, by: 3).flatMap { body(Array(pixels[$0..<$0 + 3])) }
    }

    private static func luma(_ pixel: [UInt8]) -> UInt8 {
        let weights = [19595, 38470, 7471]
        let sum = zip(pixel, weights).reduce(0x8000) { $0 + Int($1.0) * $1.1 }
        return UInt8(sum >> 16)
    }

    private static func blend(_ value: UInt8, with level: UInt8, _ factor: Double) -> UInt8 {
        let (start, end) = (Float(level), Float(value))
        let blended: Float = start + Float(factor) * (end - start)
        return UInt8(min(max(blended, 0), 255))
    }

    /// `rgb2hsv` and `hsv2rgb` of Pillow's `Convert.c`.
    private static func shiftHue(_ pixel: [UInt8], _ shift: Double) -> [UInt8] {
        let (high, low) = (pixel.max()!, pixel.min()!)
        if high == low { return pixel }
        let range = Float(high - low)
        let (r, g, b) = (Float(high - pixel[0]) / range, Float(high - pixel[1]) / range, Float(high - pixel[2]) / range)
        var hue: Float = pixel[0] == high ? b - g : pixel[1] == high ? 2 + r - b : 4 + g - r
        hue /= 6
        if hue < 0 { hue += 1 }
        let turned = UInt8(Int(hue * 255)) &+ UInt8(truncatingIfNeeded: Int(shift * 255))
        let saturation = Float(UInt8(range / Float(high) * 255)) / 255
        if saturation == 0 { return [high, high, high] }
        let sector = Float(turned) * 6 / 255
        let fraction = sector - Float(Int(sector))
        let value = Float(high)
        let p = UInt8(value * (1 - saturation) + 0.5)
        let q = UInt8(value * (1 - saturation * fraction) + 0.5)
        let t = UInt8(value * (1 - saturation * (1 - fraction)) + 0.5)
        let sectors: [[UInt8]] = [
            [high, t, p], [q, high, p], [p, high, t], [p, q, high], [t, p, high], [high, p, q], [high, t, p],
        ]
        return sectors[Int(sector)]
    }
}
