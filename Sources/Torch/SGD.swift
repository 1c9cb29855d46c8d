/// Stochastic gradient descent with momentum and weight decay, as torch's `SGD`:
/// g ← ∇ + wd·p; v ← µ·v + g; p ← p − lr·v (Nesterov: p ← p − lr·(g + µ·v)).
public final class SGD: Optimizer {
    private static let fused = Operator("aten::_fused_sgd_")
    private static let fusedWithTensor = Operator("aten::_fused_sgd_", "tensor_lr")

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

    public func step(learningRate: Double) {
        update(Self.fused) { .double(learningRate * $0) }
    }

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
                    parameters.append(entry.tensor.inMemoryOrder())
                    gradients.append(gradient.inMemoryOrder(like: entry.tensor))
                    buffers.append(velocity.inMemoryOrder(like: entry.tensor))
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

    public var stateName: String { "velocity" }

    /// Velocities by parameter name.
    public var state: [(name: String, tensor: Tensor)] {
        zip(groups, velocities).flatMap { group, velocities in
            zip(group.entries, velocities).map { ($0.name, $1) }
        }
    }
}
