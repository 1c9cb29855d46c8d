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
    public mutating func adjustBrightness(_ factor: Double) { blend(withLevel: 0, factor) }

    /// Blends with the mean luma of the image (Pillow's `ImageEnhance.Contrast`).
    public mutating func adjustContrast(_ factor: Double) {
        if size.pixelCount == 0 { return }
        var sum = 0
        forEachPixel { sum += Int(Self.luma($0)) }
        blend(withLevel: Int(Double(sum) / Double(size.pixelCount) + 0.5), factor)
    }

    /// Blends each pixel with its own luma (Pillow's `ImageEnhance.Color`).
    public mutating func adjustSaturation(_ factor: Double) {
        let factor = Float(factor)
        forEachPixel { pixel in
            let luma = Float(Self.luma(pixel))
            for channel in 0..<3 {
                pixel[channel] = UInt8(min(max(luma + factor * (Float(pixel[channel]) - luma), 0), 255))
            }
        }
    }

    /// Turns the hue by `shift` of the full circle, −0.5 … 0.5, in Pillow's 8-bit HSV (torchvision's `adjust_hue`).
    public mutating func adjustHue(_ shift: Double) {
        precondition((-0.5...0.5).contains(shift), "the hue shift must lie in −0.5 … 0.5, got \(shift)")
        let step = UInt8(truncatingIfNeeded: Int(shift * 255))
        forEachPixel { Self.shiftHue($0, by: step) }
    }

    /// `level` + `factor` · (value − `level`), cut to 0 … 255 and truncated as Pillow's `Image.blend` does.
    private mutating func blend(withLevel level: Int, _ factor: Double) {
        let (level, factor) = (Float(level), Float(factor))
        let table = (0..<256).map { UInt8(min(max(level + factor * (Float($0) - level), 0), 255)) }
        pixels.withUnsafeMutableBufferPointer { buffer in
            table.withUnsafeBufferPointer { table in
                for index in buffer.indices { buffer[index] = table[Int(buffer[index])] }
            }
        }
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

    /// RGB → HSV, hue moved by `step` of 256 (wrapping), → RGB, with Pillow's roundings (`Convert.c`).
    @inline(__always)
    private static func shiftHue(_ pixel: UnsafeMutablePointer<UInt8>, by step: UInt8) {
        let (red, green, blue) = (pixel[0], pixel[1], pixel[2])
        let high = max(red, green, blue)
        let low = min(red, green, blue)
        // Grey has no hue to turn.
        if high == low { return }
        let range = Float(high - low)
        let r = Float(high - red) / range
        let g = Float(high - green) / range
        let b = Float(high - blue) / range
        var hue = red == high ? b - g : green == high ? 2 + r - b : 4 + g - r
        hue /= 6
        if hue < 0 { hue += 1 }
        let hueLevel = UInt8(truncatingIfNeeded: Int32(hue * 255)) &+ step
        let saturation = Float(UInt8(truncatingIfNeeded: Int32(range / Float(high) * 255))) / 255
        if saturation == 0 {
            // The chroma fell below one level of 8-bit saturation.
            (pixel[0], pixel[1], pixel[2]) = (high, high, high)
            return
        }
        let sector = Float(hueLevel) * 6 / 255
        let whole = Int32(sector)
        let fraction = sector - Float(whole)
        let value = Float(high)
        let p = UInt8(truncatingIfNeeded: Int32(value * (1 - saturation) + 0.5))
        let q = UInt8(truncatingIfNeeded: Int32(value * (1 - saturation * fraction) + 0.5))
        let t = UInt8(truncatingIfNeeded: Int32(value * (1 - saturation * (1 - fraction)) + 0.5))
        switch whole {
        case 1: (pixel[0], pixel[1], pixel[2]) = (q, high, p)
        case 2: (pixel[0], pixel[1], pixel[2]) = (p, high, t)
        case 3: (pixel[0], pixel[1], pixel[2]) = (p, q, high)
        case 4: (pixel[0], pixel[1], pixel[2]) = (t, p, high)
        case 5: (pixel[0], pixel[1], pixel[2]) = (high, p, q)
        default: (pixel[0], pixel[1], pixel[2]) = (high, t, p)
        }
    }
}
