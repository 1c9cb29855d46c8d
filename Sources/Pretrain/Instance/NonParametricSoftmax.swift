public import Torch

/// The non-parametric softmax over all n images of the bank (Wu et al., equation 2):
///
/// P(i|v) = exp(v_iᵀv/τ) / Σ_j exp(v_jᵀv/τ), L = −ln P(i|v), ∂L/∂v = (Σ_j P(j|v)·v_j − v_i) / τ.
///
/// The bank is read in blocks of rows and the sums are carried along as running maximum, sum and weighted sum, so that
/// a bank of a million rows needs no [B, n] matrix.
public struct NonParametricSoftmax: Sendable, Hashable {
    /// τ
    public var temperature: Double
    /// Rows of the bank looked at together; nil for what suits the device: little memory, or few calls.
    public var blockRows: Int?

    public init(temperature: Double) { self.temperature = temperature }

    /// `features` [B, D] unit rows, `indices` [B] int64: the image of each row.
    public func callAsFunction(_ features: Tensor, _ indices: Tensor, _ bank: MemoryBank) -> InstanceLoss {
        let parts = withoutGradients {
            let v = features.detach()
            let (batch, n) = (v.size(0), bank.count)
            var largest = Tensor.full([batch, 1], -.infinity, device: v.device)
            var sum = Tensor.zeros([batch, 1], device: v.device)
            var weighted = Tensor.zeros([batch, bank.dimension], device: v.device)  // Σ exp(s_j) v_j
            let similarities = Tensor.zeros([batch], device: v.device)
            let step = blockRows ?? (v.device.kind == .cpu ? 2_048 : 65_536)
            for start in stride(from: 0, to: n, by: step) {
                let rows = bank.block(start..<min(start + step, n))  // [c, D]
                let cosines = v.matmul(rows.transpose())  // [B, c]
                similarities.add_(cosines.sum([1]))
                let s = cosines.mul_(1 / temperature)
                let next = largest.maximum(s.max(1, keepDimensions: true).values)
                let shrink = (largest - next).exp()
                let p = (s - next).exp()
                sum = sum * shrink + p.sum([1], keepDimensions: true)
                weighted = weighted * shrink + p.matmul(rows)
                largest = next
            }
            let own = bank.select(indices)  // v_i
            let positive = (v * own).sum([1])
            let losses = (largest + sum.log()).squeeze(1) - positive * (1 / temperature)
            let gradient = (weighted / sum - own) * (1 / (temperature * Double(batch)))
            let others = (similarities - positive) * (1 / Double(max(1, n - 1)))
            return (losses: losses, gradient: gradient, positives: positive, negatives: others)
        }
        return InstanceLoss(
            parts.losses, gradient: parts.gradient, features: features, positives: parts.positives,
            negatives: parts.negatives)
    }
}
