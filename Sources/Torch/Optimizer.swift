/// Parameters that share their settings in the optimiser.
public struct ParameterGroup {
    public var entries: [Parameters.Entry]
    /// Multiplies the step's learning rate.
    public var learningRateScale: Double
    public var weightDecay: Double
    /// A learning rate of its own that no schedule changes; nil for the step's.
    public var fixedRate: Double?
    /// η of layer-wise adaptive rate scaling (You, Gitman, Ginsburg 2017): a gradient g, decay included, is scaled to
    /// η‖p‖/‖g‖ of its length; nil for none.
    public var trust: Double?

    public init(
        _ entries: [Parameters.Entry], learningRateScale: Double = 1, weightDecay: Double, fixedRate: Double? = nil,
        trust: Double? = nil
    ) {
        self.entries = entries
        self.learningRateScale = learningRateScale
        self.weightDecay = weightDecay
        self.fixedRate = fixedRate
        self.trust = trust
    }
}

/// What changes parameters by their gradients.
public protocol Optimizer: AnyObject {
    var groups: [ParameterGroup] { get }
    /// One update from the gradients that `backward` left; parameters without a gradient stay as they are.
    func step(learningRate: Double)
    /// The same with the learning rate on the device, where it can change between replays of a captured step: one
    /// value, float32 for a GPU.
    func step(learningRate: Tensor)
    /// What it keeps of parameters between updates, by their names, for a checkpoint.
    var state: [(name: String, tensor: Tensor)] { get }
    /// What a checkpoint calls all of it.
    var stateName: String { get }
}

extension Optimizer {
    /// Forgets all gradients; the next `backward` makes new ones.
    public func clearGradients() {
        for group in groups { for entry in group.entries { entry.tensor.gradient = nil } }
    }

    /// Scales all gradients so that their joint Euclidean norm is at most `limit`; returns the norm before, one value.
    ///
    /// - Parameter byOperators: whether the factor stays a tensor, so that nobody waits for the norm; nil for what suits
    ///   the device. On the CPU gradients that are short enough are left untouched instead.
    @discardableResult
    public func clipGradients(_ limit: Double, byOperators: Bool? = nil) -> Tensor {
        withoutGradients {
            let gradients = groups.flatMap { $0.entries.compactMap(\.tensor.gradient) }
            guard let first = gradients.first else { return Tensor.zeros([]) }
            let norms = Joint.norm.results([.tensors(gradients), 2], gradients.count).map { $0! }
            let norm = Tensor.stack(norms).norm()
            if byOperators ?? (first.device.kind != .cpu) {
                let factor = ((norm + 1e-6).reciprocal() * limit).clamp(max: 1)
                _ = Joint.multiply.results([.tensors(gradients), .tensor(factor)], 0)
            } else {
                let length = norm.item
                if length > limit { for gradient in gradients { gradient.mul_(limit / (length + 1e-6)) } }
            }
            return norm
        }
    }
}

private enum Joint {
    static let norm = Operator("aten::_foreach_norm", "Scalar")
    static let multiply = Operator("aten::_foreach_mul_", "Tensor")
}

extension Tensor {
    /// A view of a channels-last tensor, or of one that is brought into the order of another first, in which its values lie one
    /// after the other: libtorch's updates would copy it otherwise.
    func inMemoryOrder(like other: Tensor? = nil) -> Tensor {
        if (other ?? self).isContiguous() { return self }
        guard (other ?? self).isContiguous(.channelsLast) else { return self }
        return contiguous(.channelsLast).permute(0, 2, 3, 1)
    }
}
