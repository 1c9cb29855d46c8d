public import Backbone
public import Datasets
public import Distributed
public import Imaging
public import Support
public import Torch
public import Training

/// The settings of fine-tuning a whole network for classification.
public struct ClassifierRecipe: EpochRecipe, Hashable, Sendable {
    public var batch = 256
    public var epochs = 70
    public var optimization = Optimization(learningRate: 0.01, milestones: [30, 60], weightDecay: 1e-4)
    public var augmentation = Augmentation(cropScale: 0.2)

    public init() {}

    /// Semi-supervised learning of Wu et al., CVPR 2018, section 4.3; the schedule is the authors'.
    public static let semiSupervised = ClassifierRecipe()

    /// Every setting, as options and in `config.json`.
    public static var settings: [Setting<ClassifierRecipe>] {
        lengthSettings
            + Optimization.settings(["lr", "milestones", "gamma", "momentum", "weight-decay"]).map {
                $0.lifted(to: \.optimization)
            } + Augmentation.plainSettings.map { $0.lifted(to: \.augmentation) }
    }

    public var json: JSON { .object(Self.settings.members(of: self)) }

    /// The schedule in words.
    public var text: String {
        "SGD lr \(optimization.text(epochs: epochs)), batches of at most \(batch), momentum "
            + "\(optimization.momentum), weight decay \(optimization.weightDecay), random crops of "
            + "\(augmentation.cropScale) to 1 of the area, mirrored with probability \(augmentation.flip)"
    }
}

/// All settings of one fine-tuning.
public struct ClassifierOptions: Sendable {
    public var recipe: ClassifierRecipe
    public var config: NetworkConfig
    public var normalization: Normalization
    public var imageSize: Int
    public var seed: UInt64 = 0
    public var workers = 2
    public var device = Device.cpu
    public var precision = Precision.fp32
    public var onBadImage = BadImagePolicy.stop

    /// - Parameter description: What the weights say about themselves, or would.
    public init(recipe: ClassifierRecipe, description: WeightDescription, classes: Int) {
        self.recipe = recipe
        config = description.config
        config.classes = classes
        normalization = description.normalization
        imageSize = description.imageSize
    }
}

/// Fine-tunes a whole network with a new last layer on labelled images; the loop in `Training` drives it.
public final class ClassifierTraining: TrainingTask {
    public let options: ClassifierOptions
    public let parameters: Parameters
    public let optimizer: any Optimizer
    public let totalSteps: Int
    public var stepsPerEpoch: Int { batches.stepsPerEpoch }

    private let network: any Network
    private let batches: EpochBatches
    private let generator: Generator
    private let rates: LearningRateSchedule
    private let world: World

    /// - Parameter weights: The file to start from; nil starts from random weights.
    /// - Throws: `InputError` naming the file when it does not hold the network, and the data when it has fewer than two
    ///   images, and for images that are too small for the network.
    public init(
        _ options: ClassifierOptions, data: any ImageCollection, weights: SafetensorsFile?, world: World = .alone
    ) throws {
        self.world = world
        // Batch norm needs two images.
        guard data.count >= 2 * world.size else {
            throw InputError(
                data.source, "leaves \(data.count.counted("image")) to train on", remedy: "use more of them")
        }
        guard options.recipe.batch >= 2 * world.size else {
            throw InputError(
                "a batch of \(options.recipe.batch)", "leaves each of \(world.size) processes fewer than two images",
                remedy: "use larger batches")
        }
        try options.config.architecture.require(imageSize: options.imageSize)
        self.options = options
        let recipe = options.recipe
        batches = EpochBatches(
            data, batchSize: min(recipe.batch, data.count) / world.size * world.size,
            views: [recipe.augmentation.pipeline(imageSize: options.imageSize)], seed: options.seed,
            workers: options.workers, onBadImage: options.onBadImage, share: world.share)
        totalSteps = batches.stepsPerEpoch * recipe.epochs
        let scope = Scope(seed: options.seed, device: options.device)
        network = options.config.makeNetwork(scope)
        parameters = scope.parameters
        generator = scope.trainingGenerator
        world.diverge(generator, seed: options.seed)
        if let weights { try Self.load(weights, into: scope.parameters, except: options.config.classifierPrefix) }
        optimizer = recipe.optimization.optimizer(parameters)
        rates = recipe.optimization.rates(epochs: recipe.epochs, stepsPerEpoch: batches.stepsPerEpoch)
    }

    /// Everything but the last layer, which stays as it was initialised.
    private static func load(_ file: SafetensorsFile, into parameters: Parameters, except prefix: String) throws {
        let report = try parameters.load(file.tensors().filter { !$0.key.hasPrefix(prefix) }, from: file.path)
        if let first = (report.missing.filter { !$0.hasPrefix(prefix) } + report.mismatched).first {
            throw InputError(
                file.path, "does not fit the network: \(first) is missing or has another shape",
                remedy: "check the architecture")
        }
    }

    public func learningRate(atStep step: Int) -> Double { rates.rate(atStep: step) }

    public func forward(step: Int) throws -> StepResult {
        let batch = try batches.batch(atStep: step)
        let x = options.normalization(
            batch.pixels, count: batch.count, height: batch.size.height, width: batch.size.width, device: options.device
        )
        let logits = withPrecision(options.precision, on: options.device) { network.logits(x, mode: .train) }
        let loss = logits.to(dtype: .float32).crossEntropy(Tensor(batch.labels).uploaded(to: options.device))
        return StepResult(StepLoss(loss), images: batch.count, imageNames: batches.paths(of: batch))
    }

    /// The generator that dropout draws from.
    public var extraState: Checkpoint { Checkpoint(tensors: [("generator", world.state(of: generator))]) }

    public func restore(extraState: Checkpoint) throws {
        if let states = extraState["generator"] { try world.restore(generator, from: states) }
    }

    public var localStatistics: [Tensor] { parameters.runningStatistics }

    /// Accuracy on the middle of each test image. `progress` gets the number done.
    public func evaluate(_ test: any ImageCollection, progress: (Int) throws -> Void = { _ in }) throws -> TopAccuracy {
        var accuracy = TopAccuracy(classes: test.classes.count)
        let frozen = network.frozen(options.precision)
        let batches = TestBatches(
            pipeline: FeatureExtractor.testPipeline(imageSize: options.imageSize), workers: options.workers,
            onBadImage: options.onBadImage)
        try batches.forEach(of: test, progress: progress) { batch in
            withoutGradients {
                let x = options.normalization(
                    batch.pixels, count: batch.count, height: batch.size.height, width: batch.size.width,
                    device: options.device)
                accuracy.add(frozen.logits(x, mode: .evaluate).to(dtype: .float32), batch.labels)
            }
        }
        return accuracy
    }
}
