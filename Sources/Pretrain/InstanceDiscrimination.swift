internal import Support
public import Torch
internal import Training

/// The instance objective of a run: projection, memory bank and loss (Wu et al., CVPR 2018).
public final class InstanceDiscrimination {
    /// F → D
    public let projection: Linear
    public let bank: MemoryBank
    private let loss: Loss
    private let proximal: ProximalRegularization?
    private let bankMomentum: Double
    /// Features of the current step, kept for the update of the bank.
    private var current: (indices: Tensor, features: Tensor)?

    private enum Loss {
        case softmax(NonParametricSoftmax)
        case nce(NoiseContrastiveEstimation)
    }

    init(_ options: PretrainOptions, imageCount: Int, featureCount: Int, _ scope: Scope) {
        let recipe = options.recipe
        projection = Linear(scope / "projection", in: featureCount, out: recipe.dimension)
        bank = MemoryBank(
            count: imageCount, dimension: recipe.dimension, generator: scope.generator, device: options.device,
            storage: recipe.bankStorage.dtype)
        switch recipe.loss {
        case .softmax: loss = .softmax(NonParametricSoftmax(temperature: recipe.temperature))
        case .nce:
            // A generator of its own, on the device: drawing a million indices there costs nothing.
            let generator = Generator(seed: RandomStream(options.seed, Self.noiseKey).state, device: options.device)
            loss = .nce(
                NoiseContrastiveEstimation(
                    temperature: recipe.temperature, partition: PartitionEstimate(recipe.partition),
                    sampler: NoiseSampler(
                        negatives: recipe.negatives, mode: recipe.negativesMode,
                        excludesPositive: recipe.excludesPositive, generator: generator)))
        }
        proximal = options.proximal > 0 ? ProximalRegularization(weight: options.proximal) : nil
        bankMomentum = recipe.bankMomentum
    }

    /// Tells the stream of the noise from the others of the same seed.
    private static let noiseKey: UInt64 = 0x6e6f_6973_65

    /// Z of noise-contrastive estimation, once it is known.
    public var partition: Double? { if case .nce(let nce) = loss { nce.partition.value } else { nil } }

    /// Draws the noise of a step; nil for an objective without.
    func drawNoise(for indices: Tensor) -> NoiseImages? {
        guard case .nce(let nce) = loss else { return nil }
        return nce.sampler.draw(for: indices, among: bank.count)
    }

    /// Whether a step does the same operations as the one before.
    var isSteady: Bool { if case .nce(let nce) = loss { nce.partition.isSteady } else { true } }

    /// The loss of a batch and what else it tells, one value each; `embedding` [B, D] float32, `indices` [B] int64.
    func forward(_ embedding: Tensor, _ indices: Tensor, _ noise: NoiseImages?) -> (
        loss: Tensor, values: [(name: String, value: Tensor)]
    ) {
        let features = embedding.l2Normalized()  // [B, D]
        current = (indices, features.detach())
        let result: InstanceLoss
        var values: [(name: String, value: Tensor)] = []
        switch loss {
        case .softmax(let softmax): result = softmax(features, indices, bank)
        case .nce(let nce):
            guard let noise else { preconditionFailure("noise-contrastive estimation needs noise") }
            result = nce.loss(features, indices, noise, bank)
            if let z = nce.partition.tensor { values.append(("z", z)) }
        }
        values += [
            ("positive_similarity", result.positiveSimilarity), ("negative_similarity", result.negativeSimilarity),
        ]
        guard let proximal else { return (result.value, values) }
        let term = proximal(features, bank.select(indices))
        return (result.value + term, values + [("proximal_loss", term)])
    }

    /// Writes the features of the step into the bank.
    func finish() {
        if let current { bank.update(current.indices, with: current.features, momentum: bankMomentum) }
        current = nil
    }

    // MARK: State

    func save(to state: inout Checkpoint) {
        state.tensors.append(("bank", bank.rows))
        guard case .nce(let nce) = loss else { return }
        state.tensors.append(("noise", nce.sampler.generator.state))
        state.state = ["z": nce.partition.state]
    }

    /// False when the checkpoint's bank is of another size.
    func restore(from state: Checkpoint) throws -> Bool {
        guard let saved = state["bank"], saved.shape == bank.rows.shape, saved.dtype == bank.rows.dtype else {
            return false
        }
        bank.rows.copy_(saved)
        if case .nce(let nce) = loss {
            if let noise = state["noise"] { try nce.sampler.generator.restore(noise) }
            nce.partition.restore(state.state["z"], device: bank.rows.device)
        }
        return true
    }
}
