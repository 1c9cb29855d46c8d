public import Imaging
internal import Support

/// The full batches of a training, epoch after epoch, each epoch in an order of its own.
///
/// Which images make up a step depends on seed and step alone, so a training goes on from any step as if it had never
/// stopped. Incomplete batches are left out: batch norm over a few images would be another training.
public final class EpochBatches {
    public let batchSize: Int
    public let stepsPerEpoch: Int

    private let data: any ImageCollection
    private let views: [ImagePipeline]
    private let cut: PatchCut?
    private let defersChanges: Bool
    private let seed: UInt64
    private let workers: Int
    private let policy: BadImagePolicy
    private var loader: BatchLoader?

    /// The parameters are those of `BatchLoader`. Traps when there are fewer images than a batch has.
    public init(
        _ data: any ImageCollection, batchSize: Int, views: [ImagePipeline], cut: PatchCut? = nil,
        defersChanges: Bool = false, seed: UInt64, workers: Int, onBadImage policy: BadImagePolicy = .stop
    ) {
        precondition(data.count >= batchSize, "\(data.count) images make no batch of \(batchSize)")
        self.data = data
        self.batchSize = batchSize
        self.views = views
        self.cut = cut
        self.defersChanges = defersChanges
        self.seed = seed
        self.workers = workers
        self.policy = policy
        stepsPerEpoch = data.count / batchSize
    }

    /// The batch of a step, counted over all epochs; steps are asked for in order, from any one on.
    ///
    /// - Throws: `InputError` naming an image that cannot be read.
    public func batch(atStep step: Int) throws -> HostBatch {
        let (epoch, position) = (step / stepsPerEpoch, step % stepsPerEpoch)
        if loader == nil || position == 0 {
            loader = BatchLoader(
                data, order: EpochSampler(count: data.count, seed: seed, epoch: epoch).order, batchSize: batchSize,
                dropLast: true, views: views, cut: cut, defersChanges: defersChanges, seed: seed, epoch: epoch,
                workers: workers, startBatch: position, onBadImage: policy)
        }
        // A step without images is none: what may be left out is left out before a training begins, see `readable`.
        guard let batch = try loader?.next(), loader?.position == position + 1 else {
            throw InputError(
                data.source, "every image of batch \(position) of epoch \(epoch) is unreadable",
                remedy: "leave them out of the data")
        }
        return batch
    }

    /// Where the images of a batch are.
    public func paths(of batch: HostBatch) -> () -> [String] {
        let (data, indices) = (data, batch.indices)
        return { indices.map(data.path) }
    }
}
