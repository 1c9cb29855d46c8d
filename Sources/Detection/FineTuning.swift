internal import Backbone
internal import Boxes
internal import Datasets
public import Distributed
internal import Imaging
internal import Support
public import Torch
public import Training

/// Fine-tunes a Fast or Faster R-CNN on images with objects; the loop in `Training` drives it.
///
/// The region proposal network of Faster R-CNN learns together with Fast R-CNN ("approximate joint training"): its proposals
/// are what that classifies, and no gradient flows through their coordinates.
public final class FineTuning: TrainingTask {
    public let options: FineTuneOptions
    public let model: FastRCNN
    private let proposer: RegionProposalNetwork?
    public let optimizer: any Optimizer
    public let stepsPerEpoch: Int
    public let statistics: BoxTargetStatistics
    /// What became of the weights the backbone was started from; nil for random ones.
    public private(set) var initialization: Parameters.LoadReport?

    private let maker: SampleMaker
    private let generator: Generator
    private let schedule: LearningRateSchedule
    /// Where the time of a step goes, when asked for.
    public var profile: StageClock?
    private let trunkMode: Mode
    private let classifierMode: Mode
    /// The network as it was when training began, for its frozen stages: made at the first step, when the weights of a
    /// checkpoint are in place.
    private var firstStages: (any Network)?
    private var pool: WorkerPool<TrainingSample>?
    /// Number of the sample, over all epochs, that job 0 of the pool makes.
    private var poolStart = 0
    private let world: World
    /// Images of a step that this process takes.
    private let ownImages: Int

    /// Samples that may lie ready or be in work ahead of the step.
    private static let prefetch = 6

    /// - Parameter weights: Tensors by torchvision's names; nil leaves the backbone at its random values.
    /// - Parameter world: The processes that train together: each takes an equal part of the images of a step.
    /// - Throws: `InputError` when the set has no objects to learn from, or the weights do not fit the trunk.
    public init(
        _ options: FineTuneOptions, data: DetectionSet, weights: [String: Tensor]?, weightPath: String = "",
        world: World = .alone
    ) throws {
        guard options.imagesPerStep % world.size == 0 else {
            throw InputError(
                "\(options.imagesPerStep.counted("image")) a step",
                "do not split into equal parts for \(world.size) processes",
                remedy: "use a multiple of \(world.size) (--images-per-step)")
        }
        self.options = options
        self.world = world
        ownImages = options.imagesPerStep / world.size
        guard data.count > 0 else {
            throw InputError(data.images.source, "has no images", remedy: "name another image set")
        }
        guard
            (0..<data.count).contains(where: { !data.trainingObjects($0, difficult: options.trainsOnDifficult).isEmpty }
            )
        else {
            throw InputError(
                data.images.source, "has no objects of the classes to train on",
                remedy: "check the classes and annotations")
        }
        let scope = Scope(seed: options.seed, device: options.device)
        let layers = DetectorModel(scope, options.detector)
        model = layers.fastRCNN
        proposer = layers.proposer
        precondition(
            proposer != nil || data.proposals != nil, "a detector that proposes no regions needs a set with proposals")
        precondition(
            (0...model.network.trunkStages.count).contains(options.frozenStages),
            "\(options.frozenStages) frozen stages of \(model.network.trunkStages.count)")
        generator = scope.trainingGenerator
        world.diverge(generator, seed: options.seed)
        statistics = try SampleMaker.statistics(of: data, options: options)
        maker = SampleMaker(set: data, options: options, statistics: statistics)
        stepsPerEpoch = max(1, maker.samplesPerEpoch / options.imagesPerStep)
        schedule = options.learningRates
        let batchNormMode: Mode = options.batchNorm == .train ? .train : .evaluate
        trunkMode = batchNormMode
        classifierMode = model.network.hasBatchNorm ? batchNormMode : .train
        if let weights {
            initialization = try Self.load(weights, into: model, from: weightPath)
        }
        Self.freeze(model, options)
        optimizer = SGD(Self.groups(model.parameters, options), momentum: options.momentum)
    }

    /// Loads the backbone; projections and classifiers on top of it stay behind. Convolutions have to be complete; the
    /// fully connected layers of AlexNet and VGG16 keep their initial values where the weights have none, and so does the
    /// batch norm that detectors have in front of their average.
    private static func load(_ weights: [String: Tensor], into model: FastRCNN, from path: String) throws
        -> Parameters.LoadReport
    {
        let prefix = FastRCNN.backbonePrefix + "."
        let report = try model.parameters.load(
            Dictionary(uniqueKeysWithValues: weights.map { (prefix + $0.key, $0.value) }), from: path)
        let missing =
            report.missing.filter { name in
                name.hasPrefix(prefix)
                    && ![fullyConnectedPrefix, regionNormPrefix].contains { name.hasPrefix(prefix + $0) }
            }
            + report.mismatched
        if let first = missing.first {
            throw InputError(
                path, "does not fit the backbone: \(first) is missing or has another shape",
                remedy: "check the architecture")
        }
        return report
    }

    private static let fullyConnectedPrefix = "classifier."
    private static let regionNormPrefix = "norm."

    /// The fully connected layers that the weights had no values for.
    public var initializedLayers: [String] {
        initialization?.missing.filter {
            $0.hasPrefix("\(FastRCNN.backbonePrefix).\(Self.fullyConnectedPrefix)")
        } ?? []
    }

    private static func freeze(_ model: FastRCNN, _ options: FineTuneOptions) {
        let stages = model.network.trunkStages.prefix(options.frozenStages).joined()
        model.parameters.freeze(stages.map { "\(FastRCNN.backbonePrefix).\($0)" })
        guard options.batchNorm == .frozen else { return }
        // A frozen batch norm keeps scale and shift, too.
        model.parameters.freeze(Array(model.parameters.batchNormPrefixes))
    }

    /// Weights decay; biases have settings of their own; batch norm has no decay.
    private static func groups(_ parameters: Parameters, _ options: FineTuneOptions) -> [ParameterGroup] {
        let norms = parameters.batchNormPrefixes
        func isNorm(_ name: String) -> Bool {
            norms.contains { name.hasPrefix($0) }
        }
        let trainable = parameters.trainable
        return [
            ParameterGroup(
                trainable.filter { !isNorm($0.name) && !$0.name.hasSuffix(".bias") }, weightDecay: options.weightDecay),
            ParameterGroup(
                trainable.filter { !isNorm($0.name) && $0.name.hasSuffix(".bias") },
                learningRateScale: options.biasScale, weightDecay: options.decaysBiases ? options.weightDecay : 0),
            ParameterGroup(trainable.filter { isNorm($0.name) }, weightDecay: 0),
        ]
    }

    // MARK: TrainingTask

    public var parameters: Parameters { model.parameters }
    public var totalSteps: Int { options.iterations }
    public func learningRate(atStep step: Int) -> Double { schedule.rate(atStep: step) }

    public func forward(step: Int) throws -> StepResult {
        try BatchNorm2d.synchronizing(over: options.synchronizesBatchNorm ? world.statistics : nil) {
            try ownPart(ofStep: step)
        }
    }

    public var localStatistics: [Tensor] {
        options.synchronizesBatchNorm || options.batchNorm != .train ? [] : parameters.runningStatistics
    }

    private func ownPart(ofStep step: Int) throws -> StepResult {
        // Samples are made ahead; what counts is how long a step waits for them.
        let samples = try profile.measure("wait for images") {
            try (0..<ownImages).map { try sample(step * ownImages + $0) }
        }
        // Each image for itself: autocast keeps converted weights for the whole process until some thread leaves it, and
        // gradients of a weight that was converted once add up in other roundings than those of one converted twice.
        let passes = samples.map { sample in withPrecision(options.precision, on: options.device) { pass(sample) } }
        let regions = passes.map(\.regions)
        let labels = Tensor(regions.flatMap(\.labels)).uploaded(to: options.device)  // [R]
        let targets = Tensor(regions.flatMap(\.targets), shape: [labels.count, 4]).uploaded(to: options.device)
        let (logits, deltas) = withPrecision(options.precision, on: options.device) {
            profile.measure("head") { model.classify(Tensor.cat(passes.compactMap(\.pooled)), mode: classifierMode) }
        }
        let meanRegions = world.size == 1 ? 1 : world.mean(Tensor([Double(labels.count)])).item
        let result = profile.measure("loss") {
            let losses = FastRCNN.losses(
                logits: logits, deltas: deltas, labels: labels, targets: targets, beta: options.boxBeta)
            let accuracy = withoutGradients { logits.argmax(1).equal(labels).to(dtype: .float32).mean() }
            // Means over the regions of all processes, of which this one may have more or fewer.
            func weighed(_ x: Tensor) -> Tensor {
                world.size == 1 ? x : x * (Double(regions.reduce(0) { $0 + $1.boxes.count }) / meanRegions)
            }
            let (classification, regression) = (weighed(losses.classification), weighed(losses.regression))
            var total = classification + regression
            var values = [
                (name: "classification_loss", classification), ("box_loss", regression),
                ("roi_accuracy", weighed(accuracy)),
            ]
            let proposing = passes.compactMap(\.proposing)
            if !proposing.isEmpty {
                let objectness = Tensor.stack(proposing.map(\.objectness)).mean()
                let regression = Tensor.stack(proposing.map(\.regression)).mean()
                total = total + objectness + regression
                values += [("rpn_objectness_loss", objectness), ("rpn_box_loss", regression)]
            }
            return (loss: total, values: values)
        }
        let (images, indices) = (maker.set.images, samples.map(\.index))
        return StepResult(StepLoss(result.loss, values: result.values), images: samples.count) {
            indices.map(images.path)
        }
    }

    /// What one image brings to a step.
    private struct ImagePass {
        /// [R, C, S, S] of its regions; nil without any.
        var pooled: Tensor?
        var regions: RegionBatch
        /// Of the region proposal network.
        var proposing: (objectness: Tensor, regression: Tensor)?
    }

    /// Images differ in size, so each has a trunk of its own; the regions of all are classified together.
    private func pass(_ sample: TrainingSample) -> ImagePass {
        let (image, size) = (sample.image, sample.image.size)
        let featureMap = profile.measure("backbone") {
            trunk(
                options.detector.normalization(
                    image.pixels, count: 1, height: size.height, width: size.width, device: options.device))
        }
        var regions = sample.regions
        var losses: (objectness: Tensor, regression: Tensor)?
        if let proposer {
            profile.measure("proposals") { (regions, losses) = propose(proposer, featureMap, sample) }
        }
        guard let regions else { preconditionFailure("the sample has no regions") }
        let pooled = regions.boxes.isEmpty ? nil : profile.measure("roi") { model.pool(featureMap, regions.boxes) }
        return ImagePass(pooled: pooled, regions: regions, proposing: losses)
    }

    /// The regions to classify, and the losses of the network that proposes them.
    private func propose(_ proposer: RegionProposalNetwork, _ featureMap: Tensor, _ sample: TrainingSample) -> (
        RegionBatch, (objectness: Tensor, regression: Tensor)
    ) {
        let size = sample.image.size
        var random = sample.random
        let output = proposer(featureMap)
        let anchors = options.proposing.sampler.sample(
            output.anchors, sample.objects.map(\.box), width: Double(size.width), height: Double(size.height),
            random: &random)
        let losses = RegionProposalNetwork.losses(output, anchors, beta: options.proposing.beta)
        let boxes = proposer.proposals(
            output, options.proposing.layer, width: size.width, height: size.height, scale: sample.scale)
        return (maker.draw(boxes, sample.objects, size, random: &random), losses)
    }

    /// The feature map of one image; frozen stages run fused and without gradients, as inference does.
    private func trunk(_ x: Tensor) -> Tensor {
        let network = model.network
        // Batch norm that is trained keeps measuring its statistics in frozen stages, too.
        guard options.frozenStages > 0, trunkMode == .evaluate || !network.hasBatchNorm else {
            return model.featureMap(x, mode: trunkMode)
        }
        let first = firstStages ?? network.frozen(options.precision, trunkOnly: true)
        firstStages = first
        let frozen = withoutGradients { first.trunk(x, stages: 0..<options.frozenStages, mode: .evaluate) }
        return network.trunk(frozen, stages: options.frozenStages..<network.trunkStages.count, mode: trunkMode)
    }

    /// The sample of this process with that number, counted over all epochs; samples are asked for in order.
    private func sample(_ number: Int) throws -> TrainingSample {
        if pool == nil {
            poolStart = number
            let (maker, start, own, rank, perStep) = (maker, number, ownImages, world.rank, options.imagesPerStep)
            let total = options.iterations * own
            pool = WorkerPool(threads: max(1, options.workers), jobs: total - start, depth: Self.prefetch) { job in
                let (step, place) = (start + job).quotientAndRemainder(dividingBy: own)
                let number = step * perStep + rank * own + place
                return try maker.sample(epoch: number / maker.samplesPerEpoch, position: number % maker.samplesPerEpoch)
            }
        }
        return try pool!.take(number - poolStart)
    }

    public var extraState: Checkpoint {
        Checkpoint(tensors: [("generator", world.state(of: generator))])
    }

    public func restore(extraState: Checkpoint) throws {
        if let states = extraState["generator"] { try world.restore(generator, from: states) }
    }

    /// Writes the detector as it is now.
    public func writeModel(to path: String) throws {
        try Detector.write(model.foldedTensors(statistics), options.detector, to: path)
    }

    /// The detector as it is now, in memory.
    public func detector() throws -> Detector {
        try Detector(
            Dictionary(uniqueKeysWithValues: model.foldedTensors(statistics).map { ($0.name, $0.tensor) }),
            options.detector, device: options.device, precision: options.precision)
    }
}
