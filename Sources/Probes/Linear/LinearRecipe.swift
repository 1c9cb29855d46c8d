public import Imaging
public import Support
public import Training

/// The settings of a linear probe; every one can be overridden.
public struct LinearRecipe: EpochRecipe, Hashable, Sendable {
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

    /// Every setting, as options and in `config.json`.
    public static var settings: [Setting<LinearRecipe>] {
        lengthSettings
            + Optimization.settings(["lr", "milestones", "gamma", "momentum", "weight-decay"]).map {
                $0.lifted(to: \.optimization)
            } + [
                .choice(
                    "batch-norm", "batch norm without scale and shift before each classifier", \.batchNorm,
                    key: "batch_norm"),
                .choice("pool", "what becomes of a layer's map", \.pooling, key: "pooling"),
            ] + Augmentation.plainSettings.map { $0.lifted(to: \.augmentation) }
    }

    public var json: JSON {
        .object(
            Self.settings.members(of: self).map {
                $0.name == "batch_norm" ? .init($0.name, .bool(normalizesBatch)) : $0
            }
                + [.init("nesterov", .bool(optimization.usesNesterov))])
    }

    private enum Switch: String, CaseIterable { case on, off }

    private var batchNorm: Switch {
        get { normalizesBatch ? .on : .off }
        set { normalizesBatch = newValue == .on }
    }

    /// The schedule in words.
    public var text: String {
        "SGD lr \(optimization.text(epochs: epochs)), batch \(batch), momentum \(optimization.momentum)"
            + "\(optimization.usesNesterov ? " (Nesterov)" : ""), weight decay \(optimization.weightDecay)"
    }
}
