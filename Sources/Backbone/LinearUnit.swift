internal import Torch

/// A fully connected layer, with ReLU on request; plain, or fused for inference.
final class LinearUnit {
    private enum Form {
        case plain(Linear)
        case fused(FusedLinear)
    }

    private let form: Form

    init(_ layer: Linear) { form = .plain(layer) }

    private init(_ fused: FusedLinear) { form = .fused(fused) }

    func callAsFunction(_ x: Tensor, relu: Bool) -> Tensor {
        switch form {
        case .plain(let layer): relu ? layer(x).relu_() : layer(x)
        case .fused(let fused): fused(x, relu: relu)
        }
    }

    /// The layer as it is trained. Traps in a frozen network.
    var plain: Linear {
        guard case .plain(let layer) = form else { preconditionFailure("a frozen network has no layer to change") }
        return layer
    }

    /// The fused form; itself when `isShared`, for networks of which only the trunk is to run.
    func frozen(_ precision: Precision, isShared: Bool = false) -> LinearUnit {
        switch form {
        case _ where isShared: self
        case .plain(let layer): LinearUnit(FusedLinear(layer, precision))
        case .fused: self
        }
    }
}
