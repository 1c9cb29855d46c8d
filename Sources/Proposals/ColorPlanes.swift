internal import Foundation
internal import Imaging

/// The channels of an image as separate planes of Float in 0 … 255, in one colour space.
struct ColorPlanes {
    let width: Int
    let height: Int
    /// 3, or 1 where the three channels of a colour space are one and the same.
    let planeCount: Int
    /// [planeCount, height, width]
    private(set) var values: [Float]

    var pixelCount: Int { width * height }

    init(_ image: Image, in space: ProposalColorSpace) {
        width = image.width
        height = image.height
        planeCount = space.isSingleChannel ? 1 : 3
        switch space {
        case .rgb:
            values = Self.planes(image, Self.levels) { ($0, $1, $2) }
        case .hsv:
            values = Self.planes(image, Self.levels, hsv)
        case .lab:
            values = Self.planes(image, Self.linear, lab)
        case .rgI:
            values = Self.planes(image, Self.levels) { r, g, b in
                // Black has no colour: a third each.
                let sum = r + g + b
                let third = Vector(repeating: 85)
                return (
                    third.replacing(with: 255 * r / sum, where: sum .> 0),
                    third.replacing(with: 255 * g / sum, where: sum .> 0), sum / 3
                )
            }
        case .hue:
            values = Self.plane(image, Self.levels) { hsv($0, $1, $2).0 }
        case .intensity:
            values = Self.plane(image, Self.levels) { ($0 + $1 + $2) / 3 }
        }
    }

    /// Every plane smoothed by a Gaussian.
    func smoothed(sigma: Double) -> ColorPlanes {
        guard sigma > 0 else { return self }
        let kernel = GaussianKernel.smoothing(sigma: sigma)
        var result = self
        result.values = filtered(SeparableFilter(row: kernel, column: kernel))
        return result
    }

    /// Every plane filtered, laid out like `values`.
    func filtered(_ filter: SeparableFilter) -> [Float] {
        let count = pixelCount
        return [Float](unsafeUninitializedCapacity: values.count + SeparableFilter.slack) { target, initialized in
            values.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                // In this order: what a plane writes past its end is overwritten by the next.
                for plane in 0..<planeCount {
                    filter.apply(from + plane * count, width: width, height: height, into: to + plane * count)
                }
            }
            initialized = values.count
        }
    }
}

// MARK: - Conversion

private typealias Vector = SIMD4<Float>

extension ColorPlanes {
    /// Converts four pixels at a time; a channel's 8-bit level is first looked up in `table`.
    @inline(__always)
    private static func planes(
        _ image: Image, _ table: [Float], _ convert: (Vector, Vector, Vector) -> (Vector, Vector, Vector)
    ) -> [Float] {
        let count = image.size.pixelCount
        return [Float](unsafeUninitializedCapacity: 3 * count) { planes, initialized in
            if let target = planes.baseAddress {
                visit(image, table) { pixel, lanes, r, g, b in
                    let (first, second, third) = convert(r, g, b)
                    if lanes == 4 {
                        target.store(first, at: pixel)
                        target.store(second, at: count + pixel)
                        target.store(third, at: 2 * count + pixel)
                    } else {
                        for lane in 0..<lanes {
                            target[pixel + lane] = first[lane]
                            target[count + pixel + lane] = second[lane]
                            target[2 * count + pixel + lane] = third[lane]
                        }
                    }
                }
            }
            initialized = 3 * count
        }
    }

    /// Like `planes` for one plane.
    @inline(__always)
    private static func plane(
        _ image: Image, _ table: [Float], _ convert: (Vector, Vector, Vector) -> Vector
    ) -> [Float] {
        let count = image.size.pixelCount
        return [Float](unsafeUninitializedCapacity: count) { plane, initialized in
            visit(image, table) { pixel, lanes, r, g, b in
                let value = convert(r, g, b)
                for lane in 0..<lanes { plane[pixel + lane] = value[lane] }
            }
            initialized = count
        }
    }

    @inline(__always)
    private static func visit(
        _ image: Image, _ table: [Float],
        _ body: (_ pixel: Int, _ lanes: Int, _ r: Vector, _ g: Vector, _ b: Vector) -> Void
    ) {
        let count = image.size.pixelCount
        image.pixels.withUnsafeBufferPointer { pixels in
            table.withUnsafeBufferPointer { table in
                @inline(__always)
                func value(_ pixel: Int, _ channel: Int) -> Float { table[Int(pixels[3 * pixel + channel])] }
                var pixel = 0
                while pixel + 4 <= count {
                    @inline(__always)
                    func channel(_ c: Int) -> Vector {
                        Vector(value(pixel, c), value(pixel + 1, c), value(pixel + 2, c), value(pixel + 3, c))
                    }
                    body(pixel, 4, channel(0), channel(1), channel(2))
                    pixel += 4
                }
                if pixel < count {
                    var (r, g, b) = (Vector.zero, Vector.zero, Vector.zero)
                    for lane in 0..<count - pixel {
                        r[lane] = value(pixel + lane, 0)
                        g[lane] = value(pixel + lane, 1)
                        b[lane] = value(pixel + lane, 2)
                    }
                    body(pixel, count - pixel, r, g, b)
                }
            }
        }
    }

    private static let levels = (0..<256).map(Float.init)

    /// Linear light of each 8-bit sRGB level.
    private static let linear: [Float] = (0..<256).map { level in
        let value = Double(level) / 255
        return Float(value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4))
    }
}

@inline(__always)
private func hsv(_ r: Vector, _ g: Vector, _ b: Vector) -> (Vector, Vector, Vector) {
    let value = larger(r, larger(g, b))
    let chroma = value - smaller(r, smaller(g, b))
    let (isRed, isGreen) = (value .== r, value .== g)
    let difference = (r - g).replacing(with: b - r, where: isGreen).replacing(with: g - b, where: isRed)
    let start = Vector(repeating: 4).replacing(with: 2, where: isGreen).replacing(with: 0, where: isRed)
    var sector = start + difference / chroma
    sector.replace(with: sector + 6, where: sector .< 0)
    // Gray has neither hue nor saturation, and no chroma to divide by.
    let isGray = chroma .== 0
    return (
        (sector * (255 / 6)).replacing(with: 0, where: isGray),
        (255 * chroma / value).replacing(with: 0, where: isGray), value
    )
}

/// From linear light in 0 … 1; matrix and white point of IEC 61966-2-1 (sRGB, D65).
@inline(__always)
private func lab(_ r: Vector, _ g: Vector, _ b: Vector) -> (Vector, Vector, Vector) {
    let x = compressed((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
    let y = compressed(0.2126729 * r + 0.7151522 * g + 0.0721750 * b)
    let z = compressed((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883)
    return ((116 * y - 16) * 2.55, 500 * (x - y) + 128, 200 * (y - z) + 128)
}

/// f of CIE 15: a cube root with a linear part near black.
@inline(__always)
private func compressed(_ t: Vector) -> Vector {
    ((24389.0 / 27 * t + 16) / 116).replacing(with: cubeRoot(t), where: t .> 216.0 / 24389)
}
