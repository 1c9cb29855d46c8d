public import Backbone
public import Datasets
internal import Distributed
internal import Imaging
public import Support
public import Torch
public import Training

/// Contrastive multiview coding (Tian, Krishnan, Isola, 2019): the lightness of an image is to find its colours among those of all
/// images, and its colours its lightness. Each view has half a network, an embedding and a memory bank.
///
/// Written out are both halves as one network that takes Lab (`NetworkParts`).
public final class CMC: PretextMethod {
    public typealias Settings = CMCSettings

    /// The authors' for ImageNet, and for small data the full softmax over the bank, which has no Z to be wrong.
    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        var own = CMCSettings()
        var recipe: PretrainRecipe
        switch name {
        case .imagenet:
            own.instance.negatives = 16384
            recipe = PretrainRecipe(own)
            recipe.epochs = 240
            recipe.optimization.milestones = [120, 160, 200]
        case .cifar10:
            own.instance.loss = .softmax
            own.instance.temperature = 0.1
            recipe = .cifar(own)
        }
        recipe.normalization = .lab
        recipe.augmentation.color = nil
        return recipe
    }

    public let parts: NetworkParts?
    public var network: any Network { halves.joined().network }
    private let halves: NetworkParts
    /// Of each view, F/2 → D.
    private let projections: [Linear]
    /// Of each view, what its half said of every image.
    package let banks: [MemoryBank]
    /// Of each view among the rows of the other.
    private let losses: [Loss]
    private let sampler: NoiseSampler?
    private let settings: InstanceSettings
    private let options: PretrainOptions
    private let source: String
    private let world: World

    private static let views = ["l", "ab"]

    private enum Loss {
        case softmax(NonParametricSoftmax)
        case nce(NoiseContrastiveEstimation)

        /// Z, where there is one.
        var partition: PartitionEstimate? { if case .nce(let nce) = self { nce.partition } else { nil } }

        func callAsFunction(
            _ features: Tensor, _ indices: Tensor, _ noise: NoiseImages?, _ bank: MemoryBank
        ) -> InstanceLoss {
            switch self {
            case .softmax(let softmax): return softmax(features, indices, bank)
            case .nce(let nce):
                guard let noise else { preconditionFailure("noise-contrastive estimation needs noise") }
                return nce.loss(features, indices, noise, bank)
            }
        }
    }

    public struct Inputs: TensorGroup {
        /// [B, 1, H, W] and [B, 2, H, W].
        public var lightness: Tensor
        public var colors: Tensor
        /// [B] int64
        public var indices: Tensor
        /// The same for both directions; nil for the full softmax.
        public var noise: NoiseImages?

        package init(lightness: Tensor, colors: Tensor, indices: Tensor, noise: NoiseImages?) {
            (self.lightness, self.colors, self.indices, self.noise) = (lightness, colors, indices, noise)
        }

        public func map(_ transform: (Tensor) -> Tensor) -> Inputs {
            Inputs(
                lightness: transform(lightness), colors: transform(colors), indices: transform(indices),
                noise: noise.map { NoiseImages(transform($0.indices), excluded: $0.excluded.map(transform)) })
        }
    }

    public init(_ context: MethodContext) {
        options = context.options
        settings = options.recipe.settings(CMCSettings.self).instance
        source = context.data.source
        world = context.world
        let (settings, device, count) = (settings, options.device, context.data.count)
        halves = context.makeHalves()
        parts = halves
        projections = zip(Self.views, halves.networks).map { name, network in
            Linear(context.scope / "head" / name, in: network.featureCount, out: settings.dimension)
        }
        banks = Self.views.map { _ in
            MemoryBank(
                count: count, dimension: settings.dimension, generator: context.scope.generator, device: device,
                storage: settings.bankStorage.dtype)
        }
        switch settings.loss {
        case .softmax:
            sampler = nil
            losses = Self.views.map { _ in .softmax(NonParametricSoftmax(temperature: settings.temperature)) }
        case .nce:
            let sampler = NoiseSampler(
                negatives: settings.negatives, mode: settings.negativesMode,
                excludesPositive: settings.excludesPositive, generator: .noise(seed: options.seed, device: device))
            self.sampler = sampler
            losses = Self.views.map { _ in
                .nce(
                    NoiseContrastiveEstimation(
                        temperature: settings.temperature, partition: PartitionEstimate(settings.partition),
                        sampler: sampler, world: context.world))
            }
        }
    }

    public var headPrefixes: [String] { ["head."] }
    public var probe: MethodProbe { .features }
    public var isSteady: Bool { losses.allSatisfy { $0.partition?.isSteady ?? true } }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs {
        let indices = Tensor(batch.indices).uploaded(to: options.device)
        let views = halves.inputs(images)
        return Inputs(
            lightness: views[0], colors: views[1], indices: indices,
            noise: sampler?.draw(for: indices, among: banks[0].count, share: world.share))
    }

    public func forward(_ inputs: Inputs) -> StepLoss {
        let (l, ab) = (features(0, inputs.lightness), features(1, inputs.colors))
        let (indices, noise) = (inputs.indices, inputs.noise)
        // Each view among the other's rows.
        let (first, second) = (losses[0](l, indices, noise, banks[1]), losses[1](ab, indices, noise, banks[0]))
        var values: [(name: String, value: Tensor)] = []
        for (name, loss) in zip(Self.views, losses) {
            if let z = loss.partition?.tensor { values.append(("z_\(name)", z)) }
        }
        values += [
            ("positive_similarity", (first.positiveSimilarity + second.positiveSimilarity) * 0.5),
            ("negative_similarity", (first.negativeSimilarity + second.negativeSimilarity) * 0.5),
            ("embedding_spread", l.spread.minimum(ab.spread)),
        ]
        let (banks, momentum, seenL, seenAB, world) = (banks, settings.bankMomentum, l.detach(), ab.detach(), world)
        return StepLoss(first.value + second.value, values: values) {
            let all = world.gather(indices)
            banks[0].update(all, with: world.gather(seenL), momentum: momentum)
            banks[1].update(all, with: world.gather(seenAB), momentum: momentum)
        }
    }

    /// [B, D] unit vectors of a view, float32.
    private func features(_ view: Int, _ x: Tensor) -> Tensor {
        withPrecision(options.precision, on: options.device) {
            projections[view](halves.networks[view].features(x, mode: .train))
        }.to(dtype: .float32).l2Normalized()
    }

    /// The image and its two views.
    public func samples(_ batch: SampleBatch) -> [SampleRow] {
        let pictures = ColorPictures(batch, options.recipe.normalization)
        return ColorPictures.rows(batch, [("L", pictures.grays), ("ab", pictures.tints)])
    }

    // MARK: State

    public var state: Checkpoint {
        var state = Checkpoint(tensors: zip(Self.views, banks).map { ("bank_\($0)", $1.rows) })
        if let sampler {
            state.tensors.append(("noise", sampler.generator.state))
            state.state = .object(
                zip(Self.views, losses).compactMap { name, loss in
                    loss.partition.map { .init("z_\(name)", $0.state) }
                })
        }
        return state
    }

    public func restore(_ state: Checkpoint) throws {
        for (name, bank) in zip(Self.views, banks) {
            guard let saved = state["bank_\(name)"], saved.shape == bank.rows.shape, saved.dtype == bank.rows.dtype
            else {
                throw InputError(
                    source, "has another number of images than the checkpoint's memory banks",
                    remedy: "resume with the data of the run")
            }
            bank.rows.copy_(saved)
        }
        if let sampler, let noise = state["noise"] { try sampler.generator.restore(noise) }
        for (name, loss) in zip(Self.views, losses) {
            loss.partition?.restore(state.state["z_\(name)"], device: options.device)
        }
    }
}

/// Those of instance discrimination, for both directions, but the proximal term.
public struct CMCSettings: MethodSettings {
    public var instance = InstanceSettings()

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        InstanceSettings.rows.filter { $0.name != "proximal" }.map { $0.lifted(to: \CMCSettings.instance).ofTraining }
    }
}
