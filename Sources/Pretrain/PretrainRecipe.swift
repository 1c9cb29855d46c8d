public import Backbone
public import Imaging
public import Training

/// The hyper-parameters of a published training, as one readable definition; every one can be overridden.
///
/// Source: Wu et al., CVPR 2018, and its authors' reference code.
public struct PretrainRecipe: EpochRecipe, Hashable, Sendable {
    public enum Name: String, CaseIterable, Sendable { case imagenet, cifar10 }

    public var batch = 256
    public var epochs = 200
    public var optimization = Optimization(learningRate: 0.03, milestones: [120, 160], weightDecay: 1e-4)
    public var imageSize = 224
    public var stem = Stem.imagenet
    public var normalization = Normalization.imagenet
    public var augmentation = Augmentation(cropScale: 0.2, color: .init(grayscale: 0.2, jitter: 0.4))
    /// Of instance discrimination.
    public var instance = InstanceSettings()

    public static let imagenet = PretrainRecipe()

    public static let cifar10: PretrainRecipe = {
        var recipe = PretrainRecipe()
        recipe.batch = 128
        recipe.optimization.weightDecay = 5e-4
        recipe.imageSize = 32
        recipe.stem = .cifar
        recipe.normalization = .cifar10
        recipe.augmentation.flip = 0
        recipe.instance.loss = .softmax
        recipe.instance.temperature = 0.1
        return recipe
    }()

    public static func named(_ name: Name) -> PretrainRecipe {
        switch name {
        case .imagenet: imagenet
        case .cifar10: cifar10
        }
    }
}
