internal import Backbone
internal import Torch

/// A backbone and what follows its last features: images to embeddings.
final class Encoder {
    let network: any Network
    let head: EmbeddingHead

    init(_ network: any Network, _ head: EmbeddingHead) {
        self.network = network
        self.head = head
    }

    /// [N, 3, H, W] → [N, D].
    func callAsFunction(_ images: Tensor, mode: Mode = .train) -> Tensor {
        head(network.features(images, mode: mode), mode: mode)
    }
}

/// Linear layers over features, with batch norm and ReLU where asked for; numbered as torch's `Sequential` would.
final class EmbeddingHead {
    struct Layer {
        enum Norm {
            case none
            /// With a trained scale and shift.
            case affine
            case plain
        }

        /// Width of its output.
        var width: Int
        var norm = Norm.none
        var relu = false

        init(_ width: Int, norm: Norm = .none, relu: Bool = false) {
            self.width = width
            self.norm = norm
            self.relu = relu
        }
    }

    private let layers: [(linear: Linear, norm: BatchNorm2d?, relu: Bool)]

    /// A layer in front of a batch norm has no bias: the norm would take it away.
    init(_ scope: Scope, in inputs: Int, _ layers: [Layer]) {
        var (inputs, position) = (inputs, 0)
        self.layers = layers.map { layer in
            let linear = Linear(scope / position, in: inputs, out: layer.width, bias: layer.norm == .none)
            let norm =
                layer.norm == .none
                ? nil : BatchNorm2d(scope / (position + 1), layer.width, isAffine: layer.norm == .affine)
            inputs = layer.width
            position += 1 + (norm == nil ? 0 : 1) + (layer.relu ? 1 : 0)
            return (linear, norm, layer.relu)
        }
    }

    /// [N, F] → [N, D].
    func callAsFunction(_ x: Tensor, mode: Mode = .train) -> Tensor {
        layers.reduce(x) { x, layer in
            let x = layer.linear(x)
            if let norm = layer.norm { return norm(x, mode: mode, relu: layer.relu) }
            return layer.relu ? x.relu() : x
        }
    }
}
