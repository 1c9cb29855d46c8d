public import Backbone
public import Datasets
internal import Distributed
public import Imaging
public import Support
public import Torch
public import Training

/// Momentum contrast (He et al., CVPR 2020; Chen et al. 2020): the query of one view is to match the key of the other among the
/// keys of earlier images, which an encoder that follows slowly has made.
public class MoCo {
    public typealias Settings = MoCoSettings

    /// With a linear head (He et al.).
    public final class V1: MoCo, PretextMethod {
        public init(_ context: MethodContext) throws(InputError) { try super.init(context, hasDeepHead: false) }

        public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
            switch name {
            case .imagenet: return PretrainRecipe(MoCoSettings())
            case .cifar10: return MoCo.cifar
            }
        }
    }

    /// With a hidden layer in the head, blur and a cosine schedule (Chen et al.).
    public final class V2: MoCo, PretextMethod {
        public init(_ context: MethodContext) throws(InputError) { try super.init(context, hasDeepHead: true) }

        public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
            switch name {
            case .imagenet:
                var own = MoCoSettings()
                own.temperature = 0.2
                var recipe = PretrainRecipe(own)
                recipe.optimization.schedule = .cosine
                recipe.changesColors(0.5)
                recipe.augmentation.blur = 0.5
                return recipe
            case .cifar10: return MoCo.cifar
            }
        }
    }

    /// The authors' demonstration, whose statistics of batch norm are of groups of 64 images.
    private static var cifar: PretrainRecipe {
        var own = MoCoSettings()
        own.queue = 4096
        own.momentum = 0.99
        own.temperature = 0.1
        own.groups = 8
        var recipe = PretrainRecipe.cifar(own)
        recipe.batch = 512
        recipe.optimization.learningRate = 0.06
        recipe.optimization.schedule = .cosine
        recipe.augmentation.cropScale = 0.08
        recipe.changesColors(0.5)
        return recipe
    }

    public static func views(_ recipe: PretrainRecipe) -> [ImagePipeline] { recipe.twoViews }

    public var network: any Network { encoder.network }
    private let encoder: Encoder
    private let keys: MomentumEncoder
    package let queue: KeyQueue
    private let loss: InfoNCE
    private let settings: MoCoSettings
    private let options: PretrainOptions
    private let world: World
    /// Groups of this process's part of a batch.
    private let groups: Int

    public struct Inputs: TensorGroup {
        public var views: TwoViews
        /// [B] int64
        public var indices: Tensor
        /// [W·B] int64: the order in which keys are made, and its inverse.
        public var shuffle: Tensor
        public var unshuffle: Tensor

        package init(views: TwoViews, indices: Tensor, shuffle: Tensor, unshuffle: Tensor) {
            (self.views, self.indices, self.shuffle, self.unshuffle) = (views, indices, shuffle, unshuffle)
        }

        public func map(_ transform: (Tensor) -> Tensor) -> Inputs {
            Inputs(
                views: views.map(transform), indices: transform(indices), shuffle: transform(shuffle),
                unshuffle: transform(unshuffle))
        }
    }

    fileprivate init(_ context: MethodContext, hasDeepHead: Bool) throws(InputError) {
        options = context.options
        settings = options.recipe.settings()
        let (settings, scope, batch) = (settings, context.scope, options.recipe.batch)
        world = context.world
        groups = max(1, settings.groups / world.size)
        guard !options.synchronizesBatchNorm || world.size == 1 else {
            throw InputError(
                "\(options.method.rawValue)",
                "tells a query from its key by the statistics of batch norm where all processes share them",
                remedy: "leave --sync-batchnorm out")
        }
        guard settings.groups % world.size == 0 || settings.groups < world.size else {
            throw InputError(
                "\(settings.groups.counted("group"))", "do not split into equal parts for \(world.size) processes",
                remedy: "use a multiple of \(world.size)")
        }
        guard settings.queue % batch == 0 else {
            throw InputError(
                "a queue of \(settings.queue) keys", "is no multiple of \(batch), the images of a step",
                remedy: "use a multiple")
        }
        guard batch % settings.groups == 0 else {
            throw InputError(
                "a step of \(batch.counted("image"))", "does not split into \(settings.groups.counted("group"))",
                remedy: "use a divisor")
        }
        func makeEncoder(_ network: any Network, _ scope: Scope) -> Encoder {
            let width = network.featureCount
            let hidden = hasDeepHead ? [EmbeddingHead.Layer(width, relu: true)] : []
            return Encoder(network, EmbeddingHead(scope / "head", in: width, hidden + [.init(settings.dimension)]))
        }
        let network = context.makeNetwork()
        encoder = makeEncoder(network, scope)
        let options = options
        keys = MomentumEncoder(following: scope.parameters, on: options.device) { scope in
            makeEncoder(options.network(classes: nil).makeNetwork(scope), scope)
        }
        queue = KeyQueue(
            count: settings.queue, dimension: settings.dimension, generator: scope.generator, device: options.device)
        loss = InfoNCE(temperature: settings.temperature)
    }

    public var headPrefixes: [String] { ["head."] }
    public func networkWasLoaded() { keys.copy() }
    public var probe: MethodProbe { .features }

    /// Tells the stream of the shuffling from the others of the same seed.
    private static let shuffleKey: UInt64 = 0x7368_7566_666c_65

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs {
        var random = RandomStream(options.seed, Self.shuffleKey, UInt64(step))
        // Of the images of all processes, so that a key goes to another one.
        let order = random.permutation(batch.count * world.size)
        var inverse = order
        for (place, index) in order.enumerated() { inverse[index] = place }
        let device = options.device
        return Inputs(
            views: TwoViews(images), indices: Tensor(batch.indices).uploaded(to: device),
            shuffle: Tensor(order).uploaded(to: device), unshuffle: Tensor(inverse).uploaded(to: device))
    }

    public func forward(_ inputs: Inputs) -> StepLoss {
        keys.follow(settings.momentum)
        // A batch that lacks images which could not be read is one group.
        let groups = inputs.indices.size(0) % groups == 0 ? groups : 1
        let queries = embedding(inputs.views.first, by: encoder, groups)
        // Shuffled, so that a key does not share the statistics of its group with its query.
        let world = world
        let all = withoutGradients {
            let shuffled = world.ownRows(world.gather(inputs.views.second).indexSelect(0, inputs.shuffle))
            return world.gather(embedding(shuffled, by: keys.encoder, groups)).indexSelect(0, inputs.unshuffle)
        }
        let (key, owners) = (world.ownRows(all), inputs.indices)
        let excluded =
            settings.excludesPositive ? owners.unsqueeze(1).equal(queue.indices.unsqueeze(0)) : nil
        let result = loss(queries, key, negatives: queue.rows, excluded: excluded)
        let queue = queue
        return StepLoss(
            result.value,
            values: [
                ("positive_similarity", result.positiveSimilarity), ("negative_similarity", result.negativeSimilarity),
                ("embedding_spread", queries.spread),
            ]
        ) { queue.enqueue(all, of: world.gather(owners)) }
    }

    /// [B, D] unit vectors, float32.
    private func embedding(_ images: Tensor, by encoder: Encoder, _ groups: Int) -> Tensor {
        withPrecision(options.precision, on: options.device) {
            BatchNorm2d.splitting(into: groups) { encoder(images) }
        }.to(dtype: .float32).l2Normalized()
    }

    // MARK: State

    public var state: Checkpoint { Checkpoint(tensors: keys.state + queue.state) }

    public func restore(_ state: Checkpoint) throws {
        try keys.restore(state)
        try queue.restore(state)
    }
}

public struct MoCoSettings: MethodSettings {
    /// D
    public var dimension = 128
    /// K
    public var queue = 65536
    /// m of the encoder of keys.
    public var momentum = 0.999
    /// τ
    public var temperature = 0.07
    /// Parts of a batch with statistics of batch norm of their own.
    public var groups = 8
    /// Whether older keys of the query's own image are no negatives.
    public var excludesPositive = false

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let rows: [Setting<MoCoSettings>] = [
            .value("temperature", "T", "divides the similarities", \.temperature, .above(0)),
            .value("dim", "D", "dimensions of the embedding", \.dimension, .between(1, 65536)),
            .value("queue", "K", "keys of earlier images that are told from", \.queue, .between(1, 1 << 24)),
            .value(
                "encoder-momentum", "M", "share of its old weights in the encoder that follows", \.momentum,
                .between(0, 1)),
            .value(
                "norm-groups", "N", "parts of a batch that have statistics of batch norm of their own", \.groups,
                .between(1, 4096)),
            .flag("exclude-positive", "keep an image from being drawn as its own noise", \.excludesPositive),
        ]
        return rows.map(\.ofTraining) + Setting.viewSettings
    }
}
