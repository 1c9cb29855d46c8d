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

/// Correlates a plane with `row` along x and `column` along y; the border pixels are repeated outwards.
func filterSeparably(
    _ plane: UnsafeBufferPointer<Float>, width: Int, height: Int, row: [Float], column: [Float],
    into result: UnsafeMutableBufferPointer<Float>
) {
    let rowRadius = row.count / 2
    let columnRadius = column.count / 2
    withUnsafeTemporaryAllocation(of: Float.self, capacity: width + 2 * rowRadius) { padded in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width * height) { middle in
            for y in 0..<height {
                let source = UnsafeBufferPointer(rebasing: plane[y * width..<(y + 1) * width])
                for i in 0..<rowRadius {
                    padded[i] = source[0]
                    padded[rowRadius + width + i] = source[width - 1]
                }
                for x in 0..<width { padded[rowRadius + x] = source[x] }
                let target = UnsafeMutableBufferPointer(rebasing: middle[y * width..<(y + 1) * width])
                accumulate(padded, shift: 0, weight: row[0], into: target, first: true)
                for tap in 1..<max(row.count, 1) {
                    accumulate(padded, shift: tap, weight: row[tap], into: target, first: false)
                }
            }
            for y in 0..<height {
                let target = UnsafeMutableBufferPointer(rebasing: result[y * width..<(y + 1) * width])
                for tap in 0..<column.count {
                    let sourceRow = min(max(y + tap - columnRadius, 0), height - 1)
                    accumulate(
                        middle, shift: sourceRow * width, weight: column[tap], into: target, first: tap == 0)
                }
            }
        }
    }
}

/// target = weight · source[shift…] on the first tap, target += … on the others.
@inline(__always)
private func accumulate(
    _ source: UnsafeMutableBufferPointer<Float>, shift: Int, weight: Float,
    into target: UnsafeMutableBufferPointer<Float>, first: Bool
) {
    guard let from = source.baseAddress.map({ $0 + shift }), let to = target.baseAddress else { return }
    if first {
        for x in 0..<target.count { to[x] = weight * from[x] }
    } else {
        for x in 0..<target.count { to[x] += weight * from[x] }
    }
}
