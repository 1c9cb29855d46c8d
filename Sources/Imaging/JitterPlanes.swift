/// The three colours of an image one after the other, so that whole vectors of pixels are changed at once: the operators
/// of Pillow that colour jitter is made of, bit for bit.
struct JitterPlanes {
    private typealias Bytes = SIMD16<UInt8>
    private typealias Values = SIMD16<Float>

    private let size: ImageSize
    /// Red, green, blue: each filled up to whole vectors.
    private var planes: [Bytes]
    private let vectorCount: Int

    init(_ image: Image) {
        size = image.size
        let count = image.size.pixelCount
        vectorCount = (count + Bytes.scalarCount - 1) / Bytes.scalarCount
        planes = [Bytes](repeating: .zero, count: 3 * vectorCount)
        let stride = vectorCount * Bytes.scalarCount
        planes.withUnsafeMutableBytes { planes in
            image.pixels.withUnsafeBufferPointer { pixels in
                guard let source = pixels.baseAddress, let bytes = planes.baseAddress else { return }
                let red = bytes.assumingMemoryBound(to: UInt8.self)
                let (green, blue) = (red + stride, red + 2 * stride)
                for pixel in 0..<count {
                    red[pixel] = source[3 * pixel]
                    green[pixel] = source[3 * pixel + 1]
                    blue[pixel] = source[3 * pixel + 2]
                }
            }
        }
    }

    var image: Image {
        let count = size.pixelCount
        let stride = vectorCount * Bytes.scalarCount
        return Image(
            size: size,
            pixels: [UInt8](unsafeUninitializedCapacity: 3 * count) { pixels, initialized in
                planes.withUnsafeBytes { planes in
                    guard let target = pixels.baseAddress, let bytes = planes.baseAddress else { return }
                    let red = bytes.assumingMemoryBound(to: UInt8.self)
                    let (green, blue) = (red + stride, red + 2 * stride)
                    for pixel in 0..<count {
                        target[3 * pixel] = red[pixel]
                        target[3 * pixel + 1] = green[pixel]
                        target[3 * pixel + 2] = blue[pixel]
                    }
                }
                initialized = 3 * count
            })
    }

    /// Blends with black: every value times `factor` (`ImageEnhance.Brightness`).
    mutating func adjustBrightness(_ factor: Double) { blend(withLevel: 0, factor) }

    /// Blends with the mean luma of the image (`ImageEnhance.Contrast`).
    mutating func adjustContrast(_ factor: Double) {
        let count = size.pixelCount
        if count == 0 { return }
        var sum = 0
        planes.withUnsafeBufferPointer { planes in
            for index in 0..<vectorCount {
                let luma = Self.truncated(
                    Self.luma(planes[index], planes[vectorCount + index], planes[2 * vectorCount + index]))
                // What fills up the last vector is no pixel.
                let lanes = min(Bytes.scalarCount, count - index * Bytes.scalarCount)
                sum +=
                    lanes == Bytes.scalarCount
                    ? Int(SIMD16<UInt16>(truncatingIfNeeded: luma).wrappedSum())
                    : (0..<lanes).reduce(0) { $0 + Int(luma[$1]) }
            }
        }
        blend(withLevel: Int(Double(sum) / Double(count) + 0.5), factor)
    }

    /// Blends each pixel with its own luma (`ImageEnhance.Color`).
    mutating func adjustSaturation(_ factor: Double) {
        let factor = Float(factor)
        let count = vectorCount
        planes.withUnsafeMutableBufferPointer { planes in
            for index in 0..<count {
                let (red, green, blue) = (planes[index], planes[count + index], planes[2 * count + index])
                let luma = Self.floor(Self.luma(red, green, blue))
                planes[index] = Self.blend(red, with: luma, factor)
                planes[count + index] = Self.blend(green, with: luma, factor)
                planes[2 * count + index] = Self.blend(blue, with: luma, factor)
            }
        }
    }

    /// Turns the hue by `shift` of the full circle, −0.5 … 0.5, in Pillow's 8-bit HSV (torchvision's `adjust_hue`).
    mutating func adjustHue(_ shift: Double) {
        let step = ColorAdjustment.hueLevels(shift)
        let count = vectorCount
        planes.withUnsafeMutableBufferPointer { planes in
            for index in 0..<count {
                let (red, green, blue) = Self.shiftHue(
                    planes[index], planes[count + index], planes[2 * count + index], by: step)
                planes[index] = red
                planes[count + index] = green
                planes[2 * count + index] = blue
            }
        }
    }

    // MARK: Vectors of pixels

    /// `level` + `factor` · (value − `level`), cut to 0 … 255 and truncated as Pillow's `Image.blend` does.
    private mutating func blend(withLevel level: Int, _ factor: Double) {
        let (level, factor) = (Values(repeating: Float(level)), Float(factor))
        planes.withUnsafeMutableBufferPointer { planes in
            for index in planes.indices { planes[index] = Self.blend(planes[index], with: level, factor) }
        }
    }

    /// The same with a level for each pixel.
    @inline(__always)
    private static func blend(_ bytes: Bytes, with level: Values, _ factor: Float) -> Bytes {
        let value = level + factor * (values(bytes) - level)
        let atLeastZero = value.replacing(with: 0, where: value .< 0)
        return truncated(atLeastZero.replacing(with: 255, where: atLeastZero .> 255))
    }

    /// 0.299 R + 0.587 G + 0.114 B, to be truncated: Pillow's sum with 16 fractional bits, rounded. Its integers stay
    /// below 2²⁴, so that Float holds them exactly.
    @inline(__always)
    private static func luma(_ red: Bytes, _ green: Bytes, _ blue: Bytes) -> Values {
        (values(red) * 19595 + values(green) * 38470 + values(blue) * 7471 + 0x8000) * 0x1p-16
    }

    /// RGB → HSV, hue moved by `step` of 256 (wrapping), → RGB, with Pillow's roundings (`Convert.c`).
    @inline(__always)
    private static func shiftHue(_ red: Bytes, _ green: Bytes, _ blue: Bytes, by step: UInt8) -> (Bytes, Bytes, Bytes) {
        let (r, g, b) = (values(red), values(green), values(blue))
        let redGreen = r.replacing(with: g, where: g .> r)
        let high = redGreen.replacing(with: b, where: b .> redGreen)
        let least = r.replacing(with: g, where: g .< r)
        let range = high - least.replacing(with: b, where: b .< least)
        let (fromRed, fromGreen, fromBlue) = ((high - r) / range, (high - g) / range, (high - b) / range)
        var hue = (4 + fromGreen - fromRed)
            .replacing(with: 2 + fromRed - fromBlue, where: g .== high)
            .replacing(with: fromBlue - fromGreen, where: r .== high)
        hue /= 6
        hue.replace(with: hue + 1, where: hue .< 0)
        let sector = values(truncated(hue * 255) &+ step) * 6 / 255
        // 0 where the chroma falls below one level of 8-bit saturation: all three then get the value.
        let saturation = floor(range / high * 255) / 255
        let whole = floor(sector)
        let fraction = sector - whole
        let p = high * (1 - saturation) + 0.5
        let q = high * (1 - saturation * fraction) + 0.5
        let t = high * (1 - saturation * (1 - fraction)) + 0.5
        let (one, two, three, four, five) = (whole .== 1, whole .== 2, whole .== 3, whole .== 4, whole .== 5)
        let newRed = high.replacing(with: q, where: one).replacing(with: p, where: two .| three)
            .replacing(with: t, where: four)
        let newGreen = t.replacing(with: high, where: one .| two).replacing(with: q, where: three)
            .replacing(with: p, where: four .| five)
        let newBlue = p.replacing(with: t, where: two).replacing(with: high, where: three .| four)
            .replacing(with: q, where: five)
        // Grey has no hue to turn; the quotients above are then not numbers.
        let isGrey = range .== 0
        return (
            truncated(newRed.replacing(with: r, where: isGrey)), truncated(newGreen.replacing(with: g, where: isGrey)),
            truncated(newBlue.replacing(with: b, where: isGrey))
        )
    }

    // A Float of 2²³ and more has no fractional bits: adding 2²³ rounds, and leaves the integer in the lowest bits.
    private static let integers: Float = 0x1p23

    @inline(__always)
    private static func values(_ bytes: Bytes) -> Values {
        unsafeBitCast(SIMD16<UInt32>(truncatingIfNeeded: bytes) | integers.bitPattern, to: Values.self) - integers
    }

    /// Without the fraction; for 0 … 256, 256 left out.
    @inline(__always)
    private static func truncated(_ values: Values) -> Bytes { Bytes(truncatingIfNeeded: bits(values)) }

    /// The largest integers that are not larger; for 0 … 2²².
    @inline(__always)
    private static func floor(_ values: Values) -> Values { unsafeBitCast(bits(values), to: Values.self) - integers }

    /// The floor as bits of a Float that is 2²³ larger: rounded to nearest, and one less where that was up.
    @inline(__always)
    private static func bits(_ values: Values) -> SIMD16<UInt32> {
        let rounded = values + integers
        let excess = SIMD16<UInt32>.zero.replacing(with: 1, where: (rounded - integers) .> values)
        return unsafeBitCast(rounded, to: SIMD16<UInt32>.self) &- excess
    }
}
