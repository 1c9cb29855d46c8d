internal import Support

/// Smooth random values on the plane: a periodic lattice of random numbers, interpolated.
struct ValueNoise: Sendable {
    private static let side = 64
    private let lattice: [Float]

    init(_ random: inout RandomStream) {
        lattice = (0..<Self.side * Self.side).map { _ in Float(random.uniform()) }
    }

    /// The value at a point in lattice units, in [0, 1).
    @inline(__always)
    func value(_ x: Float, _ y: Float) -> Float {
        lattice.withUnsafeBufferPointer { lattice in
            let column = flooredInteger(x)
            let row = flooredInteger(y)
            let fx = x - Float(column)
            let fy = y - Float(row)
            let wx = fx * fx * (3 - 2 * fx)
            let wy = fy * fy * (3 - 2 * fy)
            let mask = Self.side - 1
            let left = column & mask
            let right = (column + 1) & mask
            let upper = (row & mask) * Self.side
            let lower = ((row + 1) & mask) * Self.side
            let above = lattice[upper + left] + wx * (lattice[upper + right] - lattice[upper + left])
            let below = lattice[lower + left] + wx * (lattice[lower + right] - lattice[lower + left])
            return above + wy * (below - above)
        }
    }

    /// Several octaves, each of half the cell and `roughness` times the strength of the one before; in [0, 1).
    func octaves(size: RasterSize, cell: Double, count: Int, roughness: Float, offset: SIMD2<Float>) -> [Float] {
        var strength: Float = 1
        var total: Float = 0
        var scale = Float(1 / cell)
        var shift = offset
        var plane = [Float](repeating: 0, count: size.width * size.height)
        for _ in 0..<count {
            plane.withUnsafeMutableBufferPointer { plane in
                for row in 0..<size.height {
                    let y = Float(row) * scale + shift.y
                    for column in 0..<size.width {
                        plane[row * size.width + column] += strength * value(Float(column) * scale + shift.x, y)
                    }
                }
            }
            total += strength
            strength *= roughness
            scale *= 2
            // Octaves must not share their lattice lines.
            shift = shift * 1.7 + SIMD2(13.3, 7.9)
        }
        let inverse = 1 / total
        for index in plane.indices { plane[index] *= inverse }
        return plane
    }
}

/// The largest integer not above `value`; faster than `rounded(.down)`, which calls the C library.
@inline(__always)
func flooredInteger(_ value: Float) -> Int {
    let truncated = Int(value)
    return Float(truncated) > value ? truncated - 1 : truncated
}
