internal import Foundation
internal import Imaging
internal import Support

/// Columns and rows of a raster.
struct RasterSize: Sendable {
    var width: Int
    var height: Int
}

/// A picture in floating point with premultiplied opacity, drawn at an offset.
struct Raster: Sendable {
    let originX: Int
    let originY: Int
    let size: RasterSize
    var pixels: [Pixel]

    init(originX: Int = 0, originY: Int = 0, size: RasterSize, color: Pixel = .zero) {
        self.originX = originX
        self.originY = originY
        self.size = size
        pixels = [Pixel](repeating: color, count: size.width * size.height)
    }

    /// Lays another raster over this one; what lies outside is left out.
    mutating func composite(_ top: Raster) {
        let columns =
            max(
                originX, top.originX)..<max(
                max(originX, top.originX), min(originX + size.width, top.originX + top.size.width))
        let rows =
            max(
                originY, top.originY)..<max(
                max(originY, top.originY), min(originY + size.height, top.originY + top.size.height))
        pixels.withUnsafeMutableBufferPointer { bottom in
            top.pixels.withUnsafeBufferPointer { source in
                for y in rows {
                    let to = (y - originY) * size.width - originX
                    let from = (y - top.originY) * top.size.width - top.originX
                    for x in columns {
                        let over = source[from + x]
                        bottom[to + x] = bottom[to + x] * (1 - over.w) + over
                    }
                }
            }
        }
    }

    /// The soft shadow the drawing casts: its opacity, moved and blurred, as black of the given strength.
    func shadow(offset: SIMD2<Int>, radius: Int, strength: Float) -> Raster {
        // Two box blurs widen the drawing by their radius each.
        let margin = 2 * radius + 1
        let wide = RasterSize(width: size.width + 2 * margin, height: size.height + 2 * margin)
        var opacity = [Float](repeating: 0, count: wide.width * wide.height)
        for row in 0..<size.height {
            for column in 0..<size.width {
                opacity[(row + margin) * wide.width + column + margin] = pixels[row * size.width + column].w
            }
        }
        for _ in 0..<2 {
            Self.boxBlur(&opacity, lines: wide.height, length: wide.width, lineStride: wide.width, stride: 1, radius)
            Self.boxBlur(&opacity, lines: wide.width, length: wide.height, lineStride: 1, stride: wide.width, radius)
        }
        var result = Raster(
            originX: originX - margin + offset.x, originY: originY - margin + offset.y, size: wide)
        for index in opacity.indices { result.pixels[index] = Pixel(0, 0, 0, opacity[index] * strength) }
        return result
    }

    private static func boxBlur(
        _ plane: inout [Float], lines: Int, length: Int, lineStride: Int, stride: Int, _ radius: Int
    ) {
        let scale = 1 / Float(2 * radius + 1)
        var line = [Float](repeating: 0, count: length + 2 * radius + 1)
        plane.withUnsafeMutableBufferPointer { plane in
            line.withUnsafeMutableBufferPointer { line in
                for index in 0..<lines {
                    let base = index * lineStride
                    for position in 0..<length { line[position + radius] = plane[base + position * stride] }
                    var sum: Float = 0
                    for position in 0..<(2 * radius) { sum += line[position] }
                    for position in 0..<length {
                        sum += line[position + 2 * radius]
                        plane[base + position * stride] = max(0, sum * scale)
                        sum -= line[position]
                    }
                }
            }
        }
    }

    /// Weights (¼, ½, ¼) along rows and columns, `passes` times: a small Gaussian blur.
    mutating func blur(passes: Int) {
        let (width, height) = (size.width, size.height)
        guard passes > 0, width > 1, height > 1 else { return }
        pixels.withUnsafeMutableBufferPointer { pixels in
            for _ in 0..<passes {
                for row in 0..<height {
                    var previous = pixels[row * width]
                    for column in 0..<width {
                        let index = row * width + column
                        let current = pixels[index]
                        let next = column + 1 < width ? pixels[index + 1] : current
                        pixels[index] = (previous + next) * 0.25 + current * 0.5
                        previous = current
                    }
                }
                for column in 0..<width {
                    var previous = pixels[column]
                    for row in 0..<height {
                        let index = row * width + column
                        let current = pixels[index]
                        let next = row + 1 < height ? pixels[index + width] : current
                        pixels[index] = (previous + next) * 0.25 + current * 0.5
                        previous = current
                    }
                }
            }
        }
    }

    /// The picture in 8 bits a channel, through a tone curve and with sensor noise of the given deviation.
    func developed(_ curve: ToneCurve, noise deviation: Float, _ random: inout RandomStream) -> Image {
        let bytes = [UInt8](unsafeUninitializedCapacity: pixels.count * 3) { bytes, count in
            pixels.withUnsafeBufferPointer { pixels in
                for index in 0..<pixels.count {
                    var value = curve.apply(pixels[index]) * 255
                    if deviation > 0 { value += Self.gaussian(&random) * (deviation * 255) }
                    let clamped = value.clamped(lowerBound: Pixel(repeating: 0), upperBound: Pixel(repeating: 255))
                    bytes[3 * index] = UInt8(clamped.x + 0.5)
                    bytes[3 * index + 1] = UInt8(clamped.y + 0.5)
                    bytes[3 * index + 2] = UInt8(clamped.z + 0.5)
                }
            }
            count = pixels.count * 3
        }
        return Image(size: ImageSize(width: size.width, height: size.height), pixels: bytes)
    }

    /// Four nearly normal numbers: sums of four uniform ones, scaled to deviation 1.
    @inline(__always)
    private static func gaussian(_ random: inout RandomStream) -> Pixel {
        let (a, b) = (random.next(), random.next())
        var sum = SIMD4<Int32>.zero
        for shift in [UInt64(0), 16, 32, 48] {
            let (low, high) = (a >> shift, b >> shift)
            sum &+= SIMD4(
                Int32(low & 0xff), Int32(low >> 8 & 0xff), Int32(high & 0xff), Int32(high >> 8 & 0xff))
        }
        // A uniform byte has variance (256² − 1) / 12; four of them a mean of 510 and a deviation of 147.8.
        return (SIMD4<Float>(sum) - 510) * (1 / 147.8)
    }
}

/// Brightness, colour cast, contrast and gamma of a camera, tabulated.
struct ToneCurve: Sendable {
    private let gain: Pixel
    private let table: [Float]

    init(gain: Pixel, contrast: Float, gamma: Float) {
        self.gain = gain
        table = (0...1024).map { step in
            let value = powf(Float(step) / 1024, gamma)
            return min(1, max(0, (value - 0.5) * contrast + 0.5))
        }
    }

    @inline(__always)
    func apply(_ pixel: Pixel) -> Pixel {
        let position = (pixel * gain).clamped(lowerBound: Pixel(repeating: 0), upperBound: Pixel(repeating: 1)) * 1024
        return Pixel(look(position.x), look(position.y), look(position.z), 0)
    }

    @inline(__always)
    private func look(_ position: Float) -> Float {
        table.withUnsafeBufferPointer { $0[Int(position + 0.5)] }
    }
}
