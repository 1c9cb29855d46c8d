public import Torch

/// One unit vector for every training image, as it was when the image was last seen (Wu et al., section 3.1).
public final class MemoryBank {
    /// [n, D], rows of unit length, float32 or bfloat16.
    public let rows: Tensor

    public var count: Int { rows.size(0) }
    public var dimension: Int { rows.size(1) }

    /// Rows drawn together: so few that copies of a block do not count.
    private static let blockRows = 2_048
    /// Values of gathered rows held at once, 64 MB of float32.
    private static let gatheredValues = 1 << 24

    /// Random directions, uniform on the sphere.
    ///
    /// - Parameter storage: float32, or bfloat16 for half the memory; sums are always taken in float32.
    public init(
        count: Int, dimension: Int, generator: Generator, device: Device = .cpu, storage: DType = .float32
    ) {
        precondition(storage == .float32 || storage == .bfloat16, "a memory bank of \(storage)")
        rows = Tensor.empty([count, dimension], dtype: storage, device: device)
        // Rows are read at random: with pages of 4 KB nearly each of them would first have to be found.
        rows.preferHugePages()
        for start in stride(from: 0, to: count, by: Self.blockRows) {
            let length = min(Self.blockRows, count - start)
            rows.narrow(0, start, length).copy_(
                Tensor.randn([length, dimension], generator: generator).l2Normalized())
        }
    }

    /// The rows of these images ([B] int64), copied, float32.
    public func select(_ indices: Tensor) -> Tensor { rows.indexSelect(0, indices).to(dtype: .float32) }

    /// Neighbouring rows as float32; a view where they are stored so.
    public func block(_ range: Range<Int>) -> Tensor {
        rows.narrow(0, range.lowerBound, range.count).to(dtype: .float32)
    }

    /// v ← normalise(m · v + (1 − m) · f) for the images of a batch; f: [B, D] unit rows.
    ///
    /// m = 0 is the paper's update, m = .5 the reference code's.
    public func update(_ indices: Tensor, with features: Tensor, momentum: Double) {
        withoutGradients {
            let features = features.detach().to(dtype: .float32)
            let mixed = momentum == 0 ? features : select(indices) * momentum + features * (1 - momentum)
            rows.indexCopy_(0, indices, mixed.l2Normalized().to(dtype: rows.dtype))
        }
    }

    // MARK: Products with scattered rows

    private static let bagWeightGradient = Operator("aten::_embedding_bag_per_sample_weights_backward")
    private static let sum = 0

    /// v_jᵀf between each feature ([B, D] float32) and its noise images' rows: [B, m].
    func similarities(_ features: Tensor, _ noise: NoiseImages) -> Tensor {
        if noise.isShared { return features.matmul(select(noise.indices).transpose()) }
        let (batch, m) = (features.size(0), noise.perSample)
        guard rows.dtype == .float32 else {
            return Tensor.cat(
                samples(batch, m).map { range in
                    gathered(noise, range).bmm(features.narrow(0, range.lowerBound, range.count).unsqueeze(2))
                        .squeeze(2)
                })
        }
        // The gradient of a weighted bag of rows with respect to its weights is this product, without a copy of the
        // rows.
        let bags = Tensor.arange(batch, device: features.device)
        return Self.bagWeightGradient(
            .tensor(features.contiguous()), .tensor(rows), .tensor(noise.indices.reshape(-1)),
            .tensor(Tensor.arange(batch, step: m, device: features.device)),
            .tensor(bags.unsqueeze(1).expand(-1, m).reshape(-1).contiguous()), .int(Self.sum)
        ).reshape(batch, m)
    }

    /// Σ_k w_bk · v_noise(b, k): weights [B, m] float32 → [B, D].
    func weightedSum(_ noise: NoiseImages, _ weights: Tensor) -> Tensor {
        if noise.isShared { return weights.matmul(select(noise.indices)) }
        let (batch, m) = (weights.size(0), noise.perSample)
        guard rows.dtype == .float32 else {
            return Tensor.cat(
                samples(batch, m).map { range in
                    weights.narrow(0, range.lowerBound, range.count).unsqueeze(1).bmm(gathered(noise, range)).squeeze(1)
                })
        }
        return rows.weightedRowSums(noise.indices.reshape(-1), weights.reshape(-1), perBag: m)
    }

    /// Ranges of the batch whose rows are gathered together.
    private func samples(_ batch: Int, _ m: Int) -> [Range<Int>] {
        let step = max(1, Self.gatheredValues / (m * dimension))
        return stride(from: 0, to: batch, by: step).map { $0..<min($0 + step, batch) }
    }

    /// The noise images' rows of some samples: [b, m, D] float32.
    private func gathered(_ noise: NoiseImages, _ range: Range<Int>) -> Tensor {
        select(noise.indices.narrow(0, range.lowerBound, range.count).reshape(-1))
            .reshape(range.count, noise.perSample, dimension)
    }
}
