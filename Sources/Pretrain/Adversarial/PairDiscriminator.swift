internal import Torch

/// D: whether an image and a code belong together as encoder or as generator would have it. Convolutions of stride 2 with leaky
/// ReLU; the code is added to each map by a linear layer of its own.
///
/// All pairs of a step pass in one batch, so that batch norm mixes real and generated ones. The first stage has none, as in DCGAN.
final class PairDiscriminator {
    private struct Stage {
        var convolution: Conv2d
        /// L → channels.
        var code: Linear
        var norm: BatchNorm2d?
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
                code: Linear(stage / "code", in: latent, out: width, bias: false, initializer: normal),
                norm: index == 0 ? nil : BatchNorm2d(stage / "norm", width))
        }
        linear = Linear(
            scope / maps.channels.count / "linear", in: maps.deepestValues, out: 1, initializer: .constant(0))
    }

    /// Images [N, 3, S, S] and codes [N, L] → logits [N].
    func callAsFunction(_ images: Tensor, _ codes: Tensor, mode: Mode) -> Tensor {
        let map = stages.reduce(images) { x, stage in
            let sum = stage.convolution(x) + stage.code(codes).reshape(codes.size(0), -1, 1, 1)
            return (stage.norm?(sum, mode: mode) ?? sum).leakyReLU(Self.leak)
        }
        return linear(map.flatten(from: 1)).reshape(-1)  // [N, C·4·4] → [N]
    }
}
