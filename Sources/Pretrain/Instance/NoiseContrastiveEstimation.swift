public import Distributed
internal import Foundation
public import Torch

/// Noise-contrastive estimation of the non-parametric softmax with m noise images (Wu et al., equations 4 to 7):
///
/// h(i, v) = P / (P + m·P_n), P = exp(v_iᵀv/τ) / Z, P_n = 1/n,
/// L = −ln h(i, v) − Σ ln(1 − h(i', v)) over the noise images i'.
///
/// Computed on logits: h = σ(l) with l = v_iᵀv/τ − ln(m·P_n·Z), exact where the ratio above would overflow or lose
/// digits. With it −ln h = softplus(−l), −ln(1 − h) = softplus(l), and
/// ∂L/∂v = (−(1 − h(i, v))·v_i + Σ h(i', v)·v_i') / τ.
public struct NoiseContrastiveEstimation {
    private static let softplus = Operator("aten::softplus")

    /// τ
    public let temperature: Double
    /// Z
    public let partition: PartitionEstimate
    public let sampler: NoiseSampler
    /// The processes over whose batches Z is measured together.
    private let world: World

    public init(
        temperature: Double, partition: PartitionEstimate = .init(), sampler: NoiseSampler, world: World = .alone
    ) {
        self.world = world
        self.temperature = temperature
        self.partition = partition
        self.sampler = sampler
    }

    /// `features` [B, D] unit rows, `indices` [B] int64: the image of each row. Draws the noise.
    public func callAsFunction(_ features: Tensor, _ indices: Tensor, _ bank: MemoryBank) -> InstanceLoss {
        loss(features, indices, sampler.draw(for: indices, among: bank.count), bank)
    }

    /// The same for given noise images.
    public func loss(
        _ features: Tensor, _ indices: Tensor, _ noise: NoiseImages, _ bank: MemoryBank
    ) -> InstanceLoss {
        let parts = withoutGradients {
            let v = features.detach()
            let (batch, n) = (v.size(0), Double(bank.count))
            let own = bank.select(indices)  // v_i
            let positive = (v * own).sum([1])  // [B]
            let negative = bank.similarities(v, noise)  // [B, m]
            if partition.isOpen {
                let estimate = (negative * (1 / temperature)).exp().mean().to(dtype: .float64) * n
                partition.add(world.mean(estimate))
            }
            // m·P_n·Z, what exp(similarity/τ) has to exceed to look like data rather than noise.
            let threshold = partition.logarithm + log(Double(noise.perSample) / n)
            let positiveLogit = positive * (1 / temperature) - threshold
            var negativeLogit = negative * (1 / temperature) - threshold
            // A noise image that is the positive itself, where that is not wanted, is sure to be noise: h = 0.
            if let isPositive = noise.excluded { negativeLogit = negativeLogit.maskedFill(isPositive, -.infinity) }
            let losses = Self.softplus(-positiveLogit) + Self.softplus(negativeLogit).sum([1])
            let scale = 1 / (temperature * Double(batch))
            let pull = (-positiveLogit).sigmoid().mul_(-scale)
            let push = negativeLogit.sigmoid().mul_(scale)
            let gradient = own * pull.unsqueeze(1) + bank.weightedSum(noise, push)
            return (losses: losses, gradient: gradient, positives: positive, negatives: negative)
        }
        return InstanceLoss(
            parts.losses, gradient: parts.gradient, features: features, positives: parts.positives,
            negatives: parts.negatives)
    }

    // libtorch's softplus turns linear above its threshold argument; 40 keeps float32 exact.
    private static func softplus(_ x: Tensor) -> Tensor { softplus(.tensor(x), 1.0, 40.0) }
}
