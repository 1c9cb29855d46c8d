public import Support
public import Torch

/// All resolved settings of a fine-tuning run; the defaults are Fast R-CNN's for VOC 2007.
public struct FineTuneOptions: Sendable {
    public var detector: DetectorConfig
    public var iterations = 40_000
    public var imagesPerStep = 2
    public var sampler = RegionSampler()
    public var learningRate = 0.001
    /// Steps at which the learning rate is multiplied by `gamma`.
    public var milestones = [30_000]
    public var gamma = 0.1
    public var momentum = 0.9
    /// Of weights; biases have none and learn at twice the rate.
    public var weightDecay = 0.0005
    /// Largest joint norm of the gradients; nil leaves them as they are.
    public var gradientClip: Double?
    public var batchNorm = BatchNormMode.frozen
    /// Stages of the network, from the input on, that keep their weights.
    public var frozenStages = 0
    /// Whether objects marked difficult are trained on.
    public var trainsOnDifficult = false
    public var seed: UInt64 = 0
    public var workers = 2
    public var device = Device.cpu
    public var precision = Precision.fp32

    public init(detector: DetectorConfig) { self.detector = detector }

    /// Every value that shapes the result, for `config.json`.
    public var json: JSON {
        .object([
            .init("detector", detector.json), .init("iterations", .integer(iterations)),
            .init("images_per_step", .integer(imagesPerStep)),
            .init("rois_per_image", .integer(sampler.regionsPerImage)),
            .init("foreground_fraction", .number(sampler.foregroundFraction)),
            .init("foreground_iou", .number(sampler.foregroundThreshold)),
            .init(
                "background_iou",
                [.number(sampler.backgroundThresholds.lowerBound), .number(sampler.backgroundThresholds.upperBound)]),
            .init("lr", .number(learningRate)),
            .init("milestones", .array(milestones.map { .integer($0) })), .init("gamma", .number(gamma)),
            .init("momentum", .number(momentum)), .init("weight_decay", .number(weightDecay)),
            .init("gradient_clip", gradientClip.map { .number($0) } ?? .null),
            .init("batch_norm", .string(batchNorm.rawValue)), .init("frozen_stages", .integer(frozenStages)),
            .init("train_difficult", .bool(trainsOnDifficult)), .init("seed", .integer(Int(truncatingIfNeeded: seed))),
            .init("precision", .string(precision.rawValue)), .init("device", .string(device.description)),
            .init("threads", .integer(Runtime.threads)), .init("workers", .integer(workers)),
        ])
    }

    /// Settings that a resumed run may change because the result does not depend on them.
    public static let mayDiffer: Set<String> = ["workers"]
}

/// What batch normalisation does while a detector is trained.
public enum BatchNormMode: String, CaseIterable, Sendable {
    /// Statistics, scale and shift stay as pretrained; the usual choice with a few images a step.
    case frozen
    /// As in pretraining; needed where there are no statistics yet, that is from random weights.
    case train
}
