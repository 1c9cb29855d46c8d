internal import Torch

/// A convolution with the batch norm that follows it, if any, and what comes next in the same pass over the map: what
/// networks are built of. Plain for training and evaluation, fused for inference.
final class ConvUnit {
    /// What follows the batch norm.
    enum Next {
        case nothing
        case relu
        /// ReLU with such a slope below 0; not in a fused layer.
        case leakyReLU(_ slope: Double)
        /// relu(… + shortcut).
        case addReLU(_ shortcut: Tensor)

        fileprivate var shortcut: Tensor? { if case .addReLU(let shortcut) = self { shortcut } else { nil } }
        fileprivate var slope: Double? { if case .leakyReLU(let slope) = self { slope } else { nil } }
        fileprivate var hasReLU: Bool {
            switch self {
            case .nothing, .leakyReLU: false
            case .relu, .addReLU: true
            }
        }
    }

    private enum Form {
        case plain(Conv2d, BatchNorm2d?)
        case fused(FusedConv2d)
    }

    private let form: Form

    init(_ convolution: Conv2d, _ norm: BatchNorm2d? = nil) { form = .plain(convolution, norm) }

    private init(_ fused: FusedConv2d) { form = .fused(fused) }

    /// The layer as it is trained. Traps in a frozen network.
    var plain: Conv2d {
        guard case .plain(let convolution, _) = form else {
            preconditionFailure("a frozen network has no layer to change")
        }
        return convolution
    }

    /// norm(convolution(x)), and what comes next.
    func callAsFunction(_ x: Tensor, mode: Mode, then next: Next) -> Tensor {
        if let slope = next.slope { return self(x, mode: mode, then: .nothing).leakyReLU(slope) }
        let (shortcut, relu) = (next.shortcut, next.hasReLU)
        switch form {
        case .plain(let convolution, let norm):
            if let norm, mode == .train { return norm(convolution(x), mode: mode, adding: shortcut, relu: relu) }
            // Constant statistics: scaling the weights is the same and saves two passes over the map each way.
            let y = norm.map { convolution(x, scaledBy: $0.transform) } ?? convolution(x)
            return y.finished_(adding: shortcut, relu: relu)
        case .fused(let fused):
            precondition(mode == .evaluate, "a frozen network cannot be trained")
            return fused(x, adding: shortcut, relu: relu)
        }
    }

    /// A copy for inference alone, at another stride on request; one that is frozen already stays as it is.
    func frozen(_ precision: Precision, stride: Int? = nil) -> ConvUnit {
        switch form {
        case .plain(let convolution, let norm):
            ConvUnit(FusedConv2d(convolution, norm, precision, stride: stride.map(Extent.init)))
        case .fused: self
        }
    }

    /// Weight and bias of the one convolution that is convolution and batch norm in evaluation mode; nil once it is fused.
    var folded: (weight: Tensor, bias: Tensor)? {
        guard case .plain(let convolution, let norm) = form else { return nil }
        let (weight, bias) = FusedConv2d.folded(convolution, norm)
        return (weight.to(dtype: .float32), bias.to(dtype: .float32))
    }
}
