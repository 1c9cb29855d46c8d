public import Backbone
public import Datasets
internal import Distributed
internal import Imaging
internal import Support
public import Torch
public import Training

/// Instance discrimination (Wu et al., CVPR 2018): every image is to be told apart from all others, whose features a memory
/// bank remembers.
public final class InstanceDiscrimination: PretextMethod {
    public typealias Settings = InstanceSettings

    public let network: any Network
    /// F → D
    public let projection: Linear
    public let bank: MemoryBank
    private let loss: Loss
    private let proximal: ProximalRegularization?
    private let settings: InstanceSettings
    private let options: PretrainOptions
    private let source: String
    private let world: World

    private enum Loss {
        case softmax(NonParametricSoftmax)
        case nce(NoiseContrastiveEstimation)
    }

    /// Images, which they are, and the noise they are told from.
    public struct Inputs: TensorGroup {
        /// [B, 3, H, W]
        public var images: Tensor
        /// [B] int64
        public var indices: Tensor
        /// nil for the full softmax.
        public var noise: NoiseImages?

        public func map(_ transform: (Tensor) -> Tensor) -> Inputs {
            Inputs(
                images: transform(images), indices: transform(indices),
                noise: noise.map { NoiseImages(transform($0.indices), excluded: $0.excluded.map(transform)) })
        }
    }

    /// Wu et al. and their reference code.
    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        switch name {
        case .imagenet: return PretrainRecipe(InstanceSettings())
        case .cifar10:
            var own = InstanceSettings()
            own.loss = .softmax
            own.temperature = 0.1
            var recipe = PretrainRecipe.cifar(own)
            recipe.augmentation.flip = 0
            return recipe
        }
    }

    public init(_ context: MethodContext) {
        let scope = context.scope
        world = context.world
        options = context.options
        settings = options.recipe.settings()
        source = context.data.source
        network = context.makeNetwork()
        projection = Linear(scope / "projection", in: network.featureCount, out: settings.dimension)
        bank = MemoryBank(
            count: context.data.count, dimension: settings.dimension, generator: scope.generator,
            device: options.device, storage: settings.bankStorage.dtype)
        switch settings.loss {
        case .softmax: loss = .softmax(NonParametricSoftmax(temperature: settings.temperature))
        case .nce:
            let generator = Generator.noise(seed: options.seed, device: options.device)
            loss = .nce(
                NoiseContrastiveEstimation(
                    temperature: settings.temperature, partition: PartitionEstimate(settings.partition),
                    sampler: NoiseSampler(
                        negatives: settings.negatives, mode: settings.negativesMode,
                        excludesPositive: settings.excludesPositive, generator: generator), world: context.world))
        }
        proximal = settings.proximal > 0 ? ProximalRegularization(weight: settings.proximal) : nil
    }

    /// Z of noise-contrastive estimation, once it is known.
    public var partition: Double? { if case .nce(let nce) = loss { nce.partition.value } else { nil } }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs {
        let indices = Tensor(batch.indices).uploaded(to: options.device)
        guard case .nce(let nce) = loss else { return Inputs(images: images, indices: indices) }
        return Inputs(
            images: images, indices: indices,
            noise: nce.sampler.draw(for: indices, among: bank.count, share: world.share))
    }

    /// Once Z has been measured.
    public var isSteady: Bool { if case .nce(let nce) = loss { nce.partition.isSteady } else { true } }

    public func forward(_ inputs: Inputs) -> StepLoss {
        let embedding = withPrecision(options.precision, on: options.device) {
            projection(network.features(inputs.images, mode: .train))
        }
        let features = embedding.to(dtype: .float32).l2Normalized()  // v: [B, D]
        let indices = inputs.indices
        let result: InstanceLoss
        var values: [(name: String, value: Tensor)] = []
        switch loss {
        case .softmax(let softmax): result = softmax(features, indices, bank)
        case .nce(let nce):
            guard let noise = inputs.noise else { preconditionFailure("noise-contrastive estimation needs noise") }
            result = nce.loss(features, indices, noise, bank)
            if let z = nce.partition.tensor { values.append(("z", z)) }
        }
        values += [
            ("positive_similarity", result.positiveSimilarity), ("negative_similarity", result.negativeSimilarity),
        ]
        var total = result.value
        if let proximal {
            let term = proximal(features, bank.select(indices))
            total = total + term
            values.append(("proximal_loss", term))
        }
        let (bank, momentum, seen, world) = (bank, settings.bankMomentum, features.detach(), world)
        return StepLoss(total, values: values) {
            // Every process remembers the features of all, in one order.
            bank.update(world.gather(indices), with: world.gather(seen), momentum: momentum)
        }
    }

    public var probe: MethodProbe {
        .bank(ProbeView(bank: bank, projection: projection, temperature: settings.temperature))
    }

    // MARK: State

    public var state: Checkpoint {
        var state = Checkpoint(tensors: [("bank", bank.rows)])
        if case .nce(let nce) = loss {
            state.tensors.append(("noise", nce.sampler.generator.state))
            state.state = ["z": nce.partition.state]
        }
        return state
    }

    public func restore(_ state: Checkpoint) throws {
        guard let saved = state["bank"], saved.shape == bank.rows.shape, saved.dtype == bank.rows.dtype else {
            throw InputError(
                source, "has another number of images than the checkpoint's memory bank",
                remedy: "resume with the data of the run")
        }
        bank.rows.copy_(saved)
        if case .nce(let nce) = loss {
            if let noise = state["noise"] { try nce.sampler.generator.restore(noise) }
            nce.partition.restore(state.state["z"], device: bank.rows.device)
        }
    }
}
