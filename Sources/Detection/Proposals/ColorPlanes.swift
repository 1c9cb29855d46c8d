internal import Foundation
internal import Imaging

/// Three channels of an image as separate planes of Float in 0 … 255, in one colour space.
struct ColorPlanes {
    let width: Int
    let height: Int
    /// [3, height, width]
    var values: [Float]
    /// Of differences between pixels: three equal planes must not count three times.
    let distanceScale: Float

    var pixelCount: Int { width * height }

    init(_ image: Image, in space: ProposalColorSpace) {
        width = image.width
        height = image.height
        let count = image.size.pixelCount
        distanceScale = space.isSingleChannel ? Float(1.0 / 3).squareRoot() : 1
        values = [Float](unsafeUninitializedCapacity: 3 * count) { planes, initialized in
            image.pixels.withUnsafeBufferPointer { pixels in
                switch space {
                case .rgb:
                    for i in 0..<count {
                        for channel in 0..<3 { planes[channel * count + i] = Float(pixels[3 * i + channel]) }
                    }
                case .hsv:
                    for i in 0..<count {
                        let (h, s, v) = Self.hsv(
                            Float(pixels[3 * i]), Float(pixels[3 * i + 1]), Float(pixels[3 * i + 2]))
                        planes[i] = h
                        planes[count + i] = s
                        planes[2 * count + i] = v
                    }
                case .rgI:
                    for i in 0..<count {
                        let (r, g, b) = (Float(pixels[3 * i]), Float(pixels[3 * i + 1]), Float(pixels[3 * i + 2]))
                        // Black has no colour: a third each.
                        let sum = r + g + b
                        planes[i] = sum > 0 ? 255 * r / sum : 85
                        planes[count + i] = sum > 0 ? 255 * g / sum : 85
                        planes[2 * count + i] = sum / 3
                    }
                case .hue, .intensity:
                    for i in 0..<count {
                        let (r, g, b) = (Float(pixels[3 * i]), Float(pixels[3 * i + 1]), Float(pixels[3 * i + 2]))
                        let value = space == .hue ? Self.hsv(r, g, b).0 : (r + g + b) / 3
                        for channel in 0..<3 { planes[channel * count + i] = value }
                    }
                case .lab:
                    Self.linear.withUnsafeBufferPointer { linear in
                        for i in 0..<count {
                            let (l, a, b) = Self.lab(
                                linear[Int(pixels[3 * i])], linear[Int(pixels[3 * i + 1])],
                                linear[Int(pixels[3 * i + 2])])
                            planes[i] = l
                            planes[count + i] = a
                            planes[2 * count + i] = b
                        }
                    }
                }
            }
            initialized = 3 * count
        }
    }

    /// Every plane smoothed by a Gaussian.
    func smoothed(sigma: Double) -> ColorPlanes {
        guard sigma > 0 else { return self }
        let kernel = GaussianKernel.smoothing(sigma: sigma)
        var result = self
        result.values = filtered(row: kernel, column: kernel)
        return result
    }

    /// [3, height, width]: every plane correlated with `row` along x and `column` along y.
    func filtered(row: [Float], column: [Float]) -> [Float] {
        [Float](unsafeUninitializedCapacity: values.count) { target, initialized in
            values.withUnsafeBufferPointer { source in
                for channel in 0..<3 {
                    let range = channel * pixelCount..<(channel + 1) * pixelCount
                    filterSeparably(
                        UnsafeBufferPointer(rebasing: source[range]), width: width, height: height, row: row,
                        column: column, into: UnsafeMutableBufferPointer(rebasing: target[range]))
                }
            }
            initialized = values.count
        }
    }

    @inline(__always)
    private static func hsv(_ r: Float, _ g: Float, _ b: Float) -> (Float, Float, Float) {
        let value = max(r, max(g, b))
        let chroma = value - min(r, min(g, b))
        guard chroma > 0 else { return (0, 0, value) }
        var sector: Float
        if value == r {
            sector = (g - b) / chroma
            if sector < 0 { sector += 6 }
        } else if value == g {
            sector = 2 + (b - r) / chroma
        } else {
            sector = 4 + (r - g) / chroma
        }
        return (sector * (255 / 6), 255 * chroma / value, value)
    }

    /// From linear light in 0 … 1; matrix and white point of IEC 61966-2-1 (sRGB, D65).
    @inline(__always)
    private static func lab(_ r: Float, _ g: Float, _ b: Float) -> (Float, Float, Float) {
        let x = compressed((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
        let y = compressed(0.2126729 * r + 0.7151522 * g + 0.0721750 * b)
        let z = compressed((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883)
        return ((116 * y - 16) * 2.55, 500 * (x - y) + 128, 200 * (y - z) + 128)
    }

    /// f of CIE 15: a cube root with a linear part near black.
    @inline(__always)
    private static func compressed(_ t: Float) -> Float {
        t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116
    }

    /// Linear light of each 8-bit sRGB level.
    private static let linear: [Float] = (0..<256).map { level in
        let value = Double(level) / 255
        return Float(value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4))
    }
}

extension Image {
    /// Averaged over blocks of pixels down to at most `maximumPixels`, the shape kept; itself when small enough.
    func reduced(toPixels maximumPixels: Int) -> Image {
        guard size.pixelCount > maximumPixels, maximumPixels > 0 else { return self }
        let factor = (Double(maximumPixels) / Double(size.pixelCount)).squareRoot()
        var columns = max(1, Int(Double(width) * factor))
        var rows = max(1, Int(Double(height) * factor))
        // A side of one pixel cannot shrink further: the other one then takes what is left.
        columns = min(columns, max(1, maximumPixels / rows))
        rows = min(rows, max(1, maximumPixels / columns))
        let reduced = [UInt8](unsafeUninitializedCapacity: rows * columns * 3) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for row in 0..<rows {
                    let top = row * height / rows
                    let bottom = (row + 1) * height / rows
                    for column in 0..<columns {
                        let left = column * width / columns
                        let right = (column + 1) * width / columns
                        let area = (bottom - top) * (right - left)
                        var (red, green, blue) = (area / 2, area / 2, area / 2)
                        for y in top..<bottom {
                            for x in left..<right {
                                let offset = 3 * (y * width + x)
                                red += Int(source[offset])
                                green += Int(source[offset + 1])
                                blue += Int(source[offset + 2])
                            }
                        }
                        let offset = 3 * (row * columns + column)
                        target[offset] = UInt8(red / area)
                        target[offset + 1] = UInt8(green / area)
                        target[offset + 2] = UInt8(blue / area)
                    }
                }
            }
            initialized = rows * columns * 3
        }
        return Image(size: ImageSize(width: columns, height: rows), pixels: reduced)
    }
}
