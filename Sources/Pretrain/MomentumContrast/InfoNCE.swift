package import Torch

/// One key among many: −ln e^{q·k⁺/τ} / (e^{q·k⁺/τ} + Σⱼ e^{q·kⱼ/τ}) (van den Oord et al. 2018; He et al., CVPR 2020, equation 1).
package struct InfoNCE {
    /// τ
    package var temperature: Double

    package init(temperature: Double) { self.temperature = temperature }

    package struct Result {
        /// One value: the mean over the batch.
        package var value: Tensor
        package var positiveSimilarity: Tensor
        package var negativeSimilarity: Tensor
    }

    /// - Parameters:
    ///   - queries: q, [B, D] unit vectors in float32.
    ///   - keys: k⁺, [B, D] unit vectors without gradient.
    ///   - negatives: [K, D] unit vectors without gradient.
    ///   - excluded: [B, K] bool: negatives that are none, as they show the query's own image; nil for none.
    package func callAsFunction(_ queries: Tensor, _ keys: Tensor, negatives: Tensor, excluded: Tensor? = nil) -> Result
    {
        let positive = (queries * keys).sum([1], keepDimensions: true)  // [B, 1]
        let others = queries.matmul(negatives.transpose())  // [B, K]
        let admitted = excluded.map { others.maskedFill($0, -.infinity) } ?? others
        let logits = Tensor.cat([positive, admitted], 1) * (1 / temperature)
        let targets = Tensor.zeros([queries.size(0)], dtype: .int64, device: queries.device)
        return Result(
            value: logits.crossEntropy(targets), positiveSimilarity: positive.detach().mean(),
            negativeSimilarity: others.detach().mean())
    }
}
