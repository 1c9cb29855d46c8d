public import Imaging
public import Support

/// The full batches of a training, epoch after epoch, each epoch in an order of its own.
///
/// Which images make up a step depends on seed and step alone, so a training goes on from any step as if it had never
/// stopped. Incomplete batches are left out: batch norm over a few images would be another training.
public final class EpochBatches {
    /// Images of a step, those of other processes included.
    public let batchSize: Int
    public let stepsPerEpoch: Int

    private let data: any ImageCollection
    private let views: [ImagePipeline]
    private let cut: PatchCut?
    private let defersChanges: Bool
    private let seed: UInt64
    private let workers: Int
    private let policy: BadImagePolicy
    private let share: Share
    private var loader: BatchLoader?

    /// The parameters are those of `BatchLoader`. Traps when there are fewer images than a batch has.
    ///
    /// - Parameter share: The part of each batch to give, of as many equal ones: rows r·B/W ..< (r + 1)·B/W.
    public init(
        _ data: any ImageCollection, batchSize: Int, views: [ImagePipeline], cut: PatchCut? = nil,
        defersChanges: Bool = false, seed: UInt64, workers: Int, onBadImage policy: BadImagePolicy = .stop,
        share: Share = .whole
    ) {
        precondition(batchSize % share.size == 0, "\(batchSize) images do not split into \(share.size) parts")
        precondition(data.count >= batchSize, "\(data.count) images make no batch of \(batchSize)")
        self.data = data
        self.batchSize = batchSize
        self.views = views
        self.cut = cut
        self.defersChanges = defersChanges
        self.seed = seed
        self.workers = workers
        self.policy = policy
        self.share = share
        stepsPerEpoch = data.count / batchSize
    }

    /// The batch of a step, counted over all epochs; steps are asked for in order, from any one on.
    ///
    /// - Throws: `InputError` naming an image that cannot be read.
    public func batch(atStep step: Int) throws -> HostBatch {
        let (epoch, position) = (step / stepsPerEpoch, step % stepsPerEpoch)
        if loader == nil || position == 0 {
            loader = BatchLoader(
                data, order: order(ofEpoch: epoch), batchSize: batchSize / share.size, dropLast: true, views: views,
                cut: cut, defersChanges: defersChanges, seed: seed, epoch: epoch,
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

    /// What this share gives of an epoch, batch after batch.
    private func order(ofEpoch epoch: Int) -> [Int] {
        let order = EpochSampler(count: data.count, seed: seed, epoch: epoch).order
        if share.size == 1 { return order }
        let part = batchSize / share.size
        return (0..<stepsPerEpoch).flatMap { step in
            let start = step * batchSize + share.rank * part
            return order[start..<start + part]
        }
    }

    /// Where the images of a batch are.
    public func paths(of batch: HostBatch) -> () -> [String] {
        let (data, indices) = (data, batch.indices)
        return { indices.map(data.path) }
    }
}
