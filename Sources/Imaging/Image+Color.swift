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
