public import Boxes
public import Imaging
internal import Support

/// Class-independent object proposals by hierarchical grouping of image regions.
///
/// Source: Uijlings, van de Sande, Gevers, Smeulders, "Selective Search for Object Recognition", IJCV 2013.
public struct SelectiveSearch: Sendable {
    public let options: SelectiveSearchOptions
    public let seed: UInt64

    public init(_ options: SelectiveSearchOptions = .fast, seed: UInt64 = 0) {
        self.options = options
        self.seed = seed
    }

    /// Name of the method in file headers.
    public static let method = "selective-search"

    /// The random key of an image that is known by name (64-bit FNV-1a of its UTF-8 bytes).
    public static func key(_ imageID: String) -> UInt64 {
        var checksum = Checksum()
        for byte in imageID.utf8 { checksum.update(byte) }
        return checksum.value
    }

    /// Boxes in ascending order of the rank in their hierarchy times a random number (section 3.3), without
    /// duplicates: integer coordinates within the image.
    ///
    /// A function of the image, the options, the seed and `key` alone. An image in which no region reaches
    /// `minimumSide` gives one box, the whole image; an image without pixels gives none.
    /// - Parameters:
    ///   - key: tells images apart, so that each has random numbers of its own; see `key(_:)`.
    ///   - maximumCount: boxes after these are left out.
    ///   - threads: at most one a colour space is of use; the boxes do not depend on it.
    public func boxes(in image: Image, key: UInt64 = 0, maximumCount: Int = .max, threads: Int = 1) -> [Box] {
        guard image.size.pixelCount > 0 else { return [] }
        let reduced = image.reduced(toPixels: options.maximumPixels)
        var random = RandomStream(seed, key)
        var candidates: [(priority: Double, order: Int, bounds: PixelBounds)] = []
        for hierarchy in hierarchies(reduced, threads: threads) {
            let count = hierarchy.bounds.count
            for (index, bounds) in hierarchy.bounds.enumerated() {
                // Rank 1 is the top of the hierarchy, the region made last. Small regions draw a number too, so
                // that another minimumSide does not reorder the rest.
                let priority = Double(count - index) * random.uniform()
                let bounds = bounds.enlarged(from: reduced.size, to: image.size)
                if min(bounds.maxX - bounds.minX, bounds.maxY - bounds.minY) >= options.minimumSide {
                    candidates.append((priority, candidates.count, bounds))
                }
            }
        }
        candidates.sort { ($0.priority, $0.order) < ($1.priority, $1.order) }
        var known: Set<PixelBounds> = []
        var boxes: [Box] = []
        for candidate in candidates {
            if boxes.count >= maximumCount { break }
            if known.insert(candidate.bounds).inserted { boxes.append(Box(candidate.bounds)) }
        }
        if candidates.isEmpty, maximumCount > 0 {
            boxes = [Box(minX: 0, minY: 0, maxX: Double(image.width), maxY: Double(image.height))]
        }
        return boxes
    }

    /// One for each colour space, scale and similarity, in this order.
    private func hierarchies(_ image: Image, threads: Int) -> [RegionHierarchy] {
        // Nothing in it throws.
        try! parallelMap(options.colorSpaces.count, threads: threads) { index in
            var hierarchies: [RegionHierarchy] = []
            let planes = ColorPlanes(image, in: options.colorSpaces[index])
            let bins = PixelBins(planes)
            let edges = SortedGridEdges(planes.smoothed(sigma: options.sigma))
            for scale in options.scales {
                let segmentation = GraphSegmentation(edges, scale: Float(scale), minimumSize: scale)
                let regions = RegionSet(segmentation, bins: bins)
                for similarity in options.similarities {
                    hierarchies.append(RegionHierarchy(regions, similarity: similarity))
                }
            }
            return hierarchies
        }.flatMap { $0 }
    }
}

extension PixelBounds {
    /// The same part of a larger copy of the image, rounded outwards to whole pixels.
    func enlarged(from size: ImageSize, to full: ImageSize) -> PixelBounds {
        if size == full { return self }
        return PixelBounds(
            minX: Int32(Int(minX) * full.width / size.width),
            minY: Int32(Int(minY) * full.height / size.height),
            maxX: Int32((Int(maxX) * full.width + size.width - 1) / size.width),
            maxY: Int32((Int(maxY) * full.height + size.height - 1) / size.height))
    }
}

extension Box {
    init(_ bounds: PixelBounds) {
        self.init(
            minX: Double(bounds.minX), minY: Double(bounds.minY), maxX: Double(bounds.maxX), maxY: Double(bounds.maxY))
    }
}
