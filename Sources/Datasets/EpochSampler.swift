internal import Support

/// The order in which an epoch visits the images: a permutation that depends on seed and epoch alone.
public struct EpochSampler: Hashable, Sendable {
    public var count: Int
    public var seed: UInt64
    public var epoch: Int

    public init(count: Int, seed: UInt64, epoch: Int) {
        self.count = count
        self.seed = seed
        self.epoch = epoch
    }

    public var order: [Int] {
        var random = RandomStream(seed, UInt64(epoch))
        return random.permutation(count)
    }
}
