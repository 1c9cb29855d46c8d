/// Greedy grouping of regions: the two most similar neighbours merge until one region is left.
///
/// Source: Uijlings et al., IJCV 2013, algorithm 1. Equal similarities are taken in the order of the regions'
/// numbers, so the hierarchy is reproducible.
struct RegionHierarchy {
    /// Bounds of every region: the initial ones, then the merged ones in the order in which they were made.
    let bounds: [PixelBounds]

    init(_ regions: RegionSet, similarity: RegionSimilarity) {
        var grouping = RegionGrouping(regions, similarity: similarity)
        while grouping.mergeMostSimilar() {}
        bounds = grouping.bounds
    }
}

/// A state of the grouping. Regions have numbers: 0 ..< n at first, each merged one the next number.
private struct RegionGrouping {
    private(set) var bounds: [PixelBounds]
    private var sizes: [Int32]
    private var neighbors: [[Int32]]
    private var isAlive: [Bool]
    /// Where a region's histogram lies; a merged region takes the place of one of its parts.
    private var slots: [Int32]
    private var histograms: [Float]
    private var queue = SimilarityQueue()
    /// For each region the last merged region that counted it, so that a common neighbour counts once.
    private var countedFor: [Int32]
    private let similarity: RegionSimilarity
    private let imageArea: Float

    init(_ regions: RegionSet, similarity: RegionSimilarity) {
        self.similarity = similarity
        imageArea = Float(regions.imageArea)
        bounds = regions.bounds
        sizes = regions.sizes
        histograms = regions.histograms
        neighbors = [[Int32]](repeating: [], count: regions.count)
        isAlive = [Bool](repeating: true, count: regions.count)
        slots = Array(0..<Int32(regions.count))
        countedFor = [Int32](repeating: -1, count: regions.count)
        for pair in regions.neighbors {
            let (first, second) = (Int32(pair >> 32), Int32(truncatingIfNeeded: pair))
            neighbors[Int(first)].append(second)
            neighbors[Int(second)].append(first)
            queue.insert(.init(similarity: similarityOf(first, second), first: first, second: second))
        }
    }

    /// Merges the most similar pair; false when no pair is left.
    mutating func mergeMostSimilar() -> Bool {
        while let pair = queue.popLargest() {
            if isAlive[Int(pair.first)], isAlive[Int(pair.second)] {
                merge(Int(pair.first), Int(pair.second))
                return true
            }
        }
        return false
    }

    private mutating func merge(_ first: Int, _ second: Int) {
        let merged = Int32(bounds.count)
        mergeHistograms(first, second)
        bounds.append(bounds[first].union(bounds[second]))
        sizes.append(sizes[first] + sizes[second])
        slots.append(slots[first])
        isAlive[first] = false
        isAlive[second] = false
        isAlive.append(true)
        countedFor.append(-1)

        var around: [Int32] = []
        around.reserveCapacity(neighbors[first].count + neighbors[second].count)
        for part in [first, second] {
            for other in neighbors[part] where isAlive[Int(other)] && countedFor[Int(other)] != merged {
                countedFor[Int(other)] = merged
                around.append(other)
            }
            neighbors[part] = []
        }
        neighbors.append(around)
        for other in around {
            neighbors[Int(other)].append(merged)
            queue.insert(.init(similarity: similarityOf(other, merged), first: other, second: merged))
        }
    }

    /// Equation 3: the mean weighted by size, put in the place of the first region's histogram.
    private mutating func mergeHistograms(_ first: Int, _ second: Int) {
        let total = Float(sizes[first] + sizes[second])
        let weights = (Float(sizes[first]) / total, Float(sizes[second]) / total)
        let (target, source) = (Int(slots[first]) * PixelBins.stride, Int(slots[second]) * PixelBins.stride)
        histograms.withUnsafeMutableBufferPointer { values in
            for bin in 0..<PixelBins.stride {
                values[target + bin] = weights.0 * values[target + bin] + weights.1 * values[source + bin]
            }
        }
    }

    private func similarityOf(_ first: Int32, _ second: Int32) -> Float {
        let (a, b) = (Int(first), Int(second))
        var sum: Float = 0
        if similarity.contains(.texture) { sum += intersection(a, b, bins: 0..<PixelBins.textureBins) }
        if similarity.contains(.color) { sum += intersection(a, b, bins: PixelBins.textureBins..<PixelBins.stride) }
        let both = Float(sizes[a] + sizes[b])
        if similarity.contains(.size) { sum += 1 - both / imageArea }
        if similarity.contains(.fill) { sum += 1 - (Float(bounds[a].union(bounds[b]).area) - both) / imageArea }
        return sum
    }

    /// Sum of the smaller values over a range of bins that holds whole vectors of 16.
    private func intersection(_ first: Int, _ second: Int, bins: Range<Int>) -> Float {
        histograms.withUnsafeBytes { bytes in
            let scale = MemoryLayout<Float>.stride
            let (a, b) = (Int(slots[first]) * PixelBins.stride, Int(slots[second]) * PixelBins.stride)
            var sum = SIMD16<Float>.zero
            for bin in stride(from: bins.lowerBound, to: bins.upperBound, by: 16) {
                let x = bytes.loadUnaligned(fromByteOffset: (a + bin) * scale, as: SIMD16<Float>.self)
                let y = bytes.loadUnaligned(fromByteOffset: (b + bin) * scale, as: SIMD16<Float>.self)
                sum += pointwiseMin(x, y)
            }
            return sum.sum()
        }
    }
}

/// A binary heap of pairs of regions, the most similar one on top.
private struct SimilarityQueue {
    struct Pair {
        var similarity: Float
        var first: Int32
        var second: Int32

        @inline(__always)
        func precedes(_ other: Pair) -> Bool {
            if similarity != other.similarity { return similarity > other.similarity }
            return (first, second) < (other.first, other.second)
        }
    }

    private var heap: [Pair] = []

    mutating func insert(_ pair: Pair) {
        heap.append(pair)
        heap.withUnsafeMutableBufferPointer { heap in
            var place = heap.count - 1
            while place > 0 {
                let parent = (place - 1) / 2
                if !pair.precedes(heap[parent]) { break }
                heap[place] = heap[parent]
                place = parent
            }
            heap[place] = pair
        }
    }

    mutating func popLargest() -> Pair? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return top }
        heap.withUnsafeMutableBufferPointer { heap in
            var place = 0
            while true {
                var child = 2 * place + 1
                if child >= heap.count { break }
                if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
                if !heap[child].precedes(last) { break }
                heap[place] = heap[child]
                place = child
            }
            heap[place] = last
        }
        return top
    }
}
