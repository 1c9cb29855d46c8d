package import Torch

/// Cosine of predictions and targets ([B, D] of any length), the mean over the batch; targets get no gradient.
package func cosineSimilarity(_ predictions: Tensor, _ targets: Tensor) -> Tensor {
    let (p, z) = (predictions.to(dtype: .float32), targets.detach().to(dtype: .float32))
    return (p.l2Normalized() * z.l2Normalized()).sum([1]).mean()
}
