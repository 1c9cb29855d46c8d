internal import Foundation

/// Sampled one-dimensional Gaussian kernels of odd length, centre in the middle.
enum GaussianKernel {
    /// Weights that sum to 1, out to four standard deviations; the identity for sigma 0.
    static func smoothing(sigma: Double) -> [Float] {
        guard sigma > 0 else { return [1] }
        let radius = Int((4 * sigma).rounded(.up))
        let weights = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
        let sum = weights.reduce(0, +)
        return weights.map { Float($0 / sum) }
    }

    /// First derivative, scaled so that a ramp of slope 1 gives 1.
    static func derivative(sigma: Double) -> [Float] {
        let radius = Int((3 * sigma).rounded(.up))
        let positions = (-radius...radius).map(Double.init)
        let weights = positions.map { $0 * exp(-0.5 * $0 * $0 / (sigma * sigma)) }
        let ramp = zip(weights, positions).reduce(0) { $0 + $1.0 * $1.1 }
        return weights.map { Float($0 / ramp) }
    }
}

/// Correlation of a plane with one kernel along x and another along y; the border pixels are repeated outwards.
struct SeparableFilter {
    /// Values that `apply` may write past the end of its result.
    static let slack = Vector.scalarCount - 1

    private typealias Vector = SIMD16<Float>

    private let row: [Float]
    private let column: [Float]

    /// Kernels of odd length, centre in the middle.
    init(row: [Float], column: [Float]) {
        self.row = row
        self.column = column
    }

    /// Filters [height, width] values. A row is rounded up to whole vectors, so each writes over the start of the
    /// next one, and the last needs `slack`.
    func apply(_ plane: UnsafePointer<Float>, width: Int, height: Int, into result: UnsafeMutablePointer<Float>) {
        guard width > 0, height > 0 else { return }
        let (rowRadius, columnRadius) = (row.count / 2, column.count / 2)
        let length = (width + Self.slack) / Vector.scalarCount * Vector.scalarCount
        // The last rows filtered along x: as many as the column kernel spans.
        var ring = [Float](repeating: 0, count: column.count * length)
        var padded = [Float](repeating: 0, count: length + 2 * rowRadius)
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: max(row.count, column.count)) { taps in
            ring.withUnsafeMutableBufferPointer { ring in
                padded.withUnsafeMutableBufferPointer { padded in
                    guard let ring = ring.baseAddress, let padded = padded.baseAddress else { return }
                    var filteredRows = 0
                    for y in 0..<height {
                        while filteredRows < height, filteredRows <= y + columnRadius {
                            let source = plane + filteredRows * width
                            for i in 0..<rowRadius {
                                padded[i] = source[0]
                                padded[rowRadius + width + i] = source[width - 1]
                            }
                            (padded + rowRadius).update(from: source, count: width)
                            for tap in 0..<row.count { taps[tap] = UnsafePointer(padded + tap) }
                            let target = ring + filteredRows % column.count * length
                            Self.sum(taps, weights: row, count: length, into: target)
                            filteredRows += 1
                        }
                        for tap in 0..<column.count {
                            let sourceRow = min(max(y + tap - columnRadius, 0), height - 1)
                            taps[tap] = UnsafePointer(ring + sourceRow % column.count * length)
                        }
                        Self.sum(taps, weights: column, count: length, into: result + y * width)
                    }
                }
            }
        }
    }

    /// The weighted sum of several rows, taken in their order.
    @inline(__always)
    private static func sum(
        _ rows: UnsafeMutableBufferPointer<UnsafePointer<Float>>, weights: [Float], count: Int,
        into target: UnsafeMutablePointer<Float>
    ) {
        weights.withUnsafeBufferPointer { weights in
            for x in stride(from: 0, to: count, by: Vector.scalarCount) {
                var sum = weights[0] * rows[0].vector(x, as: Vector.self)
                for tap in 1..<max(weights.count, 1) { sum += weights[tap] * rows[tap].vector(x, as: Vector.self) }
                target.store(sum, at: x)
            }
        }
    }
}
