internal import Backbone
public import Datasets
public import Distributed
internal import Imaging
public import Support
public import Torch
public import Training

/// All settings of a linear probe beside its recipe.
public struct LinearProbeOptions: Sendable {
    public var recipe: LinearRecipe
    public var imageSize: Int
    public var seed: UInt64 = 0
    public var workers = 2
    public var device = Device.cpu
    public var onBadImage = BadImagePolicy.stop

    public init(recipe: LinearRecipe, imageSize: Int) {
        self.recipe = recipe
        self.imageSize = imageSize
    }
}

/// Images or ready layers that a linear probe is trained or tested on.
public enum LinearProbeData {
    case images(any ImageCollection)
    case cached(CachedLayers)

    public var count: Int {
        switch self {
        case .images(let data): data.count
        case .cached(let layers): layers.count
        }
    }

    public var classes: [String] {
        switch self {
        case .images(let data): data.classes
        case .cached(let layers): layers.classes
        }
    }

    public var source: String {
        switch self {
        case .images(let data): data.source
        case .cached(let layers): layers.source
        }
    }
}

/// Linear classifiers on several layers of a frozen network, trained side by side in one pass over the data; the loop in
/// `Training` drives it. Their losses are summed, but share no weight: each is trained as it would be alone.
public final class LinearProbe: TrainingTask {
    public let options: LinearProbeOptions
    public let layers: [LayerReader.Layer]
    public let parameters: Parameters
    public let optimizer: any Optimizer
    public let totalSteps: Int
    public let stepsPerEpoch: Int

    private let reader: LayerReader?
    private let data: LinearProbeData
    private let heads: [LinearHead]
    private let rates: LearningRateSchedule
    /// Of images; cached layers need no loader.
    private let batches: EpochBatches?

    /// - Parameter reader: What images go through; not needed for cached layers.
    /// - Throws: `InputError` when there are fewer images than a batch has, or fewer than two classes.
    ///   Images may be shared by several processes.
    public init(
        _ options: LinearProbeOptions, reader: LayerReader?, train data: LinearProbeData, world: World = .alone
    ) throws(InputError) {
        let recipe = options.recipe
        guard data.classes.count >= 2 else {
            throw InputError(data.source, "has fewer than two classes", remedy: "give labelled images")
        }
        guard recipe.batch % world.size == 0 else {
            throw InputError(
                "a batch of \(recipe.batch)", "does not split into equal parts for \(world.size) processes",
                remedy: "use a multiple of \(world.size)")
        }
        guard data.count >= recipe.batch else {
            throw InputError(
                data.source, "has only \(data.count.counted("image")) for batches of \(recipe.batch)",
                remedy: "use smaller batches")
        }
        switch data {
        case .images(let images):
            guard let reader else { preconditionFailure("images need a reader of their layers") }
            layers = reader.layers
            batches = EpochBatches(
                images, batchSize: recipe.batch,
                views: [recipe.augmentation.pipeline(imageSize: options.imageSize)], seed: options.seed,
                workers: options.workers, onBadImage: options.onBadImage, share: world.share)
        case .cached(let cached):
            layers = cached.layers
            batches = nil
        }
        self.options = options
        self.reader = reader
        self.data = data
        stepsPerEpoch = data.count / recipe.batch
        totalSteps = stepsPerEpoch * recipe.epochs
        let parameters = Parameters()
        heads = layers.map {
            // A generator for each, so that a classifier starts alike whatever stands beside it.
            let scope = Scope(seed: options.seed, device: options.device, parameters: parameters)
            return LinearHead(
                scope / $0.name, $0, classes: data.classes.count, normalizesBatch: recipe.normalizesBatch)
        }
        self.parameters = parameters
        optimizer = recipe.optimization.optimizer(parameters)
        rates = recipe.optimization.rates(epochs: recipe.epochs, stepsPerEpoch: stepsPerEpoch)
    }

    public func learningRate(atStep step: Int) -> Double { rates.rate(atStep: step) }

    public func forward(step: Int) throws -> StepResult {
        let (outputs, labels, names) = try nextBatch(step)
        let targets = Tensor(labels).uploaded(to: options.device)
        let losses = zip(heads, outputs).map {
            $0($1.to(device: options.device), mode: .train).crossEntropy(targets)
        }
        let sum = losses.dropFirst().reduce(losses[0]) { $0 + $1 }
        let values = zip(layers, losses).map { (name: "loss_\($0.name)", value: $1) }
        return StepResult(StepLoss(sum, values: values), images: labels.count, imageNames: names)
    }

    private func nextBatch(_ step: Int) throws -> (outputs: [Tensor], labels: [Int], names: () -> [String]) {
        switch data {
        case .images:
            guard let batches, let reader else { preconditionFailure("images need a loader and a reader") }
            let batch = try batches.batch(atStep: step)
            return (reader(batch), batch.labels, batches.paths(of: batch))
        case .cached(let cached):
            let (batchSize, position) = (options.recipe.batch, step % stepsPerEpoch)
            let order = EpochSampler(count: data.count, seed: options.seed, epoch: step / stepsPerEpoch).order
            let indices = Array(order[position * batchSize..<(position + 1) * batchSize])
            return (cached.select(indices), indices.map { cached.labels[$0] }, { indices.map { cached.names[$0] } })
        }
    }

    // MARK: State

    public var localStatistics: [Tensor] { parameters.runningStatistics }

    /// Everything beside parameters and velocities follows from seed and step.
    public var extraState: Checkpoint { Checkpoint() }
    public func restore(extraState: Checkpoint) {}

    // MARK: Test

    /// Accuracy of each classifier on the test set, the middle of each image. `progress` gets the number done.
    ///
    /// - Throws: `InputError` naming the test set when its classes or layers differ.
    public func evaluate(_ test: LinearProbeData, progress: (Int) throws -> Void = { _ in }) throws -> [TopAccuracy] {
        guard test.classes == data.classes else {
            throw InputError(
                test.source, "has other classes than \(data.source)", remedy: "use data sets with the same classes")
        }
        var accuracies = layers.map { _ in TopAccuracy(classes: data.classes.count) }
        func add(_ outputs: [Tensor], _ labels: [Int]) {
            withoutGradients {
                for index in heads.indices {
                    accuracies[index].add(
                        heads[index](outputs[index].to(device: options.device), mode: .evaluate), labels)
                }
            }
        }
        switch test {
        case .cached(let cached):
            guard cached.layers.map(\.dimension) == layers.map(\.dimension) else {
                throw InputError(
                    test.source,
                    "has features of \(cached.layers.map(\.dimension)) dimensions, the training set of "
                        + "\(layers.map(\.dimension))", remedy: "use the same weights and layer for both")
            }
            for start in stride(from: 0, to: cached.count, by: options.recipe.batch) {
                let indices = Array(start..<min(cached.count, start + options.recipe.batch))
                add(cached.select(indices), indices.map { cached.labels[$0] })
                try progress(start + indices.count)
            }
        case .images(let images):
            guard let reader else { preconditionFailure("images need a reader of their layers") }
            let batches = TestBatches(
                batchSize: min(64, options.recipe.batch),
                pipeline: FeatureExtractor.testPipeline(imageSize: options.imageSize), workers: options.workers,
                onBadImage: options.onBadImage)
            try batches.forEach(of: images, progress: progress) { add(reader($0), $0.labels) }
        }
        return accuracies
    }
}
