internal import Torch

/// Batch norm without scale and shift over the channels, if asked for, and a linear classifier.
final class LinearHead {
    private let linear: Linear
    private let statistics: (mean: Tensor, variance: Tensor)?

    init(_ scope: Scope, _ layer: LayerReader.Layer, classes: Int, normalizesBatch: Bool) {
        linear = Linear(
            scope / "fc", in: layer.dimension, out: classes, initializer: .normal(standardDeviation: 0.01))
        let norm = scope / "bn"
        statistics =
            normalizesBatch
            ? (
                norm.buffer("running_mean", Tensor.zeros([layer.channels])),
                norm.buffer("running_var", Tensor.ones([layer.channels]))
            ) : nil
    }

    /// [N, C, cells] → [N, classes].
    func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor {
        var x = x
        if let statistics {
            x = x.batchNorm(
                weight: nil, bias: nil, runningMean: statistics.mean, runningVariance: statistics.variance,
                training: mode == .train)
        }
        return linear(x.flatten(from: 1))
    }
}
