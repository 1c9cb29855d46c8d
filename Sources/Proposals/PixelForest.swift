/// The components of the segmentation's graph: a forest of pixels, joined along edges.
struct PixelForest: ~Copyable {
    private let pixelCount: Int
    /// The parent of a pixel, or for the root of a component −(its number of pixels).
    private let links: UnsafeMutablePointer<Int32>
    /// Of a root: internal difference plus k / size.
    private let thresholds: UnsafeMutablePointer<Float>

    /// Every pixel is a component.
    init(pixelCount: Int) {
        self.pixelCount = pixelCount
        links = .allocate(capacity: pixelCount)
        links.initialize(repeating: -1, count: pixelCount)
        thresholds = .allocate(capacity: pixelCount)
    }

    deinit {
        links.deallocate()
        thresholds.deallocate()
    }

    /// Joins components along edges by ascending weight where both thresholds allow it.
    ///
    /// - Parameter left: receives the edges (pixel · 4 + direction) that were refused while one side was below
    ///   `minimumSize`: as components only grow, no other edge can join a small one later.
    /// - Returns: the number of edges left.
    func joinSimilar(
        _ keys: UnsafeBufferPointer<UInt64>, steps: SIMD4<Int32>, scale: Float, minimumSize: Int32,
        left: UnsafeMutableBufferPointer<UInt32>
    ) -> Int {
        thresholds.initialize(repeating: scale, count: pixelCount)
        let blockLength = 256
        return withUnsafeTemporaryAllocation(of: Crossing.self, capacity: blockLength + 1) { crossings in
            var leftCount = 0
            for start in stride(from: 0, to: keys.count, by: blockLength) {
                // Most edges lie within a component. Sorting them out ahead, without branches, saves mispredicted ones.
                var crossingCount = 0
                for key in keys[start..<min(start + blockLength, keys.count)] {
                    let pixel = Int32(truncatingIfNeeded: key >> 2) & 0x3fff_ffff
                    let other = pixel &+ steps[Int(key & 3)]
                    let (first, second) = (ancestor(pixel), ancestor(other))
                    crossings[crossingCount] = Crossing(key: key, first: first, second: second)
                    crossingCount &+= first == second ? 0 : 1
                }
                for crossing in crossings[..<crossingCount] {
                    let (first, second) = (root(crossing.first), root(crossing.second))
                    if first == second { continue }
                    let weight = Float(bitPattern: UInt32(truncatingIfNeeded: crossing.key >> 32))
                    if weight <= thresholds[Int(first)], weight <= thresholds[Int(second)] {
                        let joined = join(first, second)
                        thresholds[Int(joined)] = weight + scale / Float(0 &- links[Int(joined)])
                    } else if max(links[Int(first)], links[Int(second)]) > 0 &- minimumSize {
                        left[leftCount] = UInt32(truncatingIfNeeded: crossing.key)
                        leftCount &+= 1
                    }
                }
            }
            return leftCount
        }
    }

    /// An edge whose ends may lie in different components, with a pixel above each of them.
    private struct Crossing {
        var key: UInt64
        var first: Int32
        var second: Int32
    }

    /// Joins components below the minimum size along the given edges, in their order.
    func joinSmall(_ edges: Slice<UnsafeMutableBufferPointer<UInt32>>, steps: SIMD4<Int32>, minimumSize: Int32) {
        for edge in edges {
            let pixel = Int32(bitPattern: edge >> 2)
            let (first, second) = (root(pixel), root(pixel &+ steps[Int(edge & 3)]))
            if first == second { continue }
            if max(links[Int(first)], links[Int(second)]) > 0 &- minimumSize { _ = join(first, second) }
        }
    }

    /// The component of each pixel, numbered in the order of their first pixels, and the number of components.
    func labels() -> (labels: [Int32], count: Int) {
        var count: Int32 = 0
        let labels = [Int32](unsafeUninitializedCapacity: pixelCount) { labels, initialized in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: pixelCount) { labelOfRoot in
                labelOfRoot.initialize(repeating: -1)
                for pixel in 0..<pixelCount {
                    let root = Int(root(Int32(truncatingIfNeeded: pixel)))
                    if labelOfRoot[root] < 0 {
                        labelOfRoot[root] = count
                        count += 1
                    }
                    labels[pixel] = labelOfRoot[root]
                }
            }
            initialized = pixelCount
        }
        return (labels, Int(count))
    }

    /// What is at most two links above a pixel: as a rule the root. The pixel is hung below it.
    @inline(__always)
    private func ancestor(_ pixel: Int32) -> Int32 {
        let link = links[Int(pixel)]
        let parent = link < 0 ? pixel : link
        let linkAbove = links[Int(parent)]
        let above = linkAbove < 0 ? parent : linkAbove
        links[Int(pixel)] = link < 0 ? link : above
        return above
    }

    /// The root of a pixel's component; the path is halved on the way.
    @inline(__always)
    private func root(_ pixel: Int32) -> Int32 {
        var pixel = pixel
        while true {
            let parent = links[Int(pixel)]
            if parent < 0 { return pixel }
            let above = links[Int(parent)]
            if above < 0 { return parent }
            links[Int(pixel)] = above
            pixel = above
        }
    }

    /// Hangs the smaller component under the larger one; returns the root.
    @inline(__always)
    private func join(_ first: Int32, _ second: Int32) -> Int32 {
        let size = links[Int(first)] &+ links[Int(second)]
        let (root, child) = links[Int(first)] <= links[Int(second)] ? (first, second) : (second, first)
        links[Int(root)] = size
        links[Int(child)] = root
        return root
    }
}
