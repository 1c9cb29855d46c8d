public import Torch

/// What an instance objective makes of a batch: tensors of one value each, which nobody has waited for.
public struct InstanceLoss {
    /// The mean over the batch; differentiable with respect to the features it was made of.
    public var value: Tensor
    /// Mean of v_iᵀv between the features and their own rows of the bank.
    public var positiveSimilarity: Tensor
    /// Mean of v_jᵀv between the features and the rows that stand for other images.
    public var negativeSimilarity: Tensor

    /// Joins a loss computed outside the graph, [B] per sample, with its gradient ∂(mean)/∂features [B, D].
    init(_ losses: Tensor, gradient: Tensor, features: Tensor, positives: Tensor, negatives: Tensor) {
        value = losses.mean().withGradient(gradient, of: features)
        positiveSimilarity = positives.mean()
        negativeSimilarity = negatives.mean()
    }
}

/// How the instance objective is computed.
public enum InstanceLossKind: String, CaseIterable, Sendable {
    /// Noise-contrastive estimation with `negatives` samples.
    case nce
    /// The full softmax over the bank.
    case softmax
}
