public import Imaging

/// A partition of an image into connected regions by the graph method of Felzenszwalb and Huttenlocher.
///
/// Two components join along an edge when its weight is within both internal differences, each relaxed by
/// k / size; edges are taken by ascending weight. Components under the minimum size then join their nearest one.
/// Source: "Efficient Graph-Based Image Segmentation", IJCV 2004, algorithm 1.
public struct GraphSegmentation: Hashable, Sendable {
    public let size: ImageSize
    /// Region of each pixel, row by row; numbered 0, 1, … in the order of their first pixels.
    public let labels: [Int32]
    /// Number of regions.
    public let count: Int

    /// - Parameters:
    ///   - scale: k, the preference for larger regions, in units of colour difference times pixels.
    ///   - minimumSize: pixels a region has at least (the whole image may have fewer).
    ///   - sigma: of the Gaussian smoothing before, in pixels; 0 for none.
    public init(
        _ image: Image, colorSpace: ProposalColorSpace = .rgb, scale: Double, minimumSize: Int, sigma: Double = 0.8
    ) {
        let planes = ColorPlanes(image, in: colorSpace).smoothed(sigma: sigma)
        self.init(SortedGridEdges(planes), scale: Float(scale), minimumSize: minimumSize)
    }

    init(_ edges: SortedGridEdges, scale: Float, minimumSize: Int) {
        size = ImageSize(width: edges.width, height: edges.height)
        var forest = DisjointSets(count: edges.width * edges.height, scale: scale)
        edges.visit { first, second, weight in
            forest.joinIfSimilar(first, second, weight: weight, scale: scale)
        }
        if minimumSize > 1 {
            edges.visit { first, second, _ in
                forest.joinIfSmall(first, second, minimumSize: Int32(clamping: minimumSize))
            }
        }
        (labels, count) = forest.labels()
    }
}

/// The edges between 8-neighbours of a pixel grid, by ascending Euclidean colour difference.
///
/// Edges of equal weight keep the order of their pixels, so the result is reproducible.
struct SortedGridEdges {
    let width: Int
    let height: Int
    /// Bits of the weight (a non-negative Float sorts like its bits) above pixel · 4 + direction.
    private var keys: [UInt64]

    init(_ planes: ColorPlanes) {
        width = planes.width
        height = planes.height
        precondition(planes.pixelCount < 1 << 30, "an image to segment has less than 2^30 pixels")
        keys = Self.sorted(Self.keys(planes))
    }

    /// Calls `body(pixel, pixel, weight)` for each edge in order.
    @inline(__always)
    func visit(_ body: (_ first: Int32, _ second: Int32, _ weight: Float) -> Void) {
        // Right, down, down-right, up-right.
        let steps = SIMD4<Int32>(1, Int32(width), Int32(width) + 1, 1 - Int32(width))
        keys.withUnsafeBufferPointer { keys in
            for key in keys {
                let place = UInt32(truncatingIfNeeded: key)
                let pixel = Int32(bitPattern: place >> 2)
                body(pixel, pixel &+ steps[Int(place & 3)], Float(bitPattern: UInt32(key >> 32)))
            }
        }
    }

    private static func keys(_ planes: ColorPlanes) -> [UInt64] {
        let (width, height, count) = (planes.width, planes.height, planes.pixelCount)
        let distanceScale = planes.distanceScale
        return [UInt64](unsafeUninitializedCapacity: 4 * count) { keys, initialized in
            planes.values.withUnsafeBufferPointer { values in
                var end = 0
                @inline(__always)
                func add(_ pixel: Int, _ other: Int, _ direction: UInt64) {
                    let d0 = values[pixel] - values[other]
                    let d1 = values[count + pixel] - values[count + other]
                    let d2 = values[2 * count + pixel] - values[2 * count + other]
                    let weight = (d0 * d0 + d1 * d1 + d2 * d2).squareRoot() * distanceScale
                    keys[end] = UInt64(weight.bitPattern) << 32 | UInt64(pixel) << 2 | direction
                    end += 1
                }
                for y in 0..<height {
                    for x in 0..<width {
                        let pixel = y * width + x
                        if x + 1 < width { add(pixel, pixel + 1, 0) }
                        if y + 1 < height { add(pixel, pixel + width, 1) }
                        if x + 1 < width, y + 1 < height { add(pixel, pixel + width + 1, 2) }
                        if x + 1 < width, y > 0 { add(pixel, pixel - width + 1, 3) }
                    }
                }
                initialized = end
            }
        }
    }

    /// Stable radix sort by the upper 32 bits: digits of 11, 11 and 10 bits.
    private static func sorted(_ keys: [UInt64]) -> [UInt64] {
        let digits: [(shift: UInt64, bits: Int)] = [(32, 11), (43, 11), (54, 10)]
        var source = keys
        var target = [UInt64](repeating: 0, count: keys.count)
        for digit in digits {
            var starts = [Int](repeating: 0, count: 1 << digit.bits)
            let mask = UInt64(1 << digit.bits - 1)
            source.withUnsafeBufferPointer { source in
                target.withUnsafeMutableBufferPointer { target in
                    starts.withUnsafeMutableBufferPointer { starts in
                        for key in source { starts[Int(key >> digit.shift & mask)] += 1 }
                        var start = 0
                        for value in 0..<starts.count {
                            let count = starts[value]
                            starts[value] = start
                            start += count
                        }
                        for key in source {
                            let value = Int(key >> digit.shift & mask)
                            target[starts[value]] = key
                            starts[value] += 1
                        }
                    }
                }
            }
            swap(&source, &target)
        }
        return source
    }
}

/// The components of the graph: a forest of pixels with the size and the joining threshold of each tree.
private struct DisjointSets {
    private var parents: [Int32]
    private var sizes: [Int32]
    /// Internal difference plus k / size.
    private var thresholds: [Float]

    init(count: Int, scale: Float) {
        parents = Array(0..<Int32(count))
        sizes = [Int32](repeating: 1, count: count)
        thresholds = [Float](repeating: scale, count: count)
    }

    /// The root of an element's tree; paths are halved on the way.
    @inline(__always)
    private mutating func root(_ element: Int32) -> Int32 {
        parents.withUnsafeMutableBufferPointer { parents in
            var element = Int(element)
            while parents[element] != element {
                let above = parents[Int(parents[element])]
                parents[element] = above
                element = Int(above)
            }
            return Int32(element)
        }
    }

    @inline(__always)
    private mutating func join(_ first: Int32, _ second: Int32) -> Int {
        let (large, small) = sizes[Int(first)] >= sizes[Int(second)] ? (first, second) : (second, first)
        parents[Int(small)] = large
        sizes[Int(large)] += sizes[Int(small)]
        return Int(large)
    }

    @inline(__always)
    mutating func joinIfSimilar(_ first: Int32, _ second: Int32, weight: Float, scale: Float) {
        let (first, second) = (root(first), root(second))
        guard first != second, weight <= thresholds[Int(first)], weight <= thresholds[Int(second)] else { return }
        let joined = join(first, second)
        thresholds[joined] = weight + scale / Float(sizes[joined])
    }

    @inline(__always)
    mutating func joinIfSmall(_ first: Int32, _ second: Int32, minimumSize: Int32) {
        let (first, second) = (root(first), root(second))
        guard first != second, sizes[Int(first)] < minimumSize || sizes[Int(second)] < minimumSize else { return }
        _ = join(first, second)
    }

    mutating func labels() -> (labels: [Int32], count: Int) {
        var labelOfRoot = [Int32](repeating: -1, count: parents.count)
        var labels = [Int32](repeating: 0, count: parents.count)
        var count: Int32 = 0
        for pixel in 0..<parents.count {
            let root = Int(root(Int32(pixel)))
            if labelOfRoot[root] < 0 {
                labelOfRoot[root] = count
                count += 1
            }
            labels[pixel] = labelOfRoot[root]
        }
        return (labels, Int(count))
    }
}
