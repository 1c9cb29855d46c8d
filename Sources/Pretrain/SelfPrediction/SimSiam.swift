public import Backbone
public import Datasets
public import Imaging
public import Support
public import Torch
public import Training

/// Simple Siamese learning (Chen, He, CVPR 2021): each view's embedding is to be predicted from the other's by the same network,
/// without negatives and without a second encoder. L = −½·cos(p₁, z₂) − ½·cos(p₂, z₁), the z taken as constants.
public final class SimSiam: PretextMethod {
    public typealias Settings = SimSiamSettings

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        switch name {
        case .imagenet:
            var recipe = PretrainRecipe(SimSiamSettings())
            recipe.batch = 512
            recipe.epochs = 100
            recipe.optimization.learningRate = 0.05 * 2
            recipe.optimization.schedule = .cosine
            recipe.changesColors(0.5)
            recipe.augmentation.blur = 0.5
            return recipe
        case .cifar10:
            var own = SimSiamSettings()
            own.projectionLayers = 2
            var recipe = PretrainRecipe.cifar(own)
            recipe.batch = 512
            recipe.epochs = 800
            recipe.optimization.schedule = .cosine
            recipe.changesColors(0.5)
            return recipe
        }
    }

    public static func views(_ recipe: PretrainRecipe) -> [ImagePipeline] { recipe.twoViews }

    public var network: any Network { encoder.network }
    private let encoder: Encoder
    private let predictor: EmbeddingHead
    private let options: PretrainOptions

    public typealias Inputs = TwoViews

    public init(_ context: MethodContext) {
        options = context.options
        let settings: SimSiamSettings = options.recipe.settings()
        let network = context.makeNetwork()
        let hidden = EmbeddingHead.Layer(settings.dimension, norm: .affine, relu: true)
        // The last batch norm has no scale and shift.
        encoder = Encoder(
            network,
            EmbeddingHead(
                context.scope / "head", in: network.featureCount,
                Array(repeating: hidden, count: settings.projectionLayers - 1)
                    + [.init(settings.dimension, norm: .plain)]))
        predictor = EmbeddingHead(
            context.scope / "predictor", in: settings.dimension,
            [.init(settings.hidden, norm: .affine, relu: true), .init(settings.dimension)])
    }

    public var headPrefixes: [String] { ["head.", "predictor."] }
    public var fixedRatePrefixes: [String] { ["predictor."] }
    public var probe: MethodProbe { .features }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> TwoViews { TwoViews(images) }

    public func forward(_ inputs: TwoViews) -> StepLoss {
        let (z1, z2, p1, p2) = withPrecision(options.precision, on: options.device) {
            let (z1, z2) = (encoder(inputs.first), encoder(inputs.second))
            return (z1, z2, predictor(z1), predictor(z2))
        }
        let similarity = (cosineSimilarity(p1, z2) + cosineSimilarity(p2, z1)) * 0.5
        return StepLoss(
            -similarity, values: [("positive_similarity", similarity.detach()), ("embedding_spread", z1.spread)])
    }
}

public struct SimSiamSettings: MethodSettings {
    /// D of projection and prediction.
    public var dimension = 2048
    /// Width of the predictor's hidden layer.
    public var hidden = 512
    /// Linear layers of the projection.
    public var projectionLayers = 3

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let rows: [Setting<SimSiamSettings>] = [
            .value("dim", "D", "dimensions of the embedding", \.dimension, .between(1, 65536)),
            .value("hidden", "N", "width of the hidden layer of a head", \.hidden, .between(1, 65536)),
            .value("projection-layers", "N", "linear layers of the projection", \.projectionLayers, .between(1, 8)),
        ]
        return rows.map(\.ofTraining) + Setting.viewSettings
    }
}
