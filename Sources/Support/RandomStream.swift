/// A small reproducible random generator (SplitMix64) whose whole state is one integer.
///
/// Streams are made from keys, so that every random choice is a function of (seed, epoch, sample) and never of
/// the thread that happened to make it: `RandomStream(seed, epoch, index)`.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
public struct RandomStream: RandomNumberGenerator, Sendable, Hashable {
    /// The whole state; storing and restoring it continues the stream exactly.
    public var state: UInt64

    public init(state: UInt64) { self.state = state }

    /// The stream that belongs to these keys; streams of different keys are independent for practical purposes.
    public init(_ keys: UInt64...) {
        var state: UInt64 = 0x6a09_e667_f3bc_c909
        for key in keys { state = Self.mix(state ^ Self.mix(key &+ 0x9e37_79b9_7f4a_7c15)) }
        self.state = state
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mix(state)
    }

    /// A number in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number in [low, high).
    public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

    /// An integer in 0 ..< bound, without modulo bias. Traps when `bound` is not positive.
    public mutating func integer(below bound: Int) -> Int {
        precondition(bound > 0, "integer(below:) needs a positive bound, got \(bound)")
        let bound = UInt64(bound)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// True with the given probability.
    public mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

    /// A random order of 0 ..< count (Fisher–Yates); the same for the same state on every platform.
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        shuffle(&order)
        return order
    }

    /// Shuffles in place (Fisher–Yates), independent of the standard library's own algorithm.
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        var last = elements.count - 1
        while last > 0 {
            elements.swapAt(last, integer(below: last + 1))
            last -= 1
        }
    }
}
