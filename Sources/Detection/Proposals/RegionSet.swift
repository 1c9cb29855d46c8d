internal import Imaging

/// Bounds of a region in pixels, half-open.
struct PixelBounds: Hashable {
    var minX: Int32
    var minY: Int32
    var maxX: Int32
    var maxY: Int32

    var area: Int { Int(maxX - minX) * Int(maxY - minY) }

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
    /// [region, PixelBins.stride]: the texture part and the colour part each sum to 1.
    let histograms: [Float]
    /// Pairs of neighbours a < b as a << 32 | b, ascending.
    let neighbors: [UInt64]

    var count: Int { sizes.count }

    init(_ segmentation: GraphSegmentation, bins: PixelBins) {
        imageArea = segmentation.size.pixelCount
        let width = segmentation.size.width
        var sizes = [Int32](repeating: 0, count: segmentation.count)
        var bounds = [PixelBounds](
            repeating: PixelBounds(minX: .max, minY: .max, maxX: 0, maxY: 0), count: segmentation.count)
        segmentation.labels.withUnsafeBufferPointer { labels in
            sizes.withUnsafeMutableBufferPointer { sizes in
                bounds.withUnsafeMutableBufferPointer { bounds in
                    for y in 0..<segmentation.size.height {
                        for x in 0..<width {
                            let region = Int(labels[y * width + x])
                            sizes[region] += 1
                            let pixel = PixelBounds(
                                minX: Int32(x), minY: Int32(y), maxX: Int32(x + 1), maxY: Int32(y + 1))
                            bounds[region] = bounds[region].union(pixel)
                        }
                    }
                }
            }
        }
        self.sizes = sizes
        self.bounds = bounds
        histograms = Self.histograms(segmentation, sizes: sizes, bins: bins)
        neighbors = Self.neighbors(segmentation)
    }

    private static func histograms(_ segmentation: GraphSegmentation, sizes: [Int32], bins: PixelBins) -> [Float] {
        let stride = PixelBins.stride
        let perPixel = PixelBins.texturesPerPixel
        let total = sizes.count * stride
        var counts = [UInt32](repeating: 0, count: total)
        counts.withUnsafeMutableBufferPointer { counts in
            segmentation.labels.withUnsafeBufferPointer { labels in
                bins.texture.withUnsafeBufferPointer { texture in
                    bins.color.withUnsafeBufferPointer { color in
                        for pixel in 0..<labels.count {
                            let base = Int(labels[pixel]) * stride
                            for i in perPixel * pixel..<perPixel * (pixel + 1) { counts[base + Int(texture[i])] &+= 1 }
                            let colorBase = base + PixelBins.textureBins
                            for i in 3 * pixel..<3 * pixel + 3 { counts[colorBase + Int(color[i])] &+= 1 }
                        }
                    }
                }
            }
        }
        return [Float](unsafeUninitializedCapacity: total) { histograms, initialized in
            for region in 0..<sizes.count {
                let textureScale = 1 / (Float(sizes[region]) * Float(perPixel))
                let colorScale = 1 / (Float(sizes[region]) * 3)
                for bin in 0..<stride {
                    let scale = bin < PixelBins.textureBins ? textureScale : colorScale
                    histograms[region * stride + bin] = Float(counts[region * stride + bin]) * scale
                }
            }
            initialized = total
        }
    }

    /// Regions are neighbours when any two of their pixels are 8-neighbours, as in the segmentation's graph.
    private static func neighbors(_ segmentation: GraphSegmentation) -> [UInt64] {
        let (width, height) = (segmentation.size.width, segmentation.size.height)
        var pairs: [UInt64] = []
        segmentation.labels.withUnsafeBufferPointer { labels in
            // Along a border the same pair comes again and again: remember the last one of each direction.
            var last = SIMD4<UInt64>(repeating: .max)
            @inline(__always)
            func add(_ first: Int, _ second: Int, _ direction: Int) {
                let (a, b) = (labels[first], labels[second])
                if a == b { return }
                let pair = UInt64(UInt32(min(a, b))) << 32 | UInt64(UInt32(max(a, b)))
                if pair != last[direction] {
                    last[direction] = pair
                    pairs.append(pair)
                }
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
        }
        pairs.sort()
        var unique: [UInt64] = []
        for pair in pairs where pair != unique.last { unique.append(pair) }
        return unique
    }
}
