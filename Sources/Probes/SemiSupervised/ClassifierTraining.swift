public import Backbone
public import Datasets
public import Imaging
public import Support
public import Torch
public import Training

/// The settings of fine-tuning a whole network for classification.
public struct ClassifierRecipe: Hashable, Sendable {
    public var batch = 256
    public var epochs = 70
    public var learningRate = 0.01
    /// Epochs at which the learning rate is multiplied by `gamma`.
    public var milestones: [Double] = [30, 60]
    public var gamma = 0.1
    public var momentum = 0.9
    public var weightDecay = 1e-4
    /// Smallest share of an image's area that a random crop takes.
    public var cropScale = 0.2
    /// Probability of mirroring an image.
    public var flip = 0.5

    public init() {}

    /// Semi-supervised learning of Wu et al., CVPR 2018, section 4.3; the schedule is the authors'.
    public static let semiSupervised = ClassifierRecipe()

    /// A shorter or longer run with a schedule of the same shape.
    public mutating func stretch(toEpochs count: Int) {
        milestones = milestones.map { $0 * Double(count) / Double(epochs) }
        epochs = count
    }

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
            "momentum": .number(momentum), "weight_decay": .number(weightDecay), "crop_scale": .number(cropScale),
            "flip": .number(flip),
        ]
    }

    /// The schedule in words.
    public var text: String {
        let steps = milestones.map { $0 == $0.rounded() ? String(Int($0)) : $0.fixed(1) }.joined(separator: ", ")
        return
            "SGD lr \(learningRate), x\(gamma) at epochs \(steps) of \(epochs), batches of at most \(batch), momentum "
            + "\(momentum), weight decay \(weightDecay), random crops of \(cropScale) to 1 of the area, mirrored with "
            + "probability \(flip)"
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
    public let optimizer: SGD
    public let totalSteps: Int
    public let stepsPerEpoch: Int

    private let network: any Network
    private let data: any ImageCollection
    private let batchSize: Int
    private let generator: Generator
    private let schedule: LearningRateSchedule
    private var loader: BatchLoader?

    /// - Parameter weights: The file to start from; nil starts from random weights.
    /// - Throws: `InputError` naming the file when it does not hold the network, and the data when it has fewer than two
    ///   images.
    public init(_ options: ClassifierOptions, data: any ImageCollection, weights: SafetensorsFile?) throws {
        // Batch norm needs two images.
        guard data.count >= 2 else {
            throw InputError(data.source, "leaves \(data.count) images to train on", remedy: "use more of them")
        }
        self.options = options
        self.data = data
        let recipe = options.recipe
        batchSize = min(recipe.batch, data.count)
        stepsPerEpoch = data.count / batchSize
        totalSteps = stepsPerEpoch * recipe.epochs
        let scope = Scope(seed: options.seed, device: options.device)
        network = options.config.makeNetwork(scope)
        parameters = scope.parameters
        generator = scope.trainingGenerator
        if let weights { try Self.load(weights, into: scope.parameters, except: options.config.classifierPrefix) }
        optimizer = SGD(
            [ParameterGroup(parameters.trainable, weightDecay: recipe.weightDecay)], momentum: recipe.momentum)
        schedule = LearningRateSchedule(
            base: recipe.learningRate, epochMilestones: recipe.milestones, gamma: recipe.gamma,
            stepsPerEpoch: stepsPerEpoch)
    }

    /// Everything but the last layer, which stays as it was initialised.
    private static func load(_ file: SafetensorsFile, into parameters: Parameters, except prefix: String) throws {
        let report = parameters.load(file.tensors().filter { !$0.key.hasPrefix(prefix) })
        if let first = (report.missing.filter { !$0.hasPrefix(prefix) } + report.mismatched).first {
            throw InputError(
                file.path, "does not fit the network: \(first) is missing or has another shape",
                remedy: "check the architecture")
        }
    }

    public func learningRate(atStep step: Int) -> Double { schedule.rate(atStep: step) }

    public func forward(step: Int) throws -> StepResult {
        let batch = try nextBatch(step)
        let x = options.normalization(
            batch.pixels, count: batch.count, height: batch.size.height, width: batch.size.width, device: options.device
        )
        let logits = withPrecision(options.precision, on: options.device) { network.logits(x, mode: .train) }
        let loss = logits.to(dtype: .float32).crossEntropy(Tensor(batch.labels).uploaded(to: options.device))
        let (data, indices) = (data, batch.indices)
        return StepResult(loss: loss, images: batch.count) { indices.map(data.path) }
    }

    public func finish(step: Int) {}

    private func nextBatch(_ step: Int) throws -> HostBatch {
        let (epoch, position) = (step / stepsPerEpoch, step % stepsPerEpoch)
        if loader == nil || position == 0 {
            loader = BatchLoader(
                data, order: EpochSampler(count: data.count, seed: options.seed, epoch: epoch).order,
                batchSize: batchSize, dropLast: true,
                pipeline: options.recipe.trainingPipeline(imageSize: options.imageSize), seed: options.seed,
                epoch: epoch, workers: options.workers, startBatch: position, onBadImage: options.onBadImage)
        }
        guard let batch = try loader?.next() else { fatalError("the loader ended before the epoch did") }
        return batch
    }

    /// The generator that dropout draws from.
    public var extraState: Checkpoint { Checkpoint(tensors: [("generator", generator.state)]) }

    public func restore(extraState: Checkpoint) throws {
        for (name, tensor) in extraState.tensors where name == "generator" { try generator.restore(tensor) }
    }

    /// Accuracy on the middle of each test image. `progress` gets the number done.
    public func evaluate(_ test: any ImageCollection, progress: (Int) throws -> Void = { _ in }) throws -> TopAccuracy {
        var accuracy = TopAccuracy(classes: test.classes.count)
        let frozen = network.frozen(options.precision)
        let loader = BatchLoader(
            test, order: Array(0..<test.count), batchSize: 64,
            pipeline: FeatureExtractor.testPipeline(imageSize: options.imageSize), seed: 0, epoch: 0,
            workers: options.workers, onBadImage: options.onBadImage)
        while let batch = try loader.next() {
            withoutGradients {
                let x = options.normalization(
                    batch.pixels, count: batch.count, height: batch.size.height, width: batch.size.width,
                    device: options.device)
                accuracy.add(frozen.logits(x, mode: .evaluate).to(dtype: .float32), batch.labels)
            }
            try progress(accuracy.count)
        }
        return accuracy
    }
}
