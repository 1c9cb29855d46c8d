/// A binary heap of pairs of regions: the most similar one on top, equal ones in the order of their numbers.
struct SimilarityQueue {
    struct Entry {
        /// Bits that sort like the similarity, above the complement of the first region's number.
        private let key: UInt64
        let second: Int32

        init(similarity: Float, _ pair: RegionPair) {
            // 0 is added because −0 is as similar as 0.
            let bits = (similarity + 0).bitPattern
            // Of a negative number more bits mean less.
            let ordered = bits >> 31 == 0 ? bits | 1 << 31 : ~bits
            key = UInt64(ordered) << 32 | UInt64(~UInt32(bitPattern: pair.first))
            second = pair.second
        }

        var pair: RegionPair {
            RegionPair(first: Int32(bitPattern: ~UInt32(truncatingIfNeeded: key)), second: second)
        }

        @inline(__always)
        func precedes(_ other: Entry) -> Bool { key > other.key || key == other.key && second < other.second }
    }

    private var heap: [Entry] = []

    /// A queue of these entries.
    init(_ entries: [Entry]) {
        heap = entries
        heap.withUnsafeMutableBufferPointer { heap in
            for place in (0..<heap.count / 2).reversed() { Self.sink(heap[place], from: place, in: heap) }
        }
    }

    mutating func insert(_ entry: Entry) {
        heap.append(entry)
        heap.withUnsafeMutableBufferPointer { heap in
            var place = heap.count - 1
            while place > 0 {
                let parent = (place - 1) / 2
                if !entry.precedes(heap[parent]) { break }
                heap[place] = heap[parent]
                place = parent
            }
            heap[place] = entry
        }
    }

    mutating func popFirst() -> RegionPair? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty { heap.withUnsafeMutableBufferPointer { Self.sink(last, from: 0, in: $0) } }
        return top.pair
    }

    /// Puts an entry at a place or below it, so that it follows what is above.
    @inline(__always)
    private static func sink(_ entry: Entry, from start: Int, in heap: UnsafeMutableBufferPointer<Entry>) {
        var place = start
        while true {
            var child = 2 &* place &+ 1
            if child >= heap.count { break }
            if child &+ 1 < heap.count { child &+= heap[child &+ 1].precedes(heap[child]) ? 1 : 0 }
            if !heap[child].precedes(entry) { break }
            heap[place] = heap[child]
            place = child
        }
        heap[place] = entry
    }
}
