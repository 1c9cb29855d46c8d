/// The weights of the edges between 8-neighbours of a pixel grid: Euclidean colour differences.
struct GridWeights {
    /// Weight of an edge that would leave the grid; all others are 0 or above.
    static let none: Float = -1

    let width: Int
    let height: Int
    /// [height, width, direction]: right, down, down-right, up-right.
    let values: [Float]

    var edgeCount: Int { (width - 1) * height + width * (height - 1) + 2 * (width - 1) * (height - 1) }

    init(_ planes: ColorPlanes) {
        let (width, height, count) = (planes.width, planes.height, planes.pixelCount)
        self.width = width
        self.height = height
        values = [Float](unsafeUninitializedCapacity: 4 * count) { weights, initialized in
            planes.values.withUnsafeBufferPointer { values in
                guard let values = values.baseAddress, let weights = weights.baseAddress else { return }
                let pixels = PlanePixels(values: values, count: count, isSingle: planes.planeCount == 1)
                for y in 0..<height {
                    let (isFirst, isLast) = (y == 0, y + 1 == height)
                    let row = y * width
                    var x = 0
                    while x + 4 < width {
                        let pixel = row + x
                        let outside = SIMD4<Float>(repeating: Self.none)
                        let right: SIMD4<Float> = pixels.distance(pixel, pixel + 1)
                        let down: SIMD4<Float> = isLast ? outside : pixels.distance(pixel, pixel + width)
                        let downRight: SIMD4<Float> = isLast ? outside : pixels.distance(pixel, pixel + width + 1)
                        let upRight: SIMD4<Float> = isFirst ? outside : pixels.distance(pixel, pixel - width + 1)
                        for lane in 0..<4 {
                            let edges = SIMD4(right[lane], down[lane], downRight[lane], upRight[lane])
                            weights.store(edges, at: 4 * (pixel + lane))
                        }
                        x += 4
                    }
                    while x < width {
                        let pixel = row + x
                        let hasRight = x + 1 < width
                        weights[4 * pixel] = hasRight ? pixels.distance(pixel, pixel + 1) : Self.none
                        weights[4 * pixel + 1] = isLast ? Self.none : pixels.distance(pixel, pixel + width)
                        weights[4 * pixel + 2] =
                            hasRight && !isLast ? pixels.distance(pixel, pixel + width + 1) : Self.none
                        weights[4 * pixel + 3] =
                            hasRight && !isFirst ? pixels.distance(pixel, pixel - width + 1) : Self.none
                        x += 1
                    }
                }
            }
            initialized = 4 * count
        }
    }
}

/// Colour differences between the pixels of planes.
private struct PlanePixels {
    let values: UnsafePointer<Float>
    let count: Int
    let isSingle: Bool

    @inline(__always)
    func distance(_ pixel: Int, _ other: Int) -> Float {
        let d0 = values[pixel] - values[other]
        if isSingle { return Self.distanceOfEqualChannels(d0 * d0) }
        let d1 = values[count + pixel] - values[count + other]
        let d2 = values[2 * count + pixel] - values[2 * count + other]
        return (d0 * d0 + d1 * d1 + d2 * d2).squareRoot()
    }

    /// Of four successive pixels.
    @inline(__always)
    func distance(_ pixel: Int, _ other: Int) -> SIMD4<Float> {
        let d0: SIMD4<Float> = values.vector(pixel) - values.vector(other)
        if isSingle {
            let square = d0 * d0
            return (square + square + square).squareRoot() * Self.scaleOfEqualChannels
        }
        let d1: SIMD4<Float> = values.vector(count + pixel) - values.vector(count + other)
        let d2: SIMD4<Float> = values.vector(2 * count + pixel) - values.vector(2 * count + other)
        return (d0 * d0 + d1 * d1 + d2 * d2).squareRoot()
    }

    /// One channel given thrice must not count three times.
    private static let scaleOfEqualChannels = Float(1.0 / 3).squareRoot()

    private static func distanceOfEqualChannels(_ square: Float) -> Float {
        (square + square + square).squareRoot() * scaleOfEqualChannels
    }
}
