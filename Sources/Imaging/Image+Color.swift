extension Image {
    /// Luma by ITU-R 601 in all three channels (Pillow's `convert("L")`).
    public func grayscaled() -> Image {
        var image = self
        image.grayscale()
        return image
    }

    mutating func grayscale() {
        forEachPixel { pixel in
            let luma = Self.luma(pixel)
            pixel[0] = luma
            pixel[1] = luma
            pixel[2] = luma
        }
    }

    /// Each pixel without its part along (−1, 2, −1): x − a·(a·x)/(a·a), rounded half up and kept in 0 … 255. Lenses move green
    /// against red and blue with the distance from their axis, which tells where in a photograph a patch was.
    ///
    /// - Note: Doersch, Gupta, Efros, ICCV 2015, section 3.1.
    public func withoutGreenMagenta() -> Image {
        var image = self
        image.forEachPixel { pixel in
            let (r, g, b) = (Int(pixel[0]), Int(pixel[1]), Int(pixel[2]))
            // In sixths; three of them round, and six more keep what is negative from rounding towards zero.
            func level(_ sixths: Int) -> UInt8 { UInt8(clamping: (sixths + 3 + 6 * 256) / 6 - 256) }
            pixel[0] = level(5 * r + 2 * g - b)
            pixel[1] = level(2 * (r + g + b))
            pixel[2] = level(-r + 2 * g + 5 * b)
        }
        return image
    }

    /// One channel as it is, the two others at the middle level everywhere.
    ///
    /// - Note: Doersch, Gupta, Efros, ICCV 2015, section 3.1, without the noise of a hundredth of the deviation, which is less
    ///   than a level.
    public func keeping(channel: Int) -> Image {
        precondition((0..<3).contains(channel), "there is no channel \(channel)")
        var image = self
        image.forEachPixel { pixel in for other in 0..<3 where other != channel { pixel[other] = 128 } }
        return image
    }

    /// Blends with black: every value times `factor` (Pillow's `ImageEnhance.Brightness`).
    public mutating func adjustBrightness(_ factor: Double) { adjust { $0.adjustBrightness(factor) } }

    /// Blends with the mean luma of the image (Pillow's `ImageEnhance.Contrast`).
    public mutating func adjustContrast(_ factor: Double) { adjust { $0.adjustContrast(factor) } }

    /// Blends each pixel with its own luma (Pillow's `ImageEnhance.Color`).
    public mutating func adjustSaturation(_ factor: Double) { adjust { $0.adjustSaturation(factor) } }

    /// Turns the hue by `shift` of the full circle, −0.5 … 0.5, in Pillow's 8-bit HSV (torchvision's `adjust_hue`).
    public mutating func adjustHue(_ shift: Double) { adjust { $0.adjustHue(shift) } }

    /// Changes the colours in planes: several adjustments together take the image apart only once.
    mutating func adjust(_ body: (inout JitterPlanes) -> Void) {
        var planes = JitterPlanes(self)
        body(&planes)
        self = planes.image
    }

    @inline(__always)
    private mutating func forEachPixel(_ body: (UnsafeMutablePointer<UInt8>) -> Void) {
        let count = size.pixelCount
        pixels.withUnsafeMutableBufferPointer { buffer in
            guard var pixel = buffer.baseAddress else { return }
            for _ in 0..<count {
                body(pixel)
                pixel += 3
            }
        }
    }

    /// 0.299 R + 0.587 G + 0.114 B with 16 fractional bits, rounded.
    @inline(__always)
    private static func luma(_ pixel: UnsafeMutablePointer<UInt8>) -> UInt8 {
        let sum = UInt32(pixel[0]) &* 19595 &+ UInt32(pixel[1]) &* 38470 &+ UInt32(pixel[2]) &* 7471 &+ 0x8000
        return UInt8(truncatingIfNeeded: sum >> 16)
    }
}
