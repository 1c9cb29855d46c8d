internal import Torch

/// One key among many: −ln e^{q·k⁺/τ} / (e^{q·k⁺/τ} + Σⱼ e^{q·kⱼ/τ}) (van den Oord et al. 2018; He et al., CVPR 2020, equation 1).
struct InfoNCE {
    /// τ
    var temperature: Double

    struct Result {
        /// One value: the mean over the batch.
        var value: Tensor
        var positiveSimilarity: Tensor
        var negativeSimilarity: Tensor
    }

    /// - Parameters:
    ///   - queries: q, [B, D] unit vectors in float32.
    ///   - keys: k⁺, [B, D] unit vectors without gradient.
    ///   - negatives: [K, D] unit vectors without gradient.
    ///   - excluded: [B, K] bool: negatives that are none, as they show the query's own image; nil for none.
    func callAsFunction(_ queries: Tensor, _ keys: Tensor, negatives: Tensor, excluded: Tensor? = nil) -> Result {
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
