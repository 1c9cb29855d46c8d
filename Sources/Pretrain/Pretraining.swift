public import Backbone
public import Datasets
public import Distributed
internal import Imaging
public import Support
public import Torch
public import Training

/// Trains a backbone by a method; the loop in `Training` drives it.
public final class Pretraining: CapturableTask {
    public let options: PretrainOptions
    public let method: any PretextMethod
    public let parameters: Parameters
    public let optimizer: any Optimizer
    public let totalSteps: Int
    public var stepsPerEpoch: Int { batches.stepsPerEpoch }

    private let data: any ImageCollection
    private let batches: EpochBatches
    private let generator: Generator
    private let rates: LearningRateSchedule
    private let world: World

    /// - Parameter world: The processes that train together: each gets an equal part of every batch.
    /// - Throws: `InputError` when the data cannot serve the method.
    public init(
        _ options: PretrainOptions, data: any ImageCollection, world: World = .alone
    ) throws(InputError) {
        let recipe = options.recipe
        try options.architecture.require(imageSize: recipe.imageSize)
        guard data.count >= recipe.batch else {
            throw InputError(
                data.source, "has only \(data.count.counted("image")) for batches of \(recipe.batch)",
                remedy: "use smaller batches")
        }
        guard recipe.batch % world.size == 0 else {
            throw InputError(
                "a batch of \(recipe.batch)", "does not split into equal parts for \(world.size) processes",
                remedy: "use a multiple of \(world.size)")
        }
        self.options = options
        self.data = data
        self.world = world
        let kind = options.method.method
        batches = EpochBatches(
            data, batchSize: recipe.batch, views: kind.views(recipe), cut: kind.cut(recipe),
            defersChanges: options.augmentsOnDevice ?? (options.device.kind != .cpu), seed: options.seed,
            workers: options.workers, onBadImage: options.onBadImage, share: world.share)
        totalSteps = batches.stepsPerEpoch * recipe.epochs
        let scope = Scope(seed: options.seed, device: options.device)
        method = try kind.init(
            MethodContext(options: options, data: data, scope: scope, totalSteps: totalSteps, world: world))
        parameters = scope.parameters
        generator = scope.trainingGenerator
        world.diverge(generator, seed: options.seed)
        optimizer = recipe.optimization.optimizer(parameters, fixed: method.fixedRatePrefixes)
        rates = recipe.optimization.rates(epochs: recipe.epochs, stepsPerEpoch: batches.stepsPerEpoch)
    }

    public func learningRate(atStep step: Int) -> Double { rates.rate(atStep: step) }

    public var device: Device { options.device }

    /// Never with dropout, whose generator a captured step cannot ask.
    public var isCapturable: Bool { options.architecture.isResidual && method.isSteady }

    public func inputs(step: Int) throws -> StepInputs {
        let batch = try batches.batch(atStep: step)
        let pixels = Tensor(
            batch.pixels, shape: [batch.viewCount * batch.count, batch.size.height, batch.size.width, 3]
        ).uploaded(to: device)
        let images = options.recipe.normalization(DeviceAugmentation.apply(batch.changes, to: pixels))
        return StepInputs(
            method.inputs(images, of: batch, step: step), images: batch.count, imageNames: batches.paths(of: batch))
    }

    public func forward(_ inputs: any TensorGroup) -> StepLoss {
        BatchNorm2d.synchronizing(over: options.synchronizesBatchNorm ? world.statistics : nil) {
            method.forward(erased: inputs)
        }
    }

    /// What makes the run depend on the number of its processes by more than the order of sums; nil for nothing.
    public var dependsOnProcesses: String? {
        if !options.architecture.isResidual || method.drawsMasks { return "each process draws dropout of its own" }
        if method.network.hasBatchNorm, !options.synchronizesBatchNorm {
            return "batch norm has statistics of each process's images"
        }
        return nil
    }

    public var localStatistics: [Tensor] {
        options.synchronizesBatchNorm ? [] : parameters.runningStatistics
    }

    // MARK: Weights

    /// The tensors of the backbone, and of what is stored beside it: what a weight file holds.
    public var exported: [Parameters.Entry] {
        if let parts = method.parts { return parts.joined().parameters.entries }
        let heads = method.headPrefixes
        return method.network.exported(
            parameters.entries.filter { entry in !heads.contains { entry.name.hasPrefix($0) } })
    }

    /// Begins with the weights of a file in place of random ones, as far as names and shapes fit.
    ///
    /// - Throws: `InputError` naming the file when a value is not finite.
    public func load(_ weights: [String: Tensor], from file: String) throws(InputError) -> Parameters.LoadReport {
        let report = try parameters.load(method.parts?.split(weights, from: file) ?? weights, from: file)
        method.networkWasLoaded()
        return report
    }

    /// Batches of images that running statistics are measured over.
    private static let statisticsBatches = 100

    /// Measures the running statistics of the network anew before its weights are written, for a method that asks for it: their
    /// means over the batches that an epoch after the last would begin with. Trains nothing, and draws nothing of the run's.
    ///
    /// - Throws: `InputError` naming an image that cannot be read.
    public func remeasureStatistics() throws {
        guard method.remeasuresStatistics, method.network.hasBatchNorm, world.isLeader else { return }
        let (recipe, kind) = (options.recipe, options.method.method)
        let order = EpochSampler(count: data.count, seed: options.seed, epoch: recipe.epochs).order
        let loader = BatchLoader(
            data, order: Array(order.prefix(Self.statisticsBatches * recipe.batch)), batchSize: recipe.batch,
            dropLast: true, views: kind.views(recipe), cut: kind.cut(recipe), seed: options.seed, epoch: recipe.epochs,
            workers: options.workers, onBadImage: options.onBadImage)
        var count = 0
        while let batch = try loader.next() {
            count += 1
            let images = recipe.normalization(batch, device: device)
            withoutGradients {
                withPrecision(options.precision, on: device) {
                    BatchNorm2d.weighing(1 / Double(count)) { _ = method.network.denseMap(images, mode: .train) }
                }
            }
        }
    }

    // MARK: State

    public var extraState: Checkpoint {
        var state = method.state
        // Of all processes, one behind the other.
        state.tensors.insert(("generator", world.state(of: generator)), at: 0)
        return state
    }

    public func restore(extraState: Checkpoint) throws {
        if let states = extraState["generator"] { try world.restore(generator, from: states) }
        try method.restore(extraState)
    }

    /// Pictures of what the network is given and what it answers now, for the same few images at any time.
    ///
    /// - Throws: `InputError` naming an image that cannot be read.
    public func samples(of images: Int) throws -> [SampleRow] {
        let (recipe, kind) = (options.recipe, options.method.method)
        let count = min(images, data.count)
        let order = (0..<count).map { $0 * data.count / count }
        let loader = BatchLoader(
            data, order: order, batchSize: max(1, count), views: kind.sampleViews(recipe), cut: kind.cut(recipe),
            seed: options.seed, epoch: 0, workers: 0, onBadImage: .use { _ in })
        guard let batch = try loader.next() else { return [] }
        return withoutGradients {
            method.samples(
                SampleBatch(batch, names: batch.indices.map(data.name), normalization: recipe.normalization, on: device)
            )
        }
    }

    /// What a weight file of this run says about itself.
    public func description(details: JSON) -> WeightDescription {
        let recipe = options.recipe
        var own = method.details
        let form = options.trainedNetwork().form
        if form.isNormalized { own.append(.init("folded", "batch norm behind conv1 to conv5")) }
        if form.stemStride != TrainingForm().stemStride {
            own.append(.init("trained_stem_stride", .integer(form.stemStride)))
        }
        if form.leak > 0 { own.append(.init("trained_leak", .number(form.leak))) }
        let details = JSON.object((details.members ?? []) + own)
        return WeightDescription(
            config: options.network(classes: method.classCount), normalization: recipe.normalization,
            imageSize: recipe.imageSize, objective: options.method.rawValue, details: details)
    }
}
