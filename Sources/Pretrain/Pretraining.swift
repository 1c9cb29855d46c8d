public import Backbone
public import Datasets
internal import Imaging
public import Support
public import Torch
public import Training

/// All resolved settings of a pretraining run.
public struct PretrainOptions: Sendable {
    public var architecture: Architecture
    public var objective: Objective
    /// Starting point, with everything overridden that the user has set.
    public var recipe: Recipe
    /// λ of the proximal term λ‖f − v‖² (Wu et al., equation 9); 0 leaves it out.
    public var proximal = 0.0
    public var seed: UInt64 = 0
    public var workers = 2
    public var device = Device.cpu
    public var precision = Precision.fp32
    public var onBadImage = BadImagePolicy.stop

    public init(architecture: Architecture, objective: Objective, recipe: Recipe) {
        self.architecture = architecture
        self.objective = objective
        self.recipe = recipe
    }

    /// Every value that shapes the result, for `config.json`.
    public var json: JSON {
        let r = recipe
        var members: [JSON.Member] = [
            .init("arch", .string(architecture.rawValue)), .init("stem", .string(r.stem.rawValue)),
            .init("objective", .string(objective.rawValue)), .init("image_size", .integer(r.imageSize)),
            .init("batch", .integer(r.batch)), .init("epochs", .integer(r.epochs)),
            .init("lr", .number(r.learningRate)),
            .init("milestones", .array(r.milestones.map { .number($0) })), .init("gamma", .number(r.gamma)),
            .init("momentum", .number(r.momentum)), .init("weight_decay", .number(r.weightDecay)),
            .init("crop_scale", .number(r.cropScale)), .init("jitter", .number(r.jitter)),
            .init("grayscale", .number(r.grayscale)), .init("flip", .number(r.flip)),
            .init("normalization", r.normalization.json),
            .init("seed", .integer(Int(truncatingIfNeeded: seed))), .init("precision", .string(precision.rawValue)),
            .init("device", .string(device.description)), .init("threads", .integer(Runtime.threads)),
            .init("workers", .integer(workers)),
        ]
        if objective == .instance {
            members += [
                .init("loss", .string(r.loss.rawValue)), .init("dim", .integer(r.dimension)),
                .init("temperature", .number(r.temperature)), .init("bank_momentum", .number(r.bankMomentum)),
                .init("proximal", .number(proximal)),
            ]
            if r.loss == .nce { members.append(.init("negatives", .integer(r.negatives))) }
        }
        return .object(members)
    }

    /// Settings that a resumed run may change because the result does not depend on them.
    public static let mayDiffer: Set<String> = ["workers"]
}

/// Trains a backbone on images, without labels or with them; the loop in `Training` drives it.
public final class Pretraining: TrainingTask {
    public let options: PretrainOptions
    public let network: any Network
    public let parameters: Parameters
    public let optimizer: SGD
    /// Present with the instance objective.
    public let bank: MemoryBank?
    public let totalSteps: Int
    public let stepsPerEpoch: Int

    private let data: any ImageCollection
    private let projection: Linear?
    private let nce: NoiseContrastiveEstimation?
    private let softmax: NonParametricSoftmax
    private let generator: Generator
    private let schedule: LearningRateSchedule
    private let pipeline: ImagePipeline
    private var loader: BatchLoader?
    /// Features of the current step, kept for the update of the bank.
    private var current: (indices: Tensor, features: Tensor)?

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
        let classes: Int? =
            switch options.objective {
            case .instance: nil
            case .parametric: data.count
            case .supervised: data.classes.count
            }
        network = NetworkConfig(options.architecture, stem: recipe.stem, classes: classes).makeNetwork(scope)
        parameters = scope.parameters
        generator = scope.generator
        softmax = NonParametricSoftmax(temperature: recipe.temperature)
        if options.objective == .instance {
            projection = Linear(scope / "projection", in: network.featureCount, out: recipe.dimension)
            bank = MemoryBank(
                count: data.count, dimension: recipe.dimension, generator: scope.generator, device: options.device)
            nce =
                recipe.loss == .nce
                ? NoiseContrastiveEstimation(
                    temperature: recipe.temperature, negatives: recipe.negatives, generator: scope.generator) : nil
        } else {
            projection = nil
            bank = nil
            nce = nil
        }
        optimizer = SGD(
            [ParameterGroup(parameters.trainable, weightDecay: recipe.weightDecay)], momentum: recipe.momentum)
        schedule = LearningRateSchedule(
            base: recipe.learningRate, epochMilestones: recipe.milestones, gamma: recipe.gamma,
            stepsPerEpoch: stepsPerEpoch)
        pipeline = recipe.trainingPipeline(imageSize: recipe.imageSize)
    }

    public func learningRate(atStep step: Int) -> Double { schedule.rate(atStep: step) }

    public func forward(step: Int) throws -> StepResult {
        let batch = try nextBatch(step)
        let x = options.recipe.normalization(
            batch.pixels, count: batch.count, height: batch.size.height, width: batch.size.width, device: options.device
        )
        let data = data
        func result(_ loss: Tensor, _ values: [(name: String, value: Double)] = []) -> StepResult {
            StepResult(loss: loss, images: batch.count, values: values) { batch.indices.map(data.path) }
        }
        let indices = Tensor(batch.indices).to(device: options.device)
        guard let bank, let projection else {
            let logits = withPrecision(options.precision, on: options.device) { network.logits(x, mode: .train) }
            let labels = options.objective == .parametric ? indices : Tensor(batch.labels).to(device: options.device)
            return result(logits.to(dtype: .float32).crossEntropy(labels))
        }
        let embedding = withPrecision(options.precision, on: options.device) {
            projection(network.features(x, mode: .train))
        }
        let features = embedding.to(dtype: .float32).l2Normalized()  // [B, D]
        current = (indices, features.detach())
        var loss = nce.map { $0(features, indices, bank) } ?? softmax(features, indices, bank)
        let memory = bank.select(indices)
        if options.proximal > 0 {
            loss = loss + (features - memory).square().sum([1]).mean() * options.proximal
        }
        let similarity = withoutGradients { (features * memory).sum([1]).mean().item }
        return result(loss, [("positive_similarity", similarity)] + (nce?.normalizer.map { [("z", $0)] } ?? []))
    }

    public func finish(step: Int) {
        if let bank, let current {
            bank.update(current.indices, with: current.features, momentum: options.recipe.bankMomentum)
        }
        current = nil
    }

    private func nextBatch(_ step: Int) throws -> HostBatch {
        let (epoch, position) = (step / stepsPerEpoch, step % stepsPerEpoch)
        if loader == nil || position == 0 {
            loader = BatchLoader(
                data, order: EpochSampler(count: data.count, seed: options.seed, epoch: epoch).order,
                batchSize: options.recipe.batch, dropLast: true, pipeline: pipeline, seed: options.seed, epoch: epoch,
                workers: options.workers, startBatch: position, onBadImage: options.onBadImage)
        }
        guard let batch = try loader?.next() else { fatalError("the loader ended before the epoch did") }
        return batch
    }

    // MARK: State

    public var extraState: Checkpoint {
        var state = Checkpoint(state: ["z": nce?.normalizer.map { .number($0) } ?? .null])
        state.tensors.append(("generator", generator.state))
        if let bank { state.tensors.append(("bank", bank.rows)) }
        return state
    }

    public func restore(extraState: Checkpoint) throws {
        for (name, tensor) in extraState.tensors {
            switch name {
            case "generator": try generator.restore(tensor)
            case "bank":
                guard let bank, bank.rows.shape == tensor.shape else {
                    throw InputError(
                        data.source, "has another number of images than the checkpoint's memory bank",
                        remedy: "resume with the data of the run")
                }
                bank.rows.copy_(tensor)
            default: break
            }
        }
        nce?.normalizer = extraState.state["z"]?.doubleValue
    }

    /// What a weight file of this run says about itself.
    public func description(details: JSON) -> WeightDescription {
        let recipe = options.recipe
        let classes: Int? =
            switch options.objective {
            case .instance: nil
            case .parametric: data.count
            case .supervised: data.classes.count
            }
        return WeightDescription(
            config: NetworkConfig(options.architecture, stem: recipe.stem, classes: classes),
            normalization: recipe.normalization, imageSize: recipe.imageSize, objective: options.objective.rawValue,
            details: details)
    }
}
