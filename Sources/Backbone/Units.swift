internal import Torch

/// A convolution with the batch norm that follows it, if any, and on request an addition and ReLU: what networks are
/// built of. Plain for training and evaluation, fused for inference.
final class ConvUnit {
    private enum Form {
        case plain(Conv2d, BatchNorm2d?)
        case fused(FusedConv2d)
    }

    private let form: Form

    init(_ convolution: Conv2d, _ norm: BatchNorm2d? = nil) { form = .plain(convolution, norm) }

    private init(_ fused: FusedConv2d) { form = .fused(fused) }

    /// relu(norm(convolution(x)) + `other`).
    func callAsFunction(_ x: Tensor, mode: Mode, adding other: Tensor? = nil, relu: Bool = true) -> Tensor {
        switch form {
        case .plain(let convolution, let norm):
            if let norm, mode == .train { return norm(convolution(x), mode: mode, adding: other, relu: relu) }
            // Constant statistics: scaling the weights is the same and saves two passes over the map each way.
            let y = norm.map { convolution(x, scaledBy: $0.transform) } ?? convolution(x)
            return y.finished_(adding: other, relu: relu)
        case .fused(let fused):
            precondition(mode == .evaluate, "a frozen network cannot be trained")
            return fused(x, adding: other, relu: relu)
        }
    }

    /// A copy for inference alone; one that is frozen already stays as it is.
    func frozen(_ precision: Precision) -> ConvUnit {
        switch form {
        case .plain(let convolution, let norm): ConvUnit(FusedConv2d(convolution, norm, precision))
        case .fused: self
        }
    }
}

/// A fully connected layer, with ReLU on request; plain, or fused for inference.
final class LinearUnit {
    private enum Form {
        case plain(Linear)
        case fused(FusedLinear)
    }

    private let form: Form

    init(_ layer: Linear) { form = .plain(layer) }

    private init(_ fused: FusedLinear) { form = .fused(fused) }

    func callAsFunction(_ x: Tensor, relu: Bool = false) -> Tensor {
        switch form {
        case .plain(let layer): relu ? layer(x).relu_() : layer(x)
        case .fused(let fused): fused(x, relu: relu)
        }
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
