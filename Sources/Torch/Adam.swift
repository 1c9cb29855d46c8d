/// Adam (Kingma, Ba, ICLR 2015, algorithm 1) with weight decay in the gradient, as torch's `Adam`: g ← ∇ + wd·p;
/// m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²; p ← p − lr·m̂ / (√v̂ + ε), where m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ) and t counts
/// the parameter's own updates.
///
/// All of this is each parameter's own, so one optimiser of several networks is as many optimisers side by side.
public final class Adam: Optimizer {
    private static let fused = Operator("aten::_fused_adam_")
    private static let fusedWithTensor = Operator("aten::_fused_adam_", "tensor_lr")
    private static let count = Operator("aten::_foreach_add_", "Scalar")
    /// ε, the paper's.
    public static let epsilon = 1e-8

    public let groups: [ParameterGroup]
    public let beta1: Double
    public let beta2: Double
    /// m, v and t of every parameter, in the order of the groups.
    private let moments: [[(mean: Tensor, square: Tensor, count: Tensor)]]

    /// Traps for groups whose gradients are to be scaled layer by layer, which are SGD's.
    public init(_ groups: [ParameterGroup], beta1: Double = 0.9, beta2: Double = 0.999) {
        precondition(groups.allSatisfy { $0.trust == nil }, "Adam scales no gradients layer by layer")
        self.groups = groups.filter { !$0.entries.isEmpty }
        self.beta1 = beta1
        self.beta2 = beta2
        moments = self.groups.map { group in
            group.entries.map { entry in
                let zeros = { entry.tensor.zerosLike().detach() }
                // On the parameter's device, where the kernel reads it.
                return (zeros(), zeros(), Tensor.zeros([], device: entry.tensor.device))
            }
        }
    }

    // The kernel divides the rate in double precision. It is float32 in a captured step on a GPU, and so that every step is the
    // same to the last bit, it is everywhere.
    public func step(learningRate: Double) {
        update(Self.fused) { .double(Double(Float(learningRate * $0))) }
    }

    public func step(learningRate: Tensor) {
        update(Self.fusedWithTensor) { .tensor(($0 == 1 ? learningRate : learningRate * $0).to(dtype: .float32)) }
    }

    /// `rate` gives the learning rate of a group from its scale.
    private func update(_ fused: Operator, _ rate: (Double) -> Operator.Argument) {
        withoutGradients {
            for (group, moments) in zip(groups, moments) {
                var (parameters, gradients): ([Tensor], [Tensor]) = ([], [])
                var (means, squares, counts): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
                for (entry, own) in zip(group.entries, moments) {
                    guard let gradient = entry.tensor.gradient else { continue }
                    parameters.append(entry.tensor.inMemoryOrder())
                    gradients.append(gradient.inMemoryOrder(like: entry.tensor))
                    means.append(own.mean.inMemoryOrder(like: entry.tensor))
                    squares.append(own.square.inMemoryOrder(like: entry.tensor))
                    counts.append(own.count)
                }
                if parameters.isEmpty { continue }
                _ = Self.count.results([.tensors(counts), 1], 0)
                let rate = group.fixedRate.map { (Self.fused, .double($0)) } ?? (fused, rate(group.learningRateScale))
                // Arguments: …, max_exp_avg_sqs, state_steps, lr, betas, weight_decay, eps, amsgrad, maximize.
                _ = rate.0.results(
                    [
                        .tensors(parameters), .tensors(gradients), .tensors(means), .tensors(squares), .tensors([]),
                        .tensors(counts), rate.1, .double(beta1), .double(beta2), .double(group.weightDecay),
                        .double(Self.epsilon), false, false,
                    ], 0)
            }
        }
    }

    public var stateName: String { "adam" }

    /// `NAME.mean`, `NAME.square` and `NAME.count` of every parameter.
    public var state: [(name: String, tensor: Tensor)] {
        zip(groups, moments).flatMap { group, moments in
            zip(group.entries, moments).flatMap { entry, own in
                [
                    ("\(entry.name).mean", own.mean), ("\(entry.name).square", own.square),
                    ("\(entry.name).count", own.count),
                ]
            }
        }
    }
}
