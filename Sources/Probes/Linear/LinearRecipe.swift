public import Imaging
public import Support
public import Training

/// The settings of a linear probe; every one can be overridden.
public struct LinearRecipe: Hashable, Sendable {
    public enum Name: String, CaseIterable, Sendable { case layers, last }

    public var batch = 256
    public var epochs = 28
    public var optimization: Optimization = {
        var optimization = Optimization(learningRate: 0.01, milestones: [8, 16, 24], weightDecay: 5e-4)
        optimization.isNesterov = true
        return optimization
    }()
    /// Batch norm without scale and shift before each classifier.
    public var normalizesBatch = true
    public var pooling = PoolingRule.linear
    public var augmentation = Augmentation(cropScale: 0.08)

    public init() {}

    /// Layer by layer: Goyal et al., "Scaling and benchmarking self-supervised visual representation learning", ICCV 2019.
    public static let layers = LinearRecipe()

    /// The last layer alone, as the later papers on contrastive learning train it (He et al., MoCo, CVPR 2020).
    public static let last: LinearRecipe = {
        var recipe = LinearRecipe()
        recipe.epochs = 100
        recipe.optimization = Optimization(learningRate: 30, milestones: [60, 80], weightDecay: 0)
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
        optimization.stretch(from: epochs, to: count)
        epochs = count
    }

    public var json: JSON {
        let (o, a) = (optimization, augmentation)
        return [
            "batch": .integer(batch), "epochs": .integer(epochs), "lr": .number(o.learningRate),
            "milestones": .array(o.milestones.map { .number($0) }), "gamma": .number(o.gamma),
            "momentum": .number(o.momentum), "nesterov": .bool(o.isNesterov),
            "weight_decay": .number(o.weightDecay), "batch_norm": .bool(normalizesBatch),
            "pooling": .string(pooling.rawValue), "crop_scale": .number(a.cropScale), "flip": .number(a.flip),
        ]
    }

    /// The schedule in words.
    public var text: String {
        "SGD lr \(optimization.text(epochs: epochs)), batch \(batch), momentum \(optimization.momentum)"
            + "\(optimization.isNesterov ? " (Nesterov)" : ""), weight decay \(optimization.weightDecay)"
    }
}
