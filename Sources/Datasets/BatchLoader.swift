public import Imaging
internal import Support

/// Reads, decodes and augments images on worker threads and hands them out batch by batch, in order.
///
/// Each sample's random choices come from `RandomStream(seed, epoch, index)`, so the batches are the same for any
/// number of workers and any batch to start from. Dropping the loader stops its threads.
public final class BatchLoader {
    public let batchSize: Int
    /// Batches in the whole order, those before `startBatch` included.
    public let batchCount: Int
    /// Number of the batch that `next()` looks at next, counted from 0.
    public private(set) var position: Int
    /// Images left out so far.
    public private(set) var skippedCount = 0

    private let samples: SampleLoader
    private let policy: BadImagePolicy
    private let workers: WorkerPool<Chunk>?
    private var nextChunk = 0
    private var failure: (any Error)?

    /// Samples a worker takes at a time: few enough that all workers share a batch and the first one comes soon.
    private static let chunkSize = 16

    /// A loader of one view of each image; see the other initializer.
    public convenience init(
        _ collection: any ImageCollection, order: [Int], batchSize: Int, dropLast: Bool = false,
        pipeline: ImagePipeline, defersChanges: Bool = false, seed: UInt64, epoch: Int, workers: Int = 2,
        prefetch: Int = 2, startBatch: Int = 0, onBadImage policy: BadImagePolicy = .stop
    ) {
        self.init(
            collection, order: order, batchSize: batchSize, dropLast: dropLast, views: [pipeline],
            defersChanges: defersChanges, seed: seed, epoch: epoch, workers: workers, prefetch: prefetch,
            startBatch: startBatch, onBadImage: policy)
    }

    /// - Parameters:
    ///   - order: indices into `collection`, cut into batches from the front.
    ///   - dropLast: leaves out the last batch when it is not full.
    ///   - views: what is made of each image, each time drawn anew; all of one size.
    ///   - cut: cuts the only view into the pictures of a sample; its changes are then not put off.
    ///   - defersChanges: leaves the steps at the end of the pipeline that keep the size to whoever gets the batch, their
    ///     random choices drawn in `HostBatch.changes`: for a device that does them faster than the workers.
    ///   - workers: threads; 0 does the work inside `next()`.
    ///   - prefetch: batches that may lie ready or be in work ahead of the consumer; at least 1.
    ///   - startBatch: the first batch to give, to resume in the middle of an epoch.
    public init(
        _ collection: any ImageCollection, order: [Int], batchSize: Int, dropLast: Bool = false,
        views: [ImagePipeline], cut: PatchCut? = nil, defersChanges: Bool = false, seed: UInt64, epoch: Int,
        workers: Int = 2, prefetch: Int = 2, startBatch: Int = 0, onBadImage policy: BadImagePolicy = .stop
    ) {
        precondition(!views.isEmpty, "a loader needs a view")
        precondition(cut == nil || views.count == 1, "patches are cut from a single view")
        precondition(batchSize > 0 && workers >= 0 && prefetch > 0, "a loader needs a batch size and a prefetch depth")
        precondition(startBatch >= 0 && epoch >= 0, "epochs and batches are counted from 0")
        self.batchSize = batchSize
        batchCount = dropLast ? order.count / batchSize : (order.count + batchSize - 1) / batchSize
        position = startBatch
        self.policy = policy
        let samples = SampleLoader(
            collection: collection, order: order, views: views, cut: cut, defersChanges: defersChanges && cut == nil,
            seed: seed, epoch: epoch, policy: policy)
        self.samples = samples
        guard workers > 0, startBatch < batchCount else {
            self.workers = nil
            return
        }
        let perBatch = Self.chunks(ofBatch: startBatch, batchSize: batchSize, sampleCount: order.count).count
        let total = (startBatch..<batchCount).last.map { last in
            (last - startBatch) * perBatch
                + Self.chunks(ofBatch: last, batchSize: batchSize, sampleCount: order.count).count
        }
        self.workers = WorkerPool(threads: workers, jobs: total ?? 0, depth: prefetch * perBatch) { job in
            let batch = startBatch + job / perBatch
            let chunks = Self.chunks(ofBatch: batch, batchSize: batchSize, sampleCount: order.count)
            return try samples.load(chunks[job % perBatch])
        }
    }

    /// The next batch; nil after the last one. Blocks until it is ready. A batch of which every image is left out is passed
    /// over.
    ///
    /// - Throws: `InputError` naming the image, in the batch it belongs to, and again on every later call.
    public func next() throws -> HostBatch? {
        if let failure { throw failure }
        while position < batchCount {
            do {
                let batch = try assemble()
                position += 1
                if let batch { return batch }
            } catch {
                failure = error
                throw error
            }
        }
        return nil
    }

    /// nil when every image of the batch is left out.
    private func assemble() throws -> HostBatch? {
        var chunks: [Chunk] = []
        for range in Self.chunks(ofBatch: position, batchSize: batchSize, sampleCount: samples.order.count) {
            chunks.append(try workers?.take(nextChunk) ?? samples.load(range))
            nextChunk += 1
        }
        for problem in chunks.flatMap(\.problems) {
            if !problem.isUsed { skippedCount += 1 }
            policy.report(problem)
        }
        guard let size = chunks.lazy.compactMap(\.size).first else { return nil }
        for chunk in chunks {
            if let other = chunk.size {
                try checkSize(other, size, name: samples.collection.path(chunk.indices[0]))
            }
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(chunks.reduce(0) { $1.pixels.reduce($0) { $0 + $1.count } })
        let pictures = 0..<samples.pictureCount
        for picture in pictures { for chunk in chunks { pixels += chunk.pixels[picture] } }
        return HostBatch(
            pixels: pixels, size: size, viewCount: pictures.count, indices: chunks.flatMap(\.indices),
            labels: chunks.flatMap(\.labels),
            changes: pictures.flatMap { picture in chunks.flatMap { $0.changes[picture] } },
            choices: chunks.flatMap(\.choices))
    }

    /// The positions in the order that make up a batch, cut into the pieces workers take.
    private static func chunks(ofBatch batch: Int, batchSize: Int, sampleCount: Int) -> [Range<Int>] {
        let end = min((batch + 1) * batchSize, sampleCount)
        return stride(from: batch * batchSize, to: end, by: chunkSize).map { $0..<min($0 + chunkSize, end) }
    }
}
