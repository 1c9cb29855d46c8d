public import Backbone
public import Datasets
internal import Distributed
public import Imaging
public import Support
public import Torch
public import Training

/// SimCLR (Chen et al., ICML 2020): each view is to find its partner among all views of the batch. Batch norm sees both views of
/// all images together.
public final class SimCLR: PretextMethod {
    public typealias Settings = SimCLRSettings

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        switch name {
        case .imagenet:
            var recipe = PretrainRecipe(SimCLRSettings())
            recipe.batch = 4096
            recipe.epochs = 1000
            recipe.optimization = .lars(learningRate: 0.3 * 16, weightDecay: 1e-6)
            recipe.augmentation.cropScale = 0.08
            recipe.changesColors(1)
            recipe.augmentation.blur = 0.5
            return recipe
        case .cifar10:
            var own = SimCLRSettings()
            own.temperature = 0.5
            var recipe = PretrainRecipe.cifar(own)
            recipe.batch = 512
            recipe.epochs = 1000
            recipe.optimization = .lars(learningRate: 1, weightDecay: 1e-4)
            recipe.augmentation.cropScale = 0.08
            recipe.changesColors(0.5)
            return recipe
        }
    }

    public static func views(_ recipe: PretrainRecipe) -> [ImagePipeline] { recipe.twoViews }

    public var network: any Network { encoder.network }
    private let encoder: Encoder
    private let loss: NTXent
    private let options: PretrainOptions
    private let world: World

    public struct Inputs: TensorGroup {
        /// [2·B, 3, H, W], the first views in front.
        public var images: Tensor

        public func map(_ transform: (Tensor) -> Tensor) -> Inputs { Inputs(images: transform(images)) }
    }

    public init(_ context: MethodContext) {
        options = context.options
        world = context.world
        let settings: SimCLRSettings = options.recipe.settings()
        let network = context.makeNetwork()
        encoder = Encoder(
            network,
            EmbeddingHead(
                context.scope / "head", in: network.featureCount,
                [.init(network.featureCount, norm: .affine, relu: true), .init(settings.dimension, norm: .affine)]))
        loss = NTXent(temperature: settings.temperature)
    }

    public var headPrefixes: [String] { ["head."] }
    public var probe: MethodProbe { .features }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs { Inputs(images: images) }

    public func forward(_ inputs: Inputs) -> StepLoss {
        let embeddings = withPrecision(options.precision, on: options.device) { encoder(inputs.images) }
            .to(dtype: .float32).l2Normalized()
        // Among the views of all processes.
        let (value, (all, similarities)) = world.function(of: embeddings, views: 2) { [loss] all in
            let (value, similarities) = loss(all)
            return (value, (all.detach(), similarities))
        }
        let count = all.size(0) / 2
        let (first, second) = (all.narrow(0, 0, count), all.narrow(0, count, count))
        let positive = (first * second).sum([1]).mean()
        // All but a view itself and its partner.
        let views = Double(2 * count)
        let negative = (similarities.sum() - views - positive * views) * (1 / max(1, views * (views - 2)))
        return StepLoss(
            value,
            values: [
                ("positive_similarity", positive), ("negative_similarity", negative),
                ("embedding_spread", embeddings.spread),
            ])
    }
}

public struct SimCLRSettings: MethodSettings {
    /// D
    public var dimension = 128
    /// τ
    public var temperature = 0.1

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let rows: [Setting<SimCLRSettings>] = [
            .value("temperature", "T", "divides the similarities", \.temperature, .above(0)),
            .value("dim", "D", "dimensions of the embedding", \.dimension, .between(1, 65536)),
        ]
        return rows.map(\.ofTraining) + Setting.viewSettings
    }
}
