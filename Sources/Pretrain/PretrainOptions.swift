public import Backbone
public import Datasets
public import Support
public import Torch
internal import Training

/// All resolved settings of a pretraining run.
public struct PretrainOptions: Sendable {
    public var architecture: Architecture
    public var objective: Objective
    /// Starting point, with everything overridden that the user has set.
    public var recipe: Recipe
    /// λ of the proximal term λ‖f − v‖² (Wu et al., equation 9); 0 leaves it out.
    public var proximal = 0.0
    public var seed: UInt64 = 0
    public var workers = 2
    public var device = Device.cpu
    public var precision = Precision.fp32
    public var onBadImage = BadImagePolicy.stop
    /// Whether colour and mirroring change whole batches on the device rather than single images in the loader's
    /// threads, to the same pixels; nil for what suits the device.
    public var augmentsOnDevice: Bool?

    public init(architecture: Architecture, objective: Objective, recipe: Recipe) {
        self.architecture = architecture
        self.objective = objective
        self.recipe = recipe
    }

    /// Every value that shapes the result, for `config.json`.
    public var json: JSON {
        let r = recipe
        var members: [JSON.Member] = [
            .init("arch", .string(architecture.rawValue)), .init("stem", .string(r.stem.rawValue)),
            .init("objective", .string(objective.rawValue)), .init("image_size", .integer(r.imageSize)),
            .init("batch", .integer(r.batch)), .init("epochs", .integer(r.epochs)),
            .init("lr", .number(r.learningRate)), .init("schedule", .string(r.schedule.rawValue)),
            .init("warmup_epochs", .number(r.warmUpEpochs)), .init("momentum", .number(r.momentum)),
            .init("weight_decay", .number(r.weightDecay)), .init("no_decay", .string(r.decayExemption.rawValue)),
            .init("gradient_clip", r.gradientClip.map { .number($0) } ?? .null),
            .init("crop_scale", .number(r.cropScale)), .init("jitter", .number(r.jitter)),
            .init("grayscale", .number(r.grayscale)), .init("flip", .number(r.flip)),
            .init("normalization", r.normalization.json),
            .init("seed", .integer(Int(truncatingIfNeeded: seed))), .init("precision", .string(precision.rawValue)),
            .init("device", .string(device.description)), .init("threads", .integer(Runtime.threads)),
            .init("workers", .integer(workers)),
        ]
        if r.schedule == .step {
            members += [
                .init("milestones", .array(r.milestones.map { .number($0) })), .init("gamma", .number(r.gamma)),
            ]
        }
        if objective == .instance {
            members += [
                .init("loss", .string(r.loss.rawValue)), .init("dim", .integer(r.dimension)),
                .init("temperature", .number(r.temperature)), .init("bank_momentum", .number(r.bankMomentum)),
                .init("bank_storage", .string(r.bankStorage.rawValue)), .init("proximal", .number(proximal)),
            ]
            if r.loss == .nce {
                members += [
                    .init("negatives", .integer(r.negatives)),
                    .init("negatives_mode", .string(r.negativesMode.rawValue)),
                    .init("exclude_positive", .bool(r.excludesPositive)), .init("z", r.partition.json),
                ]
            }
        }
        return .object(members)
    }

    /// Settings that a resumed run may change because the result does not depend on them.
    public static let mayDiffer: Set<String> = ["workers"]

    /// The learning rate over a run of so many steps an epoch.
    func schedule(stepsPerEpoch: Int) -> LearningRateSchedule {
        let r = recipe
        let decay: LearningRateSchedule.Decay =
            switch r.schedule {
            case .constant: .constant
            case .cosine: .cosine(until: r.epochs * stepsPerEpoch, final: 0)
            case .step:
                .milestones(r.milestones.map { Int(($0 * Double(stepsPerEpoch)).rounded()) }, gamma: r.gamma)
            }
        return LearningRateSchedule(
            base: r.learningRate, decay: decay, warmUpSteps: Int((r.warmUpEpochs * Double(stepsPerEpoch)).rounded()))
    }
}

extension PartitionEstimate.Method {
    var json: JSON {
        switch self {
        case .frozen(let batches): ["frozen_after_batches": .integer(batches)]
        case .movingAverage(let decay): ["moving_average": .number(decay)]
        }
    }
}
