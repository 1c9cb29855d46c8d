internal import Torch

/// D: whether an image and a code belong together as encoder or as generator would have it. Convolutions of stride 2 with leaky
/// ReLU; to each map but the first the code is added by a linear layer of its own, in front of a batch norm.
final class PairDiscriminator {
    private struct Stage {
        var convolution: Conv2d
        /// What makes a code, L wide, part of a map, and what normalises their sum; nil in the first stage.
        var joint: (code: Linear, norm: BatchNorm2d)?
    }

    private let stages: [Stage]
    /// Of zeros at first, so that D begins with ½ for all pairs.
    private let linear: Linear
    /// Slope of ReLU below 0.
    static let leak = 0.2

    /// - Parameter latent: L, width of the codes.
    init(_ scope: Scope, latent: Int, _ maps: AdversarialMaps) {
        let normal = Initializer.normal(standardDeviation: AdversarialMaps.deviation)
        stages = maps.channels.enumerated().map { index, width in
            let stage = scope / index
            return Stage(
                convolution: Conv2d(
                    stage / "conv", in: index == 0 ? 3 : maps.channels[index - 1], out: width,
                    kernel: AdversarialMaps.kernel, stride: 2, padding: AdversarialMaps.kernel / 2, bias: index == 0,
                    initializer: normal),
                joint: index == 0
                    ? nil
                    : (
                        Linear(
                            stage / "code", in: latent, out: width, bias: false,
                            initializer: normal),
                        BatchNorm2d(stage / "norm", width)
                    ))
        }
        linear = Linear(
            scope / maps.channels.count / "linear", in: maps.deepestValues, out: 1, initializer: .constant(0))
    }

    /// Images [N, 3, S, S] and codes [N, L] → logits [N].
    func callAsFunction(_ images: Tensor, _ codes: Tensor, mode: Mode) -> Tensor {
        let map = stages.reduce(images) { x, stage in
            var y = stage.convolution(x)
            if let (code, norm) = stage.joint {
                y = norm(y + code(codes).reshape(codes.size(0), -1, 1, 1), mode: mode)
            }
            return y.leakyReLU(Self.leak)
        }
        return linear(map.flatten(from: 1)).reshape(-1)  // [N, C·4·4] → [N]
    }
}
