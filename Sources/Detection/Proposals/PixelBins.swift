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

    /// [pixel, channel · orientation]: index into the texture part.
    let texture: [UInt8]
    /// [pixel, channel]: index into the colour part.
    let color: [UInt8]

    init(_ planes: ColorPlanes) {
        color = Self.colorBins(planes)
        texture = Self.textureBins(planes)
    }

    private static func colorBins(_ planes: ColorPlanes) -> [UInt8] {
        let count = planes.pixelCount
        return [UInt8](unsafeUninitializedCapacity: 3 * count) { bins, initialized in
            planes.values.withUnsafeBufferPointer { values in
                for channel in 0..<3 {
                    for pixel in 0..<count {
                        let level = Int(values[channel * count + pixel] * (Float(colorLevels) / 256))
                        bins[3 * pixel + channel] = UInt8(channel * colorLevels + min(max(level, 0), colorLevels - 1))
                    }
                }
            }
            initialized = 3 * count
        }
    }

    /// Gaussian derivatives (sigma 1) along eight directions 45° apart; a direction sees its positive part, so that
    /// opposite directions are told apart. The first derivative along any direction is a sum of those along x and y.
    private static func textureBins(_ planes: ColorPlanes) -> [UInt8] {
        let smoothing = GaussianKernel.smoothing(sigma: 1)
        let derivative = GaussianKernel.derivative(sigma: 1)
        let alongX = planes.filtered(row: derivative, column: smoothing)
        let alongY = planes.filtered(row: smoothing, column: derivative)
        let count = planes.pixelCount
        return [UInt8](unsafeUninitializedCapacity: texturesPerPixel * count) { bins, initialized in
            alongX.withUnsafeBufferPointer { alongX in
                alongY.withUnsafeBufferPointer { alongY in
                    for channel in 0..<3 {
                        let first = channel * count
                        // Levels divide the range the channel has in this image.
                        var largest: Float = 0
                        for i in first..<first + count {
                            largest = max(largest, max(abs(alongX[i]), abs(alongY[i])))
                        }
                        let scale = largest > 0 ? Float(textureLevels) / largest : 0
                        let diagonal = scale * Float(0.5).squareRoot()
                        for pixel in 0..<count {
                            let (dx, dy) = (alongX[first + pixel], alongY[first + pixel])
                            let target = texturesPerPixel * pixel + orientations * channel
                            let responses = SIMD4(dx * scale, (dx + dy) * diagonal, dy * scale, (dy - dx) * diagonal)
                            let all = SIMD8(lowHalf: responses, highHalf: -responses)
                            let levels = SIMD8<Int32>(all.clamped(lowerBound: .zero, upperBound: .init(repeating: 9)))
                            let base = Int32(orientations * channel * textureLevels)
                            for orientation in 0..<orientations {
                                bins[target + orientation] = UInt8(
                                    truncatingIfNeeded: base &+ Int32(orientation * textureLevels)
                                        &+ levels[orientation])
                            }
                        }
                    }
                }
            }
            initialized = texturesPerPixel * count
        }
    }
}
