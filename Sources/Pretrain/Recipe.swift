public import Backbone
public import Imaging
internal import Torch
public import Training

/// The hyper-parameters of a published training, as one readable definition; every one can be overridden.
///
/// Source: Wu et al., CVPR 2018, and its authors' reference code.
public struct Recipe: Hashable, Sendable {
    public enum Name: String, CaseIterable, Sendable { case imagenet, cifar10 }

    public var batch = 256
    public var epochs = 200
    public var learningRate = 0.03
    public var schedule = Schedule.step
    /// Epochs at which the learning rate is multiplied by `gamma`, with the step schedule.
    public var milestones: [Double] = [120, 160]
    public var gamma = 0.1
    /// Epochs in which the learning rate rises linearly to its full value.
    public var warmUpEpochs = 0.0
    public var momentum = 0.9
    public var weightDecay = 1e-4
    /// What is left out of weight decay.
    public var decayExemption = DecayExemption.none
    /// Largest joint norm of the gradients; nil leaves them as they are.
    public var gradientClip: Double?
    /// D
    public var dimension = 128
    public var loss = InstanceLossKind.nce
    /// m
    public var negatives = 4096
    public var negativesMode = NegativesMode.perSample
    /// Whether an image is kept from being its own noise.
    public var excludesPositive = false
    /// How Z is estimated.
    public var partition = PartitionEstimate.Method.frozen(batches: 1)
    /// τ
    public var temperature = 0.07
    public var bankMomentum = 0.5
    public var bankStorage = BankStorage.fp32
    public var imageSize = 224
    public var stem = Stem.imagenet
    public var normalization = Normalization.imagenet
    /// Smallest share of an image's area that a random crop takes.
    public var cropScale = 0.2
    /// Strength of the random changes of brightness, contrast, saturation and hue.
    public var jitter = 0.4
    /// Probability of taking the colour away.
    public var grayscale = 0.2
    /// Probability of mirroring an image.
    public var flip = 0.5

    public static let imagenet = Recipe()

    public static let cifar10: Recipe = {
        var recipe = Recipe()
        recipe.batch = 128
        recipe.weightDecay = 5e-4
        recipe.loss = .softmax
        recipe.temperature = 0.1
        recipe.imageSize = 32
        recipe.stem = .cifar
        recipe.normalization = .cifar10
        recipe.flip = 0
        return recipe
    }()

    public static func named(_ name: Name) -> Recipe {
        switch name {
        case .imagenet: imagenet
        case .cifar10: cifar10
        }
    }

    /// What training images go through: random crop, grayscale, colour jitter, mirroring.
    public func trainingPipeline(imageSize: Int) -> ImagePipeline {
        ImagePipeline([
            .randomResizedCrop(
                size: ImageSize(width: imageSize, height: imageSize), scale: cropScale...1, ratio: (3.0 / 4)...(4.0 / 3)
            ),
            .randomGrayscale(probability: grayscale),
            .colorJitter(brightness: jitter, contrast: jitter, saturation: jitter, hue: min(jitter, 0.5)),
            .randomHorizontalFlip(probability: flip),
        ])
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

/// How the rows of a memory bank are stored.
public enum BankStorage: String, CaseIterable, Sendable {
    case fp32
    /// Half the memory; similarities change by about 1e-3.
    case bf16

    var dtype: DType { self == .fp32 ? .float32 : .bfloat16 }
}

/// What a network is trained to tell apart.
public enum Objective: String, CaseIterable, Sendable {
    /// Every image from all others, by a memory bank (the paper's method).
    case instance
    /// Every image from all others, by an n-way linear classifier (the paper's baseline).
    case parametric
    /// The classes of the labels.
    case supervised
}
