/// The histogram bins into which each pixel of an image falls, in one colour space; shared by its segmentations.
///
/// Layout of a region's descriptor: 3 channels × 8 orientations × 10 texture bins, then 3 channels × 25 colour bins,
/// then zeros up to a whole number of SIMD vectors.
struct PixelBins {
    static let orientations = 8
    static let textureLevels = 10
    static let colorLevels = 25
    static let textureBins = 3 * orientations * textureLevels
    static let colorBins = 3 * colorLevels
    /// Length of a descriptor: 240 + 75, padded to a multiple of 16.
    static let stride = (textureBins + colorBins + 15) / 16 * 16
    static let texturesPerPixel = 3 * orientations

    /// A pixel that falls into a texture bin of level 1 or above. Most fall into level 0, whose count is what the
    /// other levels leave.
    struct Texture {
        var pixel: Int32
        /// Index into the texture part.
        var bin: Int32
    }

    /// 3, or 1 where the three channels are one and the same: they are then given once.
    let planeCount: Int
    let textures: [Texture]
    /// [channel, pixel]: level of the colour.
    let colors: [UInt8]

    init(_ planes: ColorPlanes) {
        planeCount = planes.planeCount
        colors = Self.colors(planes)
        textures = Self.textures(planes)
    }

    private static func colors(_ planes: ColorPlanes) -> [UInt8] {
        let count = planes.values.count
        return [UInt8](unsafeUninitializedCapacity: count) { levels, initialized in
            planes.values.withUnsafeBufferPointer { values in
                guard let values = values.baseAddress, let levels = levels.baseAddress else { return }
                let scale = Float(colorLevels) / 256
                var i = 0
                while i + 4 <= count {
                    let level = wholePart(values.vector(i) * scale, below: colorLevels)
                    levels.store(SIMD4<UInt8>(truncatingIfNeeded: level), at: i)
                    i += 4
                }
                while i < count {
                    levels[i] = UInt8(min(max(Int(values[i] * scale), 0), colorLevels - 1))
                    i += 1
                }
            }
            initialized = count
        }
    }

    /// Gaussian derivatives (sigma 1) along eight directions 45° apart; a direction sees its positive part, so that
    /// opposite ones differ.
    private static func textures(_ planes: ColorPlanes) -> [Texture] {
        let smoothing = GaussianKernel.smoothing(sigma: 1)
        let derivative = GaussianKernel.derivative(sigma: 1)
        let alongX = planes.filtered(SeparableFilter(row: derivative, column: smoothing))
        let alongY = planes.filtered(SeparableFilter(row: smoothing, column: derivative))
        let count = planes.pixelCount
        // Two opposite directions cannot both be positive.
        let capacity = alongX.count * orientations / 2
        return [Texture](unsafeUninitializedCapacity: capacity + TextureWriter.slack) { textures, initialized in
            var writer = TextureWriter(textures)
            alongX.withUnsafeBufferPointer { alongX in
                alongY.withUnsafeBufferPointer { alongY in
                    guard let alongX = alongX.baseAddress, let alongY = alongY.baseAddress else { return }
                    for channel in 0..<planes.planeCount {
                        let (dx, dy) = (alongX + channel * count, alongY + channel * count)
                        // Levels divide the range the channel has in this image.
                        let largest = max(largestMagnitude(dx, count), largestMagnitude(dy, count))
                        if largest > 0 {
                            writer.add(
                                dx, dy, count: count, scale: Float(textureLevels) / largest,
                                firstBin: channel * orientations * textureLevels)
                        }
                    }
                }
            }
            initialized = writer.count
        }
    }

    private static func largestMagnitude(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
        var (low, high) = (SIMD4<Float>.zero, SIMD4<Float>.zero)
        var i = 0
        while i + 4 <= count {
            low = smaller(low, values.vector(i))
            high = larger(high, values.vector(i))
            i += 4
        }
        var largest = max(high.max(), -low.min())
        while i < count {
            largest = max(largest, abs(values[i]))
            i += 1
        }
        return largest
    }
}

/// Appends the texture bins of pixels to a buffer that has room for four a pixel and channel.
private struct TextureWriter {
    /// Entries that `add` may write past those it keeps.
    static let slack = 1

    private let target: UnsafeMutableBufferPointer<PixelBins.Texture>
    private(set) var count = 0

    init(_ target: UnsafeMutableBufferPointer<PixelBins.Texture>) { self.target = target }

    /// - Parameter scale: takes derivatives to levels.
    mutating func add(
        _ dx: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, count pixels: Int, scale: Float, firstBin: Int
    ) {
        let diagonal = scale * Float(0.5).squareRoot()
        var pixel = 0
        while pixel < pixels {
            var (x, y) = (SIMD4<Float>.zero, SIMD4<Float>.zero)
            if pixel + 4 <= pixels {
                x = dx.vector(pixel)
                y = dy.vector(pixel)
            } else {
                for lane in 0..<pixels - pixel {
                    x[lane] = dx[pixel + lane]
                    y[lane] = dy[pixel + lane]
                }
            }
            let responses = (x * scale, (x + y) * diagonal, y * scale, (y - x) * diagonal)
            let largest = larger(
                larger(magnitude(responses.0), magnitude(responses.1)),
                larger(magnitude(responses.2), magnitude(responses.3)))
            if any(largest .>= 1) {
                append(responses.0, pixel, orientation: 0, firstBin)
                append(responses.1, pixel, orientation: 1, firstBin)
                append(responses.2, pixel, orientation: 2, firstBin)
                append(responses.3, pixel, orientation: 3, firstBin)
            }
            pixel += 4
        }
    }

    /// Positive responses belong to the orientation, negative ones to the opposite one, four further.
    @inline(__always)
    private mutating func append(_ response: SIMD4<Float>, _ pixel: Int, orientation: Int, _ firstBin: Int) {
        let levels = wholePart(magnitude(response), below: PixelBins.textureLevels)
        let opposite = Int32(PixelBins.orientations / 2 * PixelBins.textureLevels)
        let bins =
            (levels &+ Int32(firstBin + orientation * PixelBins.textureLevels))
            .replacing(
                with: levels &+ (Int32(firstBin + orientation * PixelBins.textureLevels) + opposite),
                where: response .< 0)
        for lane in 0..<4 {
            // Written always, kept where there is a level: no branch to mispredict.
            target[count] = PixelBins.Texture(pixel: Int32(truncatingIfNeeded: pixel &+ lane), bin: bins[lane])
            count &+= levels[lane] == 0 ? 0 : 1
        }
    }
}

@inline(__always)
private func magnitude(_ vector: SIMD4<Float>) -> SIMD4<Float> { larger(vector, -vector) }

/// The values cut to 0 ..< limit and rounded down.
@inline(__always)
private func wholePart(_ vector: SIMD4<Float>, below limit: Int) -> SIMD4<Int32> {
    // Numbers from 2^23 on have no fraction, and their lowest bits are the number itself.
    let large = Float(1 << 23)
    let value = smaller(larger(vector, .zero), SIMD4(repeating: Float(limit - 1)))
    let shifted = value + large
    let nearest = unsafeBitCast(shifted, to: SIMD4<Int32>.self) &- Int32(bitPattern: large.bitPattern)
    return nearest.replacing(with: nearest &- 1, where: shifted - large .> value)
}
