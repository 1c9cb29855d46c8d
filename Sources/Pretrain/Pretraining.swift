public import Backbone
public import Datasets
internal import Imaging
public import Support
public import Torch
public import Training

/// Trains a backbone on images, without labels or with them; the loop in `Training` drives it.
public final class Pretraining: CapturableTask {
    public let options: PretrainOptions
    public let network: any Network
    public let parameters: Parameters
    public let optimizer: SGD
    /// What the instance objective keeps beside the network.
    public let instance: InstanceDiscrimination?
    public let totalSteps: Int
    public let stepsPerEpoch: Int

    private let data: any ImageCollection
    private let generator: Generator
    private let schedule: LearningRateSchedule
    private let pipeline: ImagePipeline
    private var loader: BatchLoader?

    /// - Throws: `InputError` when the data cannot serve the objective.
    public init(_ options: PretrainOptions, data: any ImageCollection) throws(InputError) {
        let recipe = options.recipe
        if options.objective == .supervised, data.classes.count < 2 {
            throw InputError(
                data.source, "has no class labels for the supervised objective",
                remedy: "give a folder with one folder a class, or another --objective")
        }
        guard data.count >= recipe.batch else {
            throw InputError(
                data.source, "has only \(data.count) images for batches of \(recipe.batch)", remedy: "lower --batch")
        }
        self.options = options
        self.data = data
        // Incomplete batches are dropped: batch norm over a few images would be another training.
        stepsPerEpoch = data.count / recipe.batch
        totalSteps = stepsPerEpoch * recipe.epochs
        let scope = Scope(seed: options.seed, device: options.device)
        network = NetworkConfig(options.architecture, stem: recipe.stem, classes: options.classCount(data))
            .makeNetwork(scope)
        parameters = scope.parameters
        generator = scope.trainingGenerator
        instance =
            options.objective == .instance
            ? InstanceDiscrimination(options, imageCount: data.count, featureCount: network.featureCount, scope) : nil
        optimizer = SGD(
            parameters.decayGroups(recipe.weightDecay, exempt: recipe.decayExemption), momentum: recipe.momentum)
        schedule = options.schedule(stepsPerEpoch: stepsPerEpoch)
        pipeline = recipe.trainingPipeline(imageSize: recipe.imageSize)
    }

    public func learningRate(atStep step: Int) -> Double { schedule.rate(atStep: step) }

    public var device: Device { options.device }

    /// Once Z has been measured; never with dropout, whose generator a captured step cannot ask.
    public var isCapturable: Bool { options.architecture.isResidual && instance?.isSteady ?? true }

    /// Images [B, 3, H, W], what they are [B] (their number, or their class), and the noise of the instance objective.
    public func inputs(step: Int) throws -> StepInputs {
        let batch = try nextBatch(step)
        let pixels = Tensor(batch.pixels, shape: [batch.count, batch.size.height, batch.size.width, 3])
            .uploaded(to: device)
        let x = options.recipe.normalization(DeviceAugmentation.apply(batch.changes, to: pixels))
        let targets = Tensor(options.objective == .supervised ? batch.labels : batch.indices).uploaded(to: device)
        let noise = instance?.drawNoise(for: targets)
        let (data, indices) = (data, batch.indices)
        return StepInputs([x, targets] + [noise?.indices, noise?.excluded].compactMap { $0 }, images: batch.count) {
            indices.map(data.path)
        }
    }

    public func forward(_ inputs: [Tensor]) -> (loss: Tensor, values: [(name: String, value: Tensor)]) {
        let (x, targets) = (inputs[0], inputs[1])
        guard let instance else {
            let logits = withPrecision(options.precision, on: device) { network.logits(x, mode: .train) }
            return (logits.to(dtype: .float32).crossEntropy(targets), [])
        }
        let embedding = withPrecision(options.precision, on: device) {
            instance.projection(network.features(x, mode: .train))
        }
        let noise = inputs.count > 2 ? NoiseImages(inputs[2], excluded: inputs.count > 3 ? inputs[3] : nil) : nil
        return instance.forward(embedding.to(dtype: .float32), targets, noise)
    }

    public func finish(step: Int) { instance?.finish() }

    private func nextBatch(_ step: Int) throws -> HostBatch {
        let (epoch, position) = (step / stepsPerEpoch, step % stepsPerEpoch)
        if loader == nil || position == 0 {
            loader = BatchLoader(
                data, order: EpochSampler(count: data.count, seed: options.seed, epoch: epoch).order,
                batchSize: options.recipe.batch, dropLast: true, pipeline: pipeline,
                defersChanges: options.augmentsOnDevice ?? (device.kind != .cpu), seed: options.seed, epoch: epoch,
                workers: options.workers, startBatch: position, onBadImage: options.onBadImage)
        }
        guard let batch = try loader?.next() else { fatalError("the loader ended before the epoch did") }
        return batch
    }

    // MARK: State

    public var extraState: Checkpoint {
        var state = Checkpoint(tensors: [("generator", generator.state)])
        instance?.save(to: &state)
        return state
    }

    public func restore(extraState: Checkpoint) throws {
        if let state = extraState["generator"] { try generator.restore(state) }
        guard try instance?.restore(from: extraState) ?? true else {
            throw InputError(
                data.source, "has another number of images than the checkpoint's memory bank",
                remedy: "resume with the data of the run")
        }
    }

    /// What a weight file of this run says about itself.
    public func description(details: JSON) -> WeightDescription {
        let recipe = options.recipe
        return WeightDescription(
            config: NetworkConfig(options.architecture, stem: recipe.stem, classes: options.classCount(data)),
            normalization: recipe.normalization, imageSize: recipe.imageSize, objective: options.objective.rawValue,
            details: details)
    }
}

extension PretrainOptions {
    /// Width of the network's last layer; nil when the objective does without.
    fileprivate func classCount(_ data: any ImageCollection) -> Int? {
        switch objective {
        case .instance: nil
        case .parametric: data.count
        case .supervised: data.classes.count
        }
    }
}

extension Parameters {
    /// The trained tensors, those without weight decay in a group of their own.
    func decayGroups(_ weightDecay: Double, exempt: DecayExemption) -> [ParameterGroup] {
        // A layer with running statistics is a normalisation.
        let norms = Set(
            entries.filter { $0.isBuffer && $0.name.hasSuffix(".running_mean") }.map {
                $0.name.dropLast(".running_mean".count)
            })
        func isExempt(_ name: String) -> Bool {
            let isNorm = name.lastIndex(of: ".").map { norms.contains(name[..<$0]) } ?? false
            return switch exempt {
            case .none: false
            case .norm: isNorm
            case .bias: !isNorm && name.hasSuffix(".bias")
            case .all: isNorm || name.hasSuffix(".bias")
            }
        }
        return [
            ParameterGroup(trainable.filter { !isExempt($0.name) }, weightDecay: weightDecay),
            ParameterGroup(trainable.filter { isExempt($0.name) }, weightDecay: 0),
        ]
    }
}
