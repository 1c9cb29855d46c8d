internal import Support
public import Torch

/// Stochastic gradient descent over the epochs of a training: rate, schedule, momentum or Adam, decay.
public struct Optimization: Hashable, Sendable {
    public var learningRate: Double
    public var rule = Rule.momentum
    public var schedule = LearningRateSchedule.Shape.step
    /// With the step schedule, epochs at which the learning rate is multiplied by `gamma`; with the exponential one, where it
    /// begins to fall.
    public var milestones: [Double]
    public var gamma = 0.1
    /// Epochs in which the learning rate rises linearly to its full value.
    public var warmUpEpochs = 0.0
    public var momentum = 0.9
    public var isNesterov = false
    /// Of Adam, what each step leaves of the mean of gradients and of their squares.
    public var beta1 = 0.9
    public var beta2 = 0.999
    /// Nesterov's form needs a momentum.
    public var usesNesterov: Bool { isNesterov && momentum > 0 }
    public var weightDecay: Double
    /// What is left out of weight decay.
    public var decayExemption = DecayExemption.none
    /// Largest joint norm of the gradients; nil leaves them as they are.
    public var gradientClip: Double?
    /// η of layer-wise adaptive rate scaling (LARS), of all that is decayed; nil for none.
    public var trust: Double?

    /// How gradients become updates.
    public enum Rule: Sendable {
        /// By SGD with `momentum`.
        case momentum
        /// By Adam with `beta1` and `beta2`.
        case adam
    }

    public init(learningRate: Double, milestones: [Double] = [], weightDecay: Double) {
        self.learningRate = learningRate
        self.milestones = milestones
        self.weightDecay = weightDecay
    }

    /// For a shorter or longer training, a schedule of the same shape.
    public mutating func stretch(from epochs: Int, to others: Int) {
        milestones = milestones.map { $0 * Double(others) / Double(epochs) }
    }

    /// The learning rate at each step; milestones and warm-up round to the nearest step.
    public func rates(epochs: Int, stepsPerEpoch: Int) -> LearningRateSchedule {
        func steps(_ epochs: Double) -> Int { Int(nearestTo: epochs * Double(stepsPerEpoch)) }
        return LearningRateSchedule(
            base: learningRate, shape: schedule, milestones: milestones.map(steps), gamma: gamma,
            totalSteps: epochs * stepsPerEpoch, warmUpSteps: steps(warmUpEpochs))
    }

    /// The optimiser of a network's trained tensors.
    ///
    /// - Parameter fixed: What the names of parameters begin with whose learning rate stays as it is at the start.
    public func optimizer(_ parameters: Parameters, fixed: [String] = []) -> any Optimizer {
        let groups = parameters.decayGroups(weightDecay, exempt: decayExemption).flatMap { group in
            var (scheduled, constant) = (group, group)
            scheduled.entries = group.entries.filter { entry in !fixed.contains { entry.name.hasPrefix($0) } }
            constant.entries = group.entries.filter { entry in fixed.contains { entry.name.hasPrefix($0) } }
            constant.fixedRate = learningRate
            return [scheduled, constant].map { group in
                var group = group
                if group.weightDecay > 0 { group.trust = trust }
                return group
            }
        }
        return switch rule {
        case .momentum: SGD(groups, momentum: momentum, nesterov: usesNesterov)
        case .adam: Adam(groups, beta1: beta1, beta2: beta2)
        }
    }

    /// The schedule in words, for protocols: "0.01, x0.1 at epochs 30, 60 of 70".
    public func text(epochs: Int) -> String {
        let steps = milestones.map { $0 == $0.rounded() ? $0.shortest : $0.fixed(1) }.joined(separator: ", ")
        return "\(learningRate), x\(gamma) at epochs \(steps) of \(epochs)"
    }
}

/// Parameters that have no weight decay.
public enum DecayExemption: String, CaseIterable, Sendable {
    /// None: all are decayed, as in the reference code.
    case none
    /// Scale and shift of batch normalisation.
    case norm
    /// Biases of convolutions and linear layers.
    case bias
    /// Both.
    case all
}

extension Parameters {
    /// Names of the batch norms among them, each with a point behind: "layer1.0.bn1.".
    public var batchNormPrefixes: Set<String> {
        // A layer with running statistics is a normalisation.
        let suffix = "running_mean"
        return Set(
            entries.filter { $0.isBuffer && $0.name.hasSuffix(".\(suffix)") }.map {
                String($0.name.dropLast(suffix.count))
            })
    }

    /// The trained tensors, those without weight decay in a group of their own.
    public func decayGroups(_ weightDecay: Double, exempt: DecayExemption) -> [ParameterGroup] {
        let norms = batchNormPrefixes
        func isExempt(_ name: String) -> Bool {
            let isNorm = name.lastIndex(of: ".").map { norms.contains(String(name[...$0])) } ?? false
            return switch exempt {
            case .none: false
            case .norm: isNorm
            case .bias: !isNorm && name.hasSuffix(".bias")
            case .all: isNorm || name.hasSuffix(".bias")
            }
        }
        return [
            ParameterGroup(trainable.filter { !isExempt($0.name) }, weightDecay: weightDecay),
            ParameterGroup(trainable.filter { isExempt($0.name) }, weightDecay: 0),
        ]
    }
}

extension Optimization {
    /// Layer-wise adaptive rates along a cosine after ten epochs of warm-up, as large batches are trained.
    public static func lars(learningRate: Double, weightDecay: Double) -> Optimization {
        var optimization = Optimization(learningRate: learningRate, weightDecay: weightDecay)
        optimization.schedule = .cosine
        optimization.warmUpEpochs = 10
        optimization.decayExemption = .all
        optimization.trust = 0.001
        return optimization
    }
}
