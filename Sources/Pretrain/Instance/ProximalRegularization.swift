public import Torch

/// The proximal term λ‖v^(t) − v^(t−1)‖² (Wu et al., equation 9): keeps the features of an image near its row of the
/// bank, so that a network that sees each image once an epoch changes smoothly.
public struct ProximalRegularization: Hashable, Sendable {
    /// λ
    public var weight: Double

    public init(weight: Double) { self.weight = weight }

    /// Mean over the batch; `features` and `memory`, the bank's rows of the same images: [B, D] unit rows.
    public func callAsFunction(_ features: Tensor, _ memory: Tensor) -> Tensor {
        (features - memory).square().sum([1]).mean() * weight
    }
}
