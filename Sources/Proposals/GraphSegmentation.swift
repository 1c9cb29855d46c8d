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
        let forest = PixelForest(pixelCount: size.pixelCount)
        edges.withEdges { keys in
            // Edges that phase two still has to see.
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: keys.count) { left in
                let leftCount = forest.joinSimilar(
                    keys, steps: edges.steps, scale: scale, minimumSize: Int32(clamping: minimumSize), left: left)
                forest.joinSmall(left[..<leftCount], steps: edges.steps, minimumSize: Int32(clamping: minimumSize))
            }
        }
        (labels, count) = forest.labels()
    }
}
