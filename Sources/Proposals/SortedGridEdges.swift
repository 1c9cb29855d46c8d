/// The edges between 8-neighbours of a pixel grid, by ascending Euclidean colour difference.
///
/// Edges of equal weight keep the order of their pixels, so the result is reproducible.
struct SortedGridEdges {
    let width: Int
    let height: Int
    /// Bits of the weight (a non-negative Float sorts like its bits) above pixel · 4 + direction.
    private let keys: [UInt64]

    init(_ planes: ColorPlanes) {
        width = planes.width
        height = planes.height
        precondition(planes.pixelCount < 1 << 30, "an image to segment has less than 2^30 pixels")
        keys = Self.sorted(GridWeights(planes))
    }

    /// Calls `body` with the edges in order.
    func withEdges<Result>(_ body: (UnsafeBufferPointer<UInt64>) -> Result) -> Result {
        keys.withUnsafeBufferPointer(body)
    }

    /// From a pixel to the other end of its edge right, down, down-right, up-right.
    var steps: SIMD4<Int32> { SIMD4(1, Int32(width), Int32(width) + 1, 1 - Int32(width)) }

    /// Stable radix sort by the bits of the weight, whose sign is always 0.
    private static func sorted(_ weights: GridWeights) -> [UInt64] {
        let count = weights.edgeCount
        guard count > 0 else { return [] }
        return [UInt64](unsafeUninitializedCapacity: count) { keys, initialized in
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) { spare in
                withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 4096) { starts in
                    starts.initialize(repeating: 0)
                    let digits = (
                        RadixDigit(shift: 0, bits: 11, starts: starts[..<2048]),
                        RadixDigit(shift: 11, bits: 10, starts: starts[2048..<3072]),
                        RadixDigit(shift: 21, bits: 10, starts: starts[3072...])
                    )
                    for weight in weights.values where weight >= 0 {
                        digits.0.count(weight.bitPattern)
                        digits.1.count(weight.bitPattern)
                        digits.2.count(weight.bitPattern)
                    }
                    digits.0.sumUp()
                    digits.1.sumUp()
                    digits.2.sumUp()
                    weights.values.withUnsafeBufferPointer { weights in
                        for (edge, weight) in weights.enumerated() where weight >= 0 {
                            digits.0.place(UInt64(weight.bitPattern) << 32 | UInt64(edge), into: keys)
                        }
                    }
                    for key in keys { digits.1.place(key, into: spare) }
                    for key in spare { digits.2.place(key, into: keys) }
                }
            }
            initialized = count
        }
    }
}

/// One pass of a radix sort: the places of the keys by some bits of their upper half.
private struct RadixDigit {
    private let shift: UInt32
    private let mask: UInt32
    private let starts: UnsafeMutableBufferPointer<UInt32>

    init(shift: UInt32, bits: UInt32, starts: Slice<UnsafeMutableBufferPointer<UInt32>>) {
        self.shift = shift
        mask = 1 << bits - 1
        self.starts = UnsafeMutableBufferPointer(rebasing: starts)
    }

    @inline(__always)
    private func value(_ bits: UInt32) -> Int { Int(bits &>> shift & mask) }

    @inline(__always)
    func count(_ bits: UInt32) { starts[value(bits)] &+= 1 }

    /// Turns counts into the places where each value starts.
    func sumUp() {
        var start: UInt32 = 0
        for value in starts.indices {
            let count = starts[value]
            starts[value] = start
            start += count
        }
    }

    @inline(__always)
    func place(_ key: UInt64, into target: UnsafeMutableBufferPointer<UInt64>) {
        let value = value(UInt32(truncatingIfNeeded: key >> 32))
        target[Int(starts[value])] = key
        starts[value] &+= 1
    }
}
