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

/// Stochastic gradient descent with momentum and weight decay, as torch's `SGD`:
/// g ← ∇ + wd·p; v ← µ·v + g; p ← p − lr·v (Nesterov: p ← p − lr·(g + µ·v)).
public final class SGD {
    private static let fused = Operator("aten::_fused_sgd_")
    private static let fusedWithTensor = Operator("aten::_fused_sgd_", "tensor_lr")
    private static let foreachNorm = Operator("aten::_foreach_norm", "Scalar")
    private static let foreachMultiply = Operator("aten::_foreach_mul_", "Tensor")

    public let groups: [ParameterGroup]
    public let momentum: Double
    public let nesterov: Bool
    /// v of every parameter, in the order of the groups.
    private let velocities: [[Tensor]]

    public init(_ groups: [ParameterGroup], momentum: Double = 0.9, nesterov: Bool = false) {
        self.groups = groups.filter { !$0.entries.isEmpty }
        self.momentum = momentum
        self.nesterov = nesterov
        velocities = self.groups.map { $0.entries.map { $0.tensor.zerosLike().detach() } }
    }

    /// One update from the gradients that `backward` left; parameters without a gradient stay as they are.
    public func step(learningRate: Double) {
        update(Self.fused) { .double(learningRate * $0) }
    }

    /// The same with the learning rate on the device, where it can change between replays of a captured step: one
    /// value, float32 for a GPU.
    public func step(learningRate: Tensor) {
        update(Self.fusedWithTensor) { .tensor($0 == 1 ? learningRate : learningRate * $0) }
    }

    /// `rate` gives the learning rate of a group from its scale.
    private func update(_ fused: Operator, _ rate: (Double) -> Operator.Argument) {
        withoutGradients {
            for (group, velocities) in zip(groups, velocities) {
                var parameters: [Tensor] = []
                var gradients: [Tensor] = []
                var buffers: [Tensor] = []
                for (entry, velocity) in zip(group.entries, velocities) {
                    guard let gradient = entry.tensor.gradient else { continue }
                    parameters.append(Self.inMemoryOrder(entry.tensor))
                    gradients.append(Self.inMemoryOrder(gradient, like: entry.tensor))
                    buffers.append(Self.inMemoryOrder(velocity, like: entry.tensor))
                }
                if parameters.isEmpty { continue }
                if let trust = group.trust { Self.adapt(gradients, to: parameters, trust, group.weightDecay) }
                // Arguments: …, weight_decay, momentum, lr, dampening, nesterov, maximize, is_first_step. Velocities
                // start at zero, which makes the first step an ordinary one; without
                // momentum libtorch wants none.
                let rate = group.fixedRate.map { (Self.fused, .double($0)) } ?? (fused, rate(group.learningRateScale))
                _ = rate.0.results(
                    [
                        .tensors(parameters), .tensors(gradients), .tensors(momentum == 0 ? [] : buffers),
                        .double(group.trust == nil ? group.weightDecay : 0), .double(momentum), rate.1, 0.0,
                        .bool(nesterov), false, false,
                    ], 0)
            }
        }
    }

    /// g ← (g + wd·p) · η‖p‖ / ‖g + wd·p‖, where neither length is zero; in place, by operators alone.
    private static func adapt(_ gradients: [Tensor], to parameters: [Tensor], _ trust: Double, _ weightDecay: Double) {
        for (gradient, parameter) in zip(gradients, parameters) {
            gradient.add_(parameter, scale: weightDecay)
            let (length, own) = (gradient.norm(), parameter.norm())
            let ratio = own * trust / length
            gradient.mul_(Tensor.where((own * length).greater(0), ratio, ratio.zerosLike() + 1))
        }
    }

    /// A view of a channels-last tensor, or of one that is brought into the order of another first, in which its values lie one
    /// after the other: libtorch's update would copy it otherwise.
    private static func inMemoryOrder(_ tensor: Tensor, like other: Tensor? = nil) -> Tensor {
        if (other ?? tensor).isContiguous() { return tensor }
        guard (other ?? tensor).isContiguous(.channelsLast) else { return tensor }
        return tensor.contiguous(.channelsLast).permute(0, 2, 3, 1)
    }

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
            let norms = Self.foreachNorm.results([.tensors(gradients), 2], gradients.count).map { $0! }
            let norm = Tensor.stack(norms).norm()
            if byOperators ?? (first.device.kind != .cpu) {
                let factor = ((norm + 1e-6).reciprocal() * limit).clamp(max: 1)
                _ = Self.foreachMultiply.results([.tensors(gradients), .tensor(factor)], 0)
            } else {
                let length = norm.item
                if length > limit { for gradient in gradients { gradient.mul_(limit / (length + 1e-6)) } }
            }
            return norm
        }
    }

    /// Velocities by parameter name, for a checkpoint.
    public var state: [(name: String, tensor: Tensor)] {
        zip(groups, velocities).flatMap { group, velocities in
            zip(group.entries, velocities).map { ($0.name, $1) }
        }
    }
}
