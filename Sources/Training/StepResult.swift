public import Torch

/// Tensors that belong together, by their names.
public protocol TensorGroup {
    /// The same group with every tensor replaced, always in the same order.
    func map(_ transform: (Tensor) -> Tensor) -> Self
}

extension TensorGroup {
    /// All tensors, in the order of `map`.
    public var tensors: [Tensor] {
        var all: [Tensor] = []
        _ = map {
            all.append($0)
            return $0
        }
        return all
    }
}

/// What the forward pass of a step says.
public struct StepLoss {
    /// One value; the loop calls `backward` on it.
    public var loss: Tensor
    /// Further measurements, one value each, averaged between log lines like the loss.
    public var values: [(name: String, value: Tensor)]
    /// What else changes once the parameters have, such as a memory bank.
    public var afterUpdate: () -> Void

    public init(
        _ loss: Tensor, values: [(name: String, value: Tensor)] = [], afterUpdate: @escaping () -> Void = {}
    ) {
        self.loss = loss
        self.values = values
        self.afterUpdate = afterUpdate
    }
}

/// What one step of a task gives.
public struct StepResult {
    public var loss: StepLoss
    /// Images in the step, for the rate.
    public var images: Int
    /// Names of the step's images, asked for only when the loss is not finite.
    public var imageNames: () -> [String]

    public init(_ loss: StepLoss, images: Int, imageNames: @escaping () -> [String]) {
        self.loss = loss
        self.images = images
        self.imageNames = imageNames
    }
}
