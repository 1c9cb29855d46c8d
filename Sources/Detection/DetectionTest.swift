public import Boxes
internal import Datasets
internal import Imaging
internal import Support
internal import Training

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
    ///
    /// - Parameter journal: Receives each image's detections, and gives those that an earlier run has found.
    public func run(
        _ detector: Detector, journal: DetectionJournal? = nil, progress: (Int) throws -> Void = { _ in }
    ) throws -> [[Detection]] {
        let (set, config) = (set, detector.config)
        var results = set.ids.map { journal?.found[$0] }
        let missing = results.indices.filter { results[$0] == nil }
        let pool = WorkerPool<Prepared>(
            threads: max(1, workers), jobs: missing.count, depth: 2 * max(1, workers)
        ) { job in
            let i = missing[job]
            let image = try set.images.image(i)
            return Prepared(
                image: image.resized(to: config.inputSize(image.size)), originalSize: image.size,
                proposals: set.boxes(i, limit: config.proposals))
        }
        for (job, i) in missing.enumerated() {
            let prepared = try detector.profile.measure("wait for images") { try pool.take(job) }
            let detections = detector.detect(
                prepared.image, originalSize: prepared.originalSize, proposals: prepared.proposals)
            try journal?.append(detections, for: set.ids[i])
            results[i] = detections
            try progress(set.count - missing.count + job + 1)
        }
        return detector.filter.appliedToSet(results.map { $0 ?? [] }, classCount: config.classes.count)
    }
}
