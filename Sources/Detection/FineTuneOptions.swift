internal import Backbone
public import Support
public import Torch
public import Training

/// All resolved settings of a fine-tuning run; the defaults are Fast R-CNN's for VOC 2007, `DetectionRecipe` has others.
public struct FineTuneOptions: Sendable {
    public var detector: DetectorConfig
    public var iterations = 40_000
    public var imagesPerStep = 2
    /// Short sides of the input, of which one is drawn for each image; none for the detector's own.
    public var shortSides: [Int] = []
    public var sampler = RegionSampler()
    /// Where smooth L1 over the box deltas becomes linear; 0 is L1.
    public var boxBeta = 1.0
    /// How a network that proposes regions is trained; without effect on one that does not.
    public var proposing = ProposalTraining()
    public var learningRate = 0.001
    public var schedule = LearningRateSchedule.Shape.step
    /// With the step schedule, steps at which the learning rate is multiplied by `gamma`.
    public var milestones = [30_000]
    public var gamma = 0.1
    /// Steps over which the learning rate rises to its value.
    public var warmUpSteps = 0
    public var momentum = 0.9
    /// Of weights.
    public var weightDecay = 0.0005
    /// Biases learn at this multiple of the rate.
    public var biasScale = 2.0
    public var decaysBiases = false
    /// Largest joint norm of the gradients; nil leaves them as they are.
    public var gradientClip: Double?
    public var batchNorm = BatchNormMode.frozen
    /// Stages of the network, from the input on, that keep their weights.
    public var frozenStages = 0
    /// Whether objects marked difficult are trained on.
    public var trainsOnDifficult = false
    public var seed: UInt64 = 0
    /// Whether batch norm that is trained measures its statistics over an image of each process together.
    public var synchronizesBatchNorm = false
    public var workers = 2
    public var device = Device.cpu
    public var precision = Precision.fp32

    public init(detector: DetectorConfig) { self.detector = detector }

    /// Every value that shapes the result, for `config.json`.
    public var json: JSON {
        .object(
            [
                .init("detector", detector.json), .init("iterations", .integer(iterations)),
                .init("images_per_step", .integer(imagesPerStep)),
                .init("short_sides", .array(shortSides.map { .integer($0) })),
                .init("rois_per_image", .integer(sampler.regionsPerImage)),
                .init("foreground_fraction", .number(sampler.foregroundFraction)),
                .init("foreground_iou", .number(sampler.foregroundThreshold)),
                .init(
                    "background_iou",
                    [
                        .number(sampler.backgroundThresholds.lowerBound),
                        .number(sampler.backgroundThresholds.upperBound),
                    ]),
                .init("box_beta", .number(boxBeta)), .init("lr", .number(learningRate)),
                .init("schedule", .string(schedule.rawValue)),
                .init("milestones", .array(milestones.map { .integer($0) })), .init("gamma", .number(gamma)),
                .init("warm_up_steps", .integer(warmUpSteps)), .init("momentum", .number(momentum)),
                .init("weight_decay", .number(weightDecay)), .init("bias_lr_scale", .number(biasScale)),
                .init("decays_biases", .bool(decaysBiases)),
                .init("gradient_clip", gradientClip.map { .number($0) } ?? .null),
                .init("batch_norm", .string(batchNorm.rawValue)), .init("frozen_stages", .integer(frozenStages)),
                .init("train_difficult", .bool(trainsOnDifficult)),
                .init("seed", .integer(Int(truncatingIfNeeded: seed))),
                .init("precision", .string(precision.rawValue)), .init("device", .string(device.description)),
                .init("threads", .integer(Runtime.threads)), .init("workers", .integer(workers)),
            ] + (detector.kind == .faster ? [.init("rpn", proposing.json)] : []))
    }

    var learningRates: LearningRateSchedule {
        LearningRateSchedule(
            base: learningRate, shape: schedule, milestones: milestones, gamma: gamma, totalSteps: iterations,
            warmUpSteps: warmUpSteps)
    }

    /// Settings that a resumed run may change because the result does not depend on them.
    public static let mayDiffer: Set<String> = ["workers"]

    /// What makes the run depend on the number of its processes by more than the order of sums; nil for nothing.
    public var dependsOnProcesses: String? {
        if !detector.network.architecture.isResidual { return "each process draws dropout of its own" }
        // Each image is normalised by itself, whoever has it.
        let isShared = synchronizesBatchNorm && batchNorm == .train
        return isShared ? "batch norm has statistics of an image of each process" : nil
    }
}

/// How a region proposal network is trained beside the detector that uses it.
public struct ProposalTraining: Hashable, Sendable {
    public var sampler = AnchorSampler()
    /// Boxes that enter non-maximum suppression, and those kept to draw the classified ones from.
    public var layer = ProposalLayer(candidates: 12_000, proposals: 2000)
    /// Where smooth L1 over the deltas of anchors becomes linear: 1/σ² with the published σ = 3.
    public var beta = 1.0 / 9

    public init() {}

    var json: JSON {
        [
            "anchors_per_image": .integer(sampler.anchorsPerImage),
            "positive_fraction": .number(sampler.positiveFraction),
            "positive_iou": .number(sampler.positiveThreshold), "negative_iou": .number(sampler.negativeThreshold),
            "skips_straddling": .bool(sampler.skipsStraddling), "candidates": .integer(layer.candidates),
            "proposals": .integer(layer.proposals), "nms": .number(layer.nmsThreshold), "beta": .number(beta),
        ]
    }
}

/// What batch normalisation does while a detector is trained.
public enum BatchNormMode: String, CaseIterable, Sendable {
    /// Statistics, scale and shift stay as pretrained; the usual choice with a few images a step.
    case frozen
    /// As in pretraining; needed where there are no statistics yet, that is from random weights.
    case train
}
