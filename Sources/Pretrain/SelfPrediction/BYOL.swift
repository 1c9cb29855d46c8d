public import Backbone
public import Datasets
internal import Foundation
public import Imaging
public import Support
public import Torch
public import Training

/// Bootstrap your own latent (Grill et al., NeurIPS 2020): what a slower copy of the encoder says of the other view is to be
/// predicted, without negatives. L = 2 − 2·cos of each view's prediction and the other's target, added.
public final class BYOL: PretextMethod {
    public typealias Settings = BYOLSettings

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        switch name {
        case .imagenet:
            var recipe = PretrainRecipe(BYOLSettings())
            recipe.batch = 4096
            recipe.epochs = 1000
            recipe.optimization = .lars(learningRate: 0.2 * 16, weightDecay: 1.5e-6)
            recipe.augmentation.cropScale = 0.08
            recipe.changesColors(0.5, saturation: 0.2)
            recipe.augmentation.blur = 1
            return recipe
        case .cifar10:
            var own = BYOLSettings()
            own.hidden = 1024
            own.momentum = 0.99
            var recipe = PretrainRecipe.cifar(own)
            recipe.optimization.learningRate = 0.06
            recipe.optimization.schedule = .cosine
            recipe.augmentation.cropScale = 0.08
            recipe.changesColors(0.5)
            return recipe
        }
    }

    /// Where the first view is blurred, the second is a tenth as often, and inverted now and then.
    public static func views(_ recipe: PretrainRecipe) -> [ImagePipeline] {
        var second = recipe.augmentation
        if second.blur > 0 {
            second.blur *= 0.1
            second.solarize = 0.2
        }
        return [recipe.augmentation, second].map { $0.pipeline(imageSize: recipe.imageSize) }
    }

    public var network: any Network { encoder.network }
    private let encoder: Encoder
    private let predictor: EmbeddingHead
    private let target: MomentumEncoder
    private let settings: BYOLSettings
    private let options: PretrainOptions
    private let totalSteps: Int

    public struct Inputs: TensorGroup {
        public var views: TwoViews
        /// [] float32: 1 − τ of this step.
        public var share: Tensor

        public func map(_ transform: (Tensor) -> Tensor) -> Inputs {
            Inputs(views: views.map(transform), share: transform(share))
        }
    }

    public init(_ context: MethodContext) {
        options = context.options
        settings = options.recipe.settings()
        totalSteps = context.totalSteps
        let (settings, options) = (settings, options)
        let layers: [EmbeddingHead.Layer] = [
            .init(settings.hidden, norm: .affine, relu: true), .init(settings.dimension),
        ]
        func makeEncoder(_ network: any Network, _ scope: Scope) -> Encoder {
            Encoder(network, EmbeddingHead(scope / "head", in: network.featureCount, layers))
        }
        encoder = makeEncoder(context.makeNetwork(), context.scope)
        predictor = EmbeddingHead(context.scope / "predictor", in: settings.dimension, layers)
        target = MomentumEncoder(following: context.scope.parameters, on: options.device) { scope in
            makeEncoder(options.network(classes: nil).makeNetwork(scope), scope)
        }
    }

    public var headPrefixes: [String] { ["head.", "predictor."] }
    public func networkWasLoaded() { target.copy() }
    public var probe: MethodProbe { .features }

    /// τ = 1 − (1 − τ₀)·(cos(π·t/T) + 1)/2
    package func momentum(atStep step: Int) -> Double {
        1 - (1 - settings.momentum) * (cos(.pi * Double(step) / Double(max(1, totalSteps))) + 1) / 2
    }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs {
        Inputs(
            views: TwoViews(images),
            share: Tensor.full([], 1 - momentum(atStep: step), device: .cpu).uploaded(to: options.device))
    }

    public func forward(_ inputs: Inputs) -> StepLoss {
        target.follow(by: inputs.share)
        let (first, second) = (inputs.views.first, inputs.views.second)
        let targets = withoutGradients {
            withPrecision(options.precision, on: options.device) {
                (first: target.encoder(first), second: target.encoder(second))
            }
        }
        let (embedding, predictions) = withPrecision(options.precision, on: options.device) {
            let embeddings = (encoder(first), encoder(second))
            return (embeddings.0, (first: predictor(embeddings.0), second: predictor(embeddings.1)))
        }
        let similarity =
            cosineSimilarity(predictions.first, targets.second) + cosineSimilarity(predictions.second, targets.first)
        return StepLoss(
            4 - similarity * 2,
            values: [("positive_similarity", similarity.detach() * 0.5), ("embedding_spread", embedding.spread)])
    }

    // MARK: State

    public var state: Checkpoint { Checkpoint(tensors: target.state) }
    public func restore(_ state: Checkpoint) throws { try target.restore(state) }
}

public struct BYOLSettings: MethodSettings {
    /// D of projection and prediction.
    public var dimension = 256
    /// Width of the hidden layers of both heads.
    public var hidden = 4096
    /// τ at the start; it rises to 1 along half a cosine.
    public var momentum = 0.996

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let rows: [Setting<BYOLSettings>] = [
            .value("dim", "D", "dimensions of the embedding", \.dimension, .between(1, 65536)),
            .value("hidden", "N", "width of the hidden layer of a head", \.hidden, .between(1, 65536)),
            .value(
                "encoder-momentum", "M", "share of its old weights in the encoder that follows", \.momentum,
                .between(0, 1)),
        ]
        return rows.map(\.ofTraining) + Setting.viewSettings
    }
}
