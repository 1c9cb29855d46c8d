public import Support
public import Torch

/// Whether every sample of a batch has noise images of its own.
public enum NegativesMode: String, CaseIterable, Sendable {
    /// m images for each sample, as the paper and its reference code.
    case perSample = "per-sample"
    /// The same m images for the whole batch: one matrix product instead of B·m scattered rows.
    case shared
}

/// Noise images drawn for a batch.
public struct NoiseImages {
    /// [B, m] int64, or [m] when the batch shares them.
    public let indices: Tensor
    /// [B, m] bool: where a shared noise image is the sample's own image and is not to count; nil for nowhere.
    public let excluded: Tensor?

    public init(_ indices: Tensor, excluded: Tensor? = nil) {
        self.indices = indices
        self.excluded = excluded
    }

    public var isShared: Bool { indices.rank == 1 }
    /// m
    public var perSample: Int { indices.size(-1) }
}

/// Draws noise images uniformly from the bank, with replacement.
public struct NoiseSampler {
    /// m
    public let negatives: Int
    public let mode: NegativesMode
    /// Whether a sample's own image is kept from being its noise; the reference code does not care.
    public let excludesPositive: Bool
    /// On the device of the bank.
    public let generator: Generator

    public init(
        negatives: Int, mode: NegativesMode = .perSample, excludesPositive: Bool = false, generator: Generator
    ) {
        precondition(negatives > 0, "noise-contrastive estimation needs at least one negative")
        self.negatives = negatives
        self.mode = mode
        self.excludesPositive = excludesPositive
        self.generator = generator
    }

    /// Noise for the images `indices` ([B] int64) among n.
    ///
    /// - Parameter share: Which part of a batch of so many equal ones the images are: what is drawn is that of the whole batch.
    public func draw(for indices: Tensor, among n: Int, share: Share = .whole) -> NoiseImages {
        precondition(!excludesPositive || n > 1, "a bank of one image has no other image")
        let own = indices.unsqueeze(1)  // [B, 1]
        func draw(_ shape: [Int], below bound: Int) -> Tensor {
            Tensor.empty(shape, dtype: .int64, device: generator.device).random_(0, bound, generator)
        }
        switch mode {
        case .perSample:
            let count = indices.size(0)
            func drawOwn(below bound: Int) -> Tensor {
                let all = draw([count * share.size, negatives], below: bound)
                return share.size == 1 ? all : all.narrow(0, share.rank * count, count).contiguous()
            }
            guard excludesPositive else { return NoiseImages(drawOwn(below: n)) }
            // Uniform over the n − 1 others: what lies at or above the own index moves up by one.
            let drawn = drawOwn(below: n - 1)
            return NoiseImages(drawn + (drawn - own).greaterOrEqual(0).to(dtype: .int64))
        case .shared:
            let drawn = draw([negatives], below: n)
            return NoiseImages(drawn, excluded: excludesPositive ? own.equal(drawn.unsqueeze(0)) : nil)
        }
    }
}

extension Generator {
    /// Tells the stream of the noise from the others of the same seed.
    private static let noiseKey: UInt64 = 0x6e6f_6973_65

    /// What draws the noise of a run: a generator of its own, on the device, where drawing a million indices costs nothing.
    static func noise(seed: UInt64, device: Device) -> Generator {
        Generator(seed: RandomStream(seed, noiseKey).state, device: device)
    }
}
