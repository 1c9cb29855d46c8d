public import Imaging
public import Support

/// The images of a set in order, once each and as the pipeline of a test gives them: the one loop of all that looks at
/// images without learning from them.
public struct TestBatches {
    public var batchSize: Int
    public var pipeline: ImagePipeline
    public var workers: Int
    public var onBadImage: BadImagePolicy

    public init(batchSize: Int = 64, pipeline: ImagePipeline, workers: Int, onBadImage: BadImagePolicy = .stop) {
        self.batchSize = batchSize
        self.pipeline = pipeline
        self.workers = workers
        self.onBadImage = onBadImage
    }

    /// Calls `body` with each batch, then `progress` with the number of images done.
    ///
    /// - Throws: `InputError` naming an image that cannot be read, or a set of which none can, and what `body` and `progress` throw.
    public func forEach(
        of images: any ImageCollection, progress: (Int) throws -> Void, _ body: (HostBatch) throws -> Void
    ) throws {
        let loader = BatchLoader(
            images, order: Array(0..<images.count), batchSize: batchSize, pipeline: pipeline, seed: 0, epoch: 0,
            workers: workers, onBadImage: onBadImage)
        var done = 0
        while let batch = try loader.next() {
            try body(batch)
            done += batch.count
            try progress(done)
        }
        if done == 0 { throw InputError(images.source, "has no image that can be read", remedy: "fetch them again") }
    }

    /// The same by several processes: of each so many batches one goes to every process, in order, so that batches are those of a
    /// single process. `body` is called equally often in all of them, with nil where there is no batch for this one.
    ///
    /// - Parameter body: Gives the number of images that all have done.
    public func forEach(
        of images: any ImageCollection, share: Share, progress: (Int) throws -> Void, _ body: (HostBatch?) throws -> Int
    ) throws {
        let batches = (0..<(images.count + batchSize - 1) / batchSize)
        let order = batches.filter { $0 % share.size == share.rank }.flatMap { batch in
            batch * batchSize..<min((batch + 1) * batchSize, images.count)
        }
        let loader = BatchLoader(
            images, order: order, batchSize: batchSize, pipeline: pipeline, seed: 0, epoch: 0, workers: workers,
            onBadImage: onBadImage)
        var (done, next) = (0, try loader.next())
        for round in 0..<(batches.count + share.size - 1) / share.size {
            // A batch of which no image can be read is passed over.
            let isHere = next != nil && loader.position == round + 1
            done += try body(isHere ? next : nil)
            if isHere { next = try loader.next() }
            try progress(done)
        }
        if done == 0 { throw InputError(images.source, "has no image that can be read", remedy: "fetch them again") }
    }
}
