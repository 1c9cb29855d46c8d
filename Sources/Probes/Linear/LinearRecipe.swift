public import Imaging
public import Support

/// The settings of a linear probe; every one can be overridden.
public struct LinearRecipe: Hashable, Sendable {
    public enum Name: String, CaseIterable, Sendable { case layers, last }

    public var batch = 256
    public var epochs = 28
    public var learningRate = 0.01
    /// Epochs at which the learning rate is multiplied by `gamma`.
    public var milestones: [Double] = [8, 16, 24]
    public var gamma = 0.1
    public var momentum = 0.9
    public var isNesterov = true
    public var weightDecay = 5e-4
    /// Batch norm without scale and shift before each classifier.
    public var normalizesBatch = true
    public var pooling = PoolingRule.linear
    /// Smallest share of an image's area that a random crop takes.
    public var cropScale = 0.08
    /// Probability of mirroring an image.
    public var flip = 0.5

    public init() {}

    /// Layer by layer: Goyal et al., "Scaling and benchmarking self-supervised visual representation learning", ICCV 2019.
    public static let layers = LinearRecipe()

    /// The last layer alone, as the later papers on contrastive learning train it (He et al., MoCo, CVPR 2020).
    public static let last: LinearRecipe = {
        var recipe = LinearRecipe()
        recipe.epochs = 100
        recipe.learningRate = 30
        recipe.milestones = [60, 80]
        recipe.isNesterov = false
        recipe.weightDecay = 0
        recipe.normalizesBatch = false
        recipe.pooling = .average
        return recipe
    }()

    public static func named(_ name: Name) -> LinearRecipe {
        switch name {
        case .layers: layers
        case .last: last
        }
    }

    /// A shorter or longer run with a schedule of the same shape.
    public mutating func stretch(toEpochs count: Int) {
        milestones = milestones.map { $0 * Double(count) / Double(epochs) }
        epochs = count
    }

    /// What training images go through.
    public func trainingPipeline(imageSize: Int) -> ImagePipeline {
        ImagePipeline([
            .randomResizedCrop(
                size: ImageSize(width: imageSize, height: imageSize), scale: cropScale...1, ratio: (3.0 / 4)...(4.0 / 3)
            ),
            .randomHorizontalFlip(probability: flip),
        ])
    }

    public var json: JSON {
        [
            "batch": .integer(batch), "epochs": .integer(epochs), "lr": .number(learningRate),
            "milestones": .array(milestones.map { .number($0) }), "gamma": .number(gamma),
            "momentum": .number(momentum), "nesterov": .bool(isNesterov), "weight_decay": .number(weightDecay),
            "batch_norm": .bool(normalizesBatch), "pooling": .string(pooling.rawValue),
            "crop_scale": .number(cropScale), "flip": .number(flip),
        ]
    }

    /// The schedule in words.
    public var text: String {
        let steps = milestones.map { $0 == $0.rounded() ? String(Int($0)) : $0.fixed(1) }.joined(separator: ", ")
        return "SGD lr \(learningRate), x\(gamma) at epochs \(steps) of \(epochs), batch \(batch), "
            + "momentum \(momentum)\(isNesterov ? " (Nesterov)" : ""), weight decay \(weightDecay)"
    }
}
