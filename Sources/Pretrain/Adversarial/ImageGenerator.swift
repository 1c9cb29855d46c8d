internal import Torch

/// G: codes to images, by transposed convolutions from a map of 4 × 4 on, with batch norm and ReLU between them.
///
/// Stage 0 is the linear layer, and each further one a transposed convolution; all but the last have a batch norm.
final class ImageGenerator {
    private let linear: Linear
    /// Those in front of each of `convolutions`.
    private let norms: [BatchNorm2d]
    private let convolutions: [Upconv2d]
    private let depth: Int

    /// - Parameter latent: L, width of the codes.
    init(_ scope: Scope, latent: Int, _ maps: AdversarialMaps) {
        let normal = Initializer.normal(standardDeviation: AdversarialMaps.deviation)
        let widths = Array(maps.channels.reversed())
        depth = maps.deepest
        // A batch norm takes away what a bias in front of it adds.
        linear = Linear(scope / 0 / "linear", in: latent, out: maps.deepestValues, bias: false, initializer: normal)
        var norms = [BatchNorm2d(scope / 0 / "norm", depth)]
        convolutions = widths.indices.map { index in
            let stage = scope / (index + 1)
            let isLast = index == widths.count - 1
            let convolution = Upconv2d(
                stage / "conv", in: widths[index], out: isLast ? 3 : widths[index + 1],
                kernel: AdversarialMaps.kernel, bias: isLast, initializer: normal)
            if !isLast { norms.append(BatchNorm2d(stage / "norm", widths[index + 1])) }
            return convolution
        }
        self.norms = norms
    }

    /// [B, L] → [B, 3, S, S] in −1…1.
    func callAsFunction(_ codes: Tensor, mode: Mode) -> Tensor {
        let side = AdversarialMaps.leastSide
        var x = linear(codes).reshape(-1, depth, side, side).contiguous(.channelsLast)
        for (norm, convolution) in zip(norms, convolutions) {
            x = convolution(norm(x, mode: mode, relu: true))
        }
        return x.sigmoid() * 2 - 1
    }
}
