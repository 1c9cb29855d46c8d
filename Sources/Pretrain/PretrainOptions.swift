public import Backbone
public import Datasets
internal import Imaging
public import Support
public import Torch
internal import Training

/// All resolved settings of a pretraining run.
public struct PretrainOptions: Sendable {
    public var architecture: Architecture
    public var objective: Objective
    /// Starting point, with everything overridden that the user has set.
    public var recipe: PretrainRecipe
    public var seed: UInt64 = 0
    public var workers = 2
    public var device = Device.cpu
    public var precision = Precision.fp32
    public var onBadImage = BadImagePolicy.stop
    /// Whether colour and mirroring change whole batches on the device rather than single images in the loader's
    /// threads, to the same pixels; nil for what suits the device.
    public var augmentsOnDevice: Bool?

    public init(architecture: Architecture, objective: Objective, recipe: PretrainRecipe) {
        self.architecture = architecture
        self.objective = objective
        self.recipe = recipe
    }

    /// The network that is trained.
    public func network(classes: Int?) -> NetworkConfig {
        NetworkConfig(architecture, stem: recipe.stem, classes: classes)
    }

    /// Every value that shapes the result, for `config.json`.
    public var json: JSON {
        let (r, o, a) = (recipe, recipe.optimization, recipe.augmentation)
        var members: [JSON.Member] = [
            .init("arch", .string(architecture.rawValue)), .init("stem", .string(r.stem.rawValue)),
            .init("objective", .string(objective.rawValue)), .init("image_size", .integer(r.imageSize)),
            .init("batch", .integer(r.batch)), .init("epochs", .integer(r.epochs)),
            .init("lr", .number(o.learningRate)), .init("schedule", .string(o.schedule.rawValue)),
            .init("warmup_epochs", .number(o.warmUpEpochs)), .init("momentum", .number(o.momentum)),
            .init("weight_decay", .number(o.weightDecay)), .init("no_decay", .string(o.decayExemption.rawValue)),
            .init("gradient_clip", o.gradientClip.map { .number($0) } ?? .null),
            .init("crop_scale", .number(a.cropScale)), .init("jitter", .number(a.color?.jitter ?? 0)),
            .init("grayscale", .number(a.color?.grayscale ?? 0)), .init("flip", .number(a.flip)),
            .init("normalization", r.normalization.json),
            .init("seed", .integer(Int(truncatingIfNeeded: seed))), .init("precision", .string(precision.rawValue)),
            .init("device", .string(device.description)), .init("threads", .integer(Runtime.threads)),
            .init("workers", .integer(workers)),
        ]
        if o.schedule == .step {
            members += [
                .init("milestones", .array(o.milestones.map { .number($0) })), .init("gamma", .number(o.gamma)),
            ]
        }
        return .object(members + objective.method.settings(self))
    }

    /// Settings that a resumed run may change because the result does not depend on them.
    public static let mayDiffer: Set<String> = ["workers"]
}
