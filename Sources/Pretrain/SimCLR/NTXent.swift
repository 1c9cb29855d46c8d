package import Torch

/// Each view's partner among all views of the batch: the mean over 2B of −ln e^{s_ij/τ} / Σ_{k≠i} e^{s_ik/τ}, s the cosine
/// (Chen et al., ICML 2020, equation 1).
package struct NTXent {
    /// τ
    package var temperature: Double

    package init(temperature: Double) { self.temperature = temperature }

    /// - Parameters:
    ///   - embeddings: [2·B, D] unit vectors in float32, the first views in front.
    /// - Returns: one value, and the similarities [2·B, 2·B] without gradient.
    package func callAsFunction(_ embeddings: Tensor) -> (value: Tensor, similarities: Tensor) {
        let count = embeddings.size(0)
        let places = Tensor.arange(count, device: embeddings.device)
        let similarities = embeddings.matmul(embeddings.transpose())
        let own = places.unsqueeze(0).equal(places.unsqueeze(1))
        let logits = similarities.maskedFill(own, -.infinity) * (1 / temperature)
        let half = Double(count / 2)
        let partners = Tensor.where(places.less(half), places + half, places - half).to(dtype: .int64)
        return (logits.crossEntropy(partners), similarities.detach())
    }
}
