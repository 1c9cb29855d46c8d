public import Boxes
internal import Datasets
public import Distributed
internal import Imaging
internal import Support
internal import Training

/// Runs a detector over a set of images.
public struct DetectionTest {
    public let set: DetectionSet
    public var workers = 2
    /// The processes that share the images. Each gets the detections of all.
    public var world = World.alone

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
        if world.size > 1 { return try together(detector, journal, &results, progress) }
        let missing = results.indices.filter { results[$0] == nil }
        let pool = pool(of: missing, config)
        for (job, i) in missing.enumerated() {
            let detections = try detect(job, of: pool, detector)
            try journal?.append(detections, for: set.ids[i])
            results[i] = detections
            try progress(set.count - missing.count + job + 1)
        }
        return detector.filter.appliedToSet(results.map { $0 ?? [] }, classCount: config.classes.count)
    }

    /// The images to look at, read and scaled ahead.
    private func pool(of images: [Int], _ config: DetectorConfig) -> WorkerPool<Prepared> {
        let set = set
        return WorkerPool<Prepared>(threads: max(1, workers), jobs: images.count, depth: 2 * max(1, workers)) { job in
            let image = try set.images.image(images[job])
            return Prepared(
                image: image.resized(to: config.inputSize(image.size)), originalSize: image.size,
                proposals: set.boxes(images[job], limit: config.proposals))
        }
    }

    private func detect(_ job: Int, of pool: WorkerPool<Prepared>, _ detector: Detector) throws -> [Detection] {
        let prepared = try detector.profile.measure("wait for images") { try pool.take(job) }
        return detector.detect(
            prepared.image, originalSize: prepared.originalSize, proposals: prepared.proposals)
    }

    /// Images that a process looks at between two exchanges of what was found.
    private static let round = 4

    /// The same by several processes: of each so many images that are missing each takes its part. What is missing the leader
    /// knows, who keeps the journal.
    private func together(
        _ detector: Detector, _ journal: DetectionJournal?, _ results: inout [[Detection]?],
        _ progress: (Int) throws -> Void
    ) throws -> [[Detection]] {
        let found = results.indices.filter { results[$0] != nil }
        let known = try DetectionJournal.entries(
            of: world.leaders { DetectionJournal.lines(found.map { (set.ids[$0], results[$0] ?? []) }) },
            classCount: detector.config.classes.count)
        for i in set.ids.indices { results[i] = known[set.ids[i]] }
        let missing = results.indices.filter { results[$0] == nil }
        let (size, step) = (world.size, world.size * Self.round)
        let own = missing.indices.filter { $0 % step / Self.round == world.rank }
        let pool = pool(of: own.map { missing[$0] }, detector.config)
        var (done, job) = (set.count - missing.count, 0)
        for start in stride(from: 0, to: missing.count, by: step) {
            var mine: [(id: String, detections: [Detection])] = []
            while job < own.count, own[job] < start + step {
                mine.append((set.ids[missing[own[job]]], try detect(job, of: pool, detector)))
                job += 1
            }
            let lines = try world.gather(bytes: Array(DetectionJournal.lines(mine).utf8))
            let all = try lines.map {
                try DetectionJournal.entries(
                    of: String(decoding: $0, as: UTF8.self), classCount: detector.config.classes.count)
            }
            let range = start..<min(start + step, missing.count)
            for (place, i) in zip(range, missing[range]) {
                let detections = all[place % step / Self.round % size][set.ids[i]] ?? []
                results[i] = detections
                try journal?.append(detections, for: set.ids[i])
            }
            done += range.count
            try progress(done)
        }
        return detector.filter.appliedToSet(results.map { $0 ?? [] }, classCount: detector.config.classes.count)
    }
}
