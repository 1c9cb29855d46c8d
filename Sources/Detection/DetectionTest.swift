public import Boxes
internal import Datasets
internal import Imaging
internal import Support

/// Runs a detector over a set of images.
public struct DetectionTest {
    public let set: DetectionSet
    public var workers = 2

    public init(_ set: DetectionSet) { self.set = set }

    private struct Prepared: Sendable {
        var image: Image
        var originalSize: ImageSize
        var proposals: [Box]
    }

    /// Detections of every image, in the order of the set; `progress` gets the number of images done.
    public func run(_ detector: Detector, progress: (Int) throws -> Void = { _ in }) throws -> [[Detection]] {
        let (set, config) = (set, detector.config)
        let pool = WorkerPool<Prepared>(threads: max(1, workers), jobs: set.count, depth: 2 * max(1, workers)) { i in
            let image = try Image.decode(set.images.data(i), name: set.images.path(i))
            return Prepared(
                image: image.resized(to: config.inputSize(image.size)), originalSize: image.size,
                proposals: set.boxes(i, limit: config.proposals))
        }
        return try (0..<set.count).map { i in
            let prepared = try pool.take(i)
            let detections = detector.detect(
                prepared.image, originalSize: prepared.originalSize, proposals: prepared.proposals)
            try progress(i + 1)
            return detections
        }
    }
}
