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
    private var neighbors: NeighborLists
    /// Where a region's histogram lies; a merged region takes the place of one of its parts.
    private var slots: [Int32]
    private var histograms: RegionHistograms
    private var queue = SimilarityQueue([])
    /// For each region the last merged region that counted it, so that a common neighbour counts once; `isMerged`
    /// for a part of another region.
    private var countedFor: [Int32]
    private let similarity: RegionSimilarity
    private let imageArea: Float

    private static let isMerged = Int32.max

    init(_ regions: RegionSet, similarity: RegionSimilarity) {
        self.similarity = similarity
        imageArea = Float(regions.imageArea)
        bounds = regions.bounds
        sizes = regions.sizes
        histograms = regions.histograms
        neighbors = NeighborLists(regions.neighbors, regionCount: regions.count)
        slots = Array(0..<Int32(regions.count))
        countedFor = [Int32](repeating: -1, count: regions.count)
        let regionCount = 2 * regions.count
        bounds.reserveCapacity(regionCount)
        sizes.reserveCapacity(regionCount)
        slots.reserveCapacity(regionCount)
        countedFor.reserveCapacity(regionCount)
        queue = SimilarityQueue(
            regions.neighbors.indices.map { i in
                let pair = regions.neighbors[i]
                return .init(
                    similarity: similarityOf(
                        pair, texture: regions.textureOverlaps[i], color: regions.colorOverlaps[i]), pair)
            })
    }

    /// Merges the most similar pair; false when no pair is left.
    mutating func mergeMostSimilar() -> Bool {
        while let pair = queue.popFirst() {
            if countedFor[Int(pair.first)] != Self.isMerged, countedFor[Int(pair.second)] != Self.isMerged {
                merge(pair)
                return true
            }
        }
        return false
    }

    private mutating func merge(_ pair: RegionPair) {
        let (first, second) = (Int(pair.first), Int(pair.second))
        let merged = Int32(bounds.count)
        if similarity.contains(.texture) || similarity.contains(.color) {
            // Equation 3: the mean weighted by size.
            let total = Float(sizes[first] + sizes[second])
            histograms.mix(
                slots[first], slots[second], weights: (Float(sizes[first]) / total, Float(sizes[second]) / total))
        }
        bounds.append(bounds[first].union(bounds[second]))
        sizes.append(sizes[first] + sizes[second])
        slots.append(slots[first])
        countedFor[first] = Self.isMerged
        countedFor[second] = Self.isMerged
        countedFor.append(-1)

        neighbors.addRegion()
        for part in [pair.first, pair.second] {
            var node = neighbors.first(of: part)
            while let current = node {
                let other = neighbors.region(current)
                node = neighbors.next(after: current)
                if countedFor[Int(other)] >= merged { continue }
                countedFor[Int(other)] = merged
                let pair = RegionPair(first: other, second: merged)
                neighbors.add(pair)
                queue.insert(.init(similarity: similarityOf(pair), pair))
            }
        }
    }

    private func similarityOf(_ pair: RegionPair) -> Float {
        let (a, b) = (slots[Int(pair.first)], slots[Int(pair.second)])
        return similarityOf(
            pair, texture: similarity.contains(.texture) ? histograms.textureOverlap(a, b) : 0,
            color: similarity.contains(.color) ? histograms.colorOverlap(a, b) : 0)
    }

    private func similarityOf(_ pair: RegionPair, texture: Float, color: Float) -> Float {
        let (a, b) = (Int(pair.first), Int(pair.second))
        var sum: Float = 0
        if similarity.contains(.texture) { sum += texture }
        if similarity.contains(.color) { sum += color }
        let both = Float(sizes[a] + sizes[b])
        if similarity.contains(.size) { sum += 1 - both / imageArea }
        if similarity.contains(.fill) { sum += 1 - (Float(bounds[a].union(bounds[b]).area) - both) / imageArea }
        return sum
    }
}

/// The neighbours of each region: linked lists in one array.
private struct NeighborLists {
    private struct Node {
        var region: Int32
        var next: Int32
    }

    private static let end: Int32 = -1
    private var firsts: [Int32]
    private var nodes: [Node] = []

    init(_ pairs: [RegionPair], regionCount: Int) {
        firsts = [Int32](repeating: Self.end, count: regionCount)
        firsts.reserveCapacity(2 * regionCount)
        nodes.reserveCapacity(4 * pairs.count)
        for pair in pairs { add(pair) }
    }

    /// Adds the region with the next number.
    mutating func addRegion() { firsts.append(Self.end) }

    mutating func add(_ pair: RegionPair) {
        add(pair.first, to: Int(pair.second))
        add(pair.second, to: Int(pair.first))
    }

    private mutating func add(_ neighbor: Int32, to region: Int) {
        nodes.append(Node(region: neighbor, next: firsts[region]))
        firsts[region] = Int32(nodes.count - 1)
    }

    func first(of region: Int32) -> Int32? {
        let node = firsts[Int(region)]
        return node == Self.end ? nil : node
    }

    func next(after node: Int32) -> Int32? {
        let next = nodes[Int(node)].next
        return next == Self.end ? nil : next
    }

    func region(_ node: Int32) -> Int32 { nodes[Int(node)].region }
}
