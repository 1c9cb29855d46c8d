internal import Foundation
public import Torch

/// The non-parametric softmax over all n images of the bank:
/// L = −ln P(i|v), P(i|v) = exp(v_iᵀv/τ) / Σ_j exp(v_jᵀv/τ) (Wu et al., equation 2).
public struct NonParametricSoftmax: Sendable, Hashable {
    /// τ
    public var temperature: Double

    public init(temperature: Double) { self.temperature = temperature }

    /// Mean over the batch; `features` [B, D] unit rows, `indices` [B] int64.
    public func callAsFunction(_ features: Tensor, _ indices: Tensor, _ bank: MemoryBank) -> Tensor {
        let similarities = features.matmul(bank.rows.transpose())  // [B, n]
        return (similarities * (1 / temperature)).crossEntropy(indices)
    }
}

/// Noise-contrastive estimation of that softmax with m noise images a sample (Wu et al., equations 4 to 7):
///
/// h(i, v) = P / (P + m·P_n), P = exp(v_iᵀv/τ) / Z, P_n = 1/n,
/// L = −ln h(i, v) − Σ ln(1 − h(i', v)) over the noise images i'.
///
/// Computed on logits: h = σ(l) with l = vᵀv_i/τ − ln Z − ln(m/n), which is exact where the ratio above would
/// overflow or lose digits.
public final class NoiseContrastiveEstimation {
    private static let softplus = Operator("aten::softplus")

    public let temperature: Double
    /// m
    public let negatives: Int
    /// Z of equation 7: n · mean of exp(v_jᵀv/τ) over the noise of the first batch, then constant; nil before.
    public internal(set) var normalizer: Double?
    private let generator: Generator

    public init(temperature: Double, negatives: Int, generator: Generator) {
        precondition(negatives > 0, "noise-contrastive estimation needs at least one negative")
        self.temperature = temperature
        self.negatives = negatives
        self.generator = generator
    }

    /// Mean over the batch of the sum over positive and noise; `features` [B, D] unit rows, `indices` [B] int64.
    ///
    /// Noise images are drawn uniformly from the whole bank with replacement, as in the reference code.
    public func callAsFunction(_ features: Tensor, _ indices: Tensor, _ bank: MemoryBank) -> Tensor {
        let (batch, n) = (features.size(0), bank.count)
        let noise = Tensor.empty([batch * negatives], dtype: .int64, device: generator.device)
            .random_(0, n, generator).to(device: features.device)
        return loss(features, indices, noise, bank)
    }

    /// The same for given noise images ([B · m] int64, those of the first sample first).
    public func loss(_ features: Tensor, _ indices: Tensor, _ noise: Tensor, _ bank: MemoryBank) -> Tensor {
        let (batch, dimension, n) = (features.size(0), bank.dimension, Double(bank.count))
        let positive = (features * bank.select(indices)).sum([1])  // [B]
        let noiseRows = bank.select(noise).reshape(batch, negatives, dimension)
        let negative = noiseRows.bmm(features.unsqueeze(2)).squeeze(2)  // [B, m]
        if normalizer == nil {
            normalizer = withoutGradients { n * (negative * (1 / temperature)).exp().mean().item }
        }
        // ln(m·P_n·Z), what a similarity has to exceed to look like data rather than noise.
        let threshold = log(Double(negatives) / n * normalizer!)
        let positiveLogit = positive * (1 / temperature) - threshold
        let negativeLogit = negative * (1 / temperature) - threshold
        // −ln σ(l) = softplus(−l); −ln(1 − σ(l)) = softplus(l).
        let total = softplus(-positiveLogit).sum() + softplus(negativeLogit).sum()
        return total * (1 / Double(batch))
    }

    // libtorch's softplus turns linear above its threshold argument; 40 keeps float32 exact.
    private func softplus(_ x: Tensor) -> Tensor { Self.softplus(.tensor(x), 1.0, 40.0) }
}
