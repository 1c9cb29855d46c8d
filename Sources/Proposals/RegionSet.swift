internal import Imaging

/// Bounds of a region in pixels, half-open.
struct PixelBounds: Hashable {
    var minX: Int32
    var minY: Int32
    var maxX: Int32
    var maxY: Int32

    var area: Int { Int(maxX &- minX) &* Int(maxY &- minY) }

    func union(_ other: PixelBounds) -> PixelBounds {
        PixelBounds(
            minX: min(minX, other.minX), minY: min(minY, other.minY), maxX: max(maxX, other.maxX),
            maxY: max(maxY, other.maxY))
    }
}

/// What hierarchical grouping needs to know of the regions of one segmentation.
struct RegionSet {
    let imageArea: Int
    let sizes: [Int32]
    let bounds: [PixelBounds]
    let histograms: RegionHistograms
    /// Pairs of neighbours, in ascending order.
    let neighbors: [RegionPair]
    /// Of each of these pairs; every hierarchy starts from them.
    let textureOverlaps: [Float]
    let colorOverlaps: [Float]

    var count: Int { sizes.count }

    init(_ segmentation: GraphSegmentation, bins: PixelBins) {
        imageArea = segmentation.size.pixelCount
        (sizes, bounds) = Self.extents(segmentation)
        let histograms = RegionHistograms(segmentation.labels, sizes: sizes, bins: bins)
        neighbors = RegionPair.neighbors(in: segmentation)
        textureOverlaps = neighbors.map { histograms.textureOverlap($0.first, $0.second) }
        colorOverlaps = neighbors.map { histograms.colorOverlap($0.first, $0.second) }
        self.histograms = histograms
    }

    private static func extents(_ segmentation: GraphSegmentation) -> (sizes: [Int32], bounds: [PixelBounds]) {
        let width = segmentation.size.width
        var sizes = [Int32](repeating: 0, count: segmentation.count)
        var bounds = [PixelBounds](
            repeating: PixelBounds(minX: .max, minY: .max, maxX: 0, maxY: 0), count: segmentation.count)
        segmentation.labels.withUnsafeBufferPointer { labels in
            for y in 0..<segmentation.size.height {
                let row = y * width
                var x = 0
                while x < width {
                    // A run of one region.
                    let start = x
                    let label = labels[row + x]
                    repeat { x += 1 } while x < width && labels[row + x] == label
                    sizes[Int(label)] += Int32(x - start)
                    bounds[Int(label)] = bounds[Int(label)].union(
                        PixelBounds(minX: Int32(start), minY: Int32(y), maxX: Int32(x), maxY: Int32(y + 1)))
                }
            }
        }
        return (sizes, bounds)
    }
}
