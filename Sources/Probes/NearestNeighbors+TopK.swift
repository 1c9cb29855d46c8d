/// The best k of a stream of scores whose indices ascend.
struct TopK: Sendable {
    private let k: Int
    /// Score and index packed so that the better entry is the larger number; only now and then cut back to the best
    /// k, which is cheaper than a heap.
    private var keys: [UInt64] = []
    private var capacity: Int { 2 * k + 64 }
    /// What a score has to exceed to matter. A later entry of equal score loses by its index.
    private var threshold = -Float.infinity

    init(k: Int) { self.k = k }

    /// Takes a run of scores, of rows `firstIndex`, `firstIndex + 1`, …; `skipping` is a row to pass over.
    mutating func offer(_ scores: UnsafeBufferPointer<Float>, firstIndex: Int, skipping: Int) {
        // Once k good entries are known most blocks hold none that is better.
        guard let values = UnsafeRawPointer(scores.baseAddress) else { return }
        let whole = scores.count - scores.count % Self.block
        for start in stride(from: 0, to: whole, by: Self.block) {
            let threshold = SIMD16<Float>(repeating: threshold)
            let first = values.loadUnaligned(fromByteOffset: 4 * start, as: SIMD16<Float>.self)
            let second = values.loadUnaligned(fromByteOffset: 4 * start + 64, as: SIMD16<Float>.self)
            if any((first .> threshold) .| (second .> threshold)) {
                offer(scores, start..<start + Self.block, firstIndex, skipping)
            }
        }
        offer(scores, whole..<scores.count, firstIndex, skipping)
    }

    /// Scores looked at together: two vectors.
    private static let block = 32

    private mutating func offer(
        _ scores: UnsafeBufferPointer<Float>, _ range: Range<Int>, _ firstIndex: Int, _ skipping: Int
    ) {
        for position in range where scores[position] > threshold && firstIndex + position != skipping {
            add(Self.key(scores[position], UInt32(truncatingIfNeeded: firstIndex + position)))
        }
    }

    /// Takes the entries of another stream over other indices.
    mutating func merge(_ other: TopK) {
        for key in other.keys { add(key) }
    }

    /// At most k entries, best first; equal scores in ascending order of the index.
    func sorted() -> [(score: Float, index: Int32)] {
        keys.sorted(by: >).prefix(k).map { key in
            (Self.score(key), Int32(bitPattern: ~UInt32(truncatingIfNeeded: key)))
        }
    }

    private mutating func add(_ key: UInt64) {
        if keys.isEmpty { keys.reserveCapacity(capacity) }
        keys.append(key)
        if keys.count == capacity { cut() }
    }

    private mutating func cut() {
        let k = k
        keys.withUnsafeMutableBufferPointer { Self.moveLargest(k, toFrontOf: $0) }
        keys.removeLast(keys.count - k)
        threshold = Self.score(keys[k - 1])
    }

    /// Puts the `count` largest keys first, the smallest of them last among those (Hoare's selection). Keys differ.
    private static func moveLargest(_ count: Int, toFrontOf keys: UnsafeMutableBufferPointer<UInt64>) {
        var low = 0
        var high = keys.count - 1
        let target = count - 1
        while low < high {
            let (a, b, c) = (keys[low], keys[(low + high) / 2], keys[high])
            let pivot = max(min(a, b), min(max(a, b), c))
            var (left, right) = (low, high)
            while left <= right {
                while keys[left] > pivot { left += 1 }
                while keys[right] < pivot { right -= 1 }
                if left <= right {
                    keys.swapAt(left, right)
                    left += 1
                    right -= 1
                }
            }
            if target <= right { high = right } else if target >= left { low = left } else { return }
        }
    }

    /// Orders like the score, and within equal scores against the index.
    private static func key(_ score: Float, _ index: UInt32) -> UInt64 {
        // Adding zero turns -0 into 0, which compares equal to it. Negative floats order against their bits.
        let bits = (score + 0).bitPattern
        let ordered = bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
        return UInt64(ordered) << 32 | UInt64(~index)
    }

    private static func score(_ key: UInt64) -> Float {
        let ordered = UInt32(key >> 32)
        return Float(bitPattern: ordered & 0x8000_0000 != 0 ? ordered & 0x7fff_ffff : ~ordered)
    }
}
