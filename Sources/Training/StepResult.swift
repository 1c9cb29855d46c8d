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
    /// One value; it moves all parameters that are not a rival's.
    public var loss: Tensor
    /// Further losses of the same forward pass, each of which moves parameters of its own, and those alone.
    public var rivals: [Rival]
    /// Further measurements, one value each, averaged between log lines like the loss.
    public var values: [(name: String, value: Tensor)]
    /// What else changes once the parameters have, such as a memory bank.
    public var afterUpdate: () -> Void

    public init(
        _ loss: Tensor, rivals: [Rival] = [], values: [(name: String, value: Tensor)] = [],
        afterUpdate: @escaping () -> Void = {}
    ) {
        self.loss = loss
        self.rivals = rivals
        self.values = values
        self.afterUpdate = afterUpdate
    }
}

extension StepLoss {
    /// A loss that is at odds with the other one, and what it moves.
    public struct Rival {
        /// One value.
        public var loss: Tensor
        /// What the names of its parameters begin with.
        public var prefixes: [String]

        public init(_ loss: Tensor, moves prefixes: [String]) {
            self.loss = loss
            self.prefixes = prefixes
        }
    }

    /// Adds gradients to the parameters that `optimizer` changes: to each from its own loss.
    ///
    /// - Parameter exchange: Makes means over processes of them.
    public func backward(_ optimizer: any Optimizer, _ exchange: GradientExchange? = nil) {
        guard let exchange else { return rivals.isEmpty ? loss.backward() : backwardOfRivals(optimizer) }
        if rivals.isEmpty { exchange.backward(loss) } else { exchange.backward { backwardOfRivals(optimizer) } }
    }

    private func backwardOfRivals(_ optimizer: any Optimizer) {
        var (own, theirs) = ([Tensor](), [[Tensor]](repeating: [], count: rivals.count))
        for entry in optimizer.groups.flatMap(\.entries) {
            if let rival = rivals.firstIndex(where: { $0.prefixes.contains(where: entry.name.hasPrefix) }) {
                theirs[rival].append(entry.tensor)
            } else {
                own.append(entry.tensor)
            }
        }
        loss.backward(to: own, keepsGraph: true)
        for (index, rival) in rivals.enumerated() {
            rival.loss.backward(to: theirs[index], keepsGraph: index < rivals.count - 1)
        }
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
