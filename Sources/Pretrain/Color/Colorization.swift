public import Backbone
public import Datasets
internal import Imaging
public import Support
public import Torch
public import Training

/// Colorization (Zhang, Isola, Efros, ECCV 2016): from the lightness of an image to the distribution of its colours over bins, at
/// each cell of the network's last map.
///
/// The network sees lightness alone. Written out, it takes Lab with weights of zero for a and b, so it gives the features of what
/// it has learnt of lightness. Where the paper has Adam and a network of its own, this trains any network by SGD.
public final class Colorization: PretextMethod {
    public typealias Settings = ColorizationSettings

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        let own = ColorizationSettings()
        var recipe = name == .imagenet ? PretrainRecipe(own) : .cifar(own)
        recipe.predictsColors()
        if name == .imagenet { recipe.imageSize = 176 }
        return recipe
    }

    public let parts: NetworkParts?
    public var network: any Network { whole.joined().network }
    private let whole: NetworkParts
    private let encoder: any Network
    /// 1×1: M → Q
    private let head: Conv2d
    private let code: ColorCode
    private let mapSize: Extent
    /// [Q]: how much each bin counts, of the data.
    package let classWeights: Tensor
    /// Entropy in nats of how often the data have each bin, smoothed.
    private let priorEntropy: Double
    private let settings: ColorizationSettings
    private let options: PretrainOptions

    public struct Inputs: TensorGroup {
        /// [B, 1, H, W]
        public var lightness: Tensor
        /// The soft code of the colours, [B·h·w, k] int64 and float32.
        public var bins: Tensor
        public var shares: Tensor
        /// What each place counts for in the loss, [B·h·w]: v over the number of places, 0 in images without colours.
        public var weights: Tensor
        /// The same without rebalancing.
        public var plainWeights: Tensor

        public func map(_ transform: (Tensor) -> Tensor) -> Inputs {
            Inputs(
                lightness: transform(lightness), bins: transform(bins), shares: transform(shares),
                weights: transform(weights), plainWeights: transform(plainWeights))
        }
    }

    public init(_ context: MethodContext) throws(InputError) {
        options = context.options
        settings = options.recipe.settings()
        whole = NetworkParts(context.scope, options.network(classes: nil), [("l", .lightness)])
        parts = whole
        encoder = whole.networks[0]
        code = ColorCode(device: options.device)
        head = Conv2d(context.scope / "head", in: encoder.mapChannels, out: code.bins.count, kernel: 1)
        mapSize = context.mapSize(of: encoder, inputs: 1)
        let counts = try ColorPrior.counts(context, Self.views(options.recipe), mapSize)
        let prior = code.bins.smoothed(counts)
        priorEntropy = ColorBins.entropy(prior)
        let weights = ColorBins.weights(prior, uniform: settings.uniform)
        classWeights = Tensor(weights.map { Float($0) }).uploaded(to: options.device)
    }

    public var headPrefixes: [String] { ["head."] }
    public var probe: MethodProbe { .features }

    /// An image with no a or b farther from grey than this teaches nothing but grey.
    private static let leastColor = 5.0

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs {
        let lab = options.recipe.normalization.undone(images)
        let colors = lab.narrow(1, 1, 2)
        let strongest = colors.abs().max(1).values.max(1).values.max(1).values  // [B]
        let isColored = strongest.greater(Self.leastColor).to(dtype: .float32)
        let (bins, shares) = code.encode(
            colors.adaptiveAvgPool2d(mapSize).places, neighbors: settings.neighbors, deviation: settings.deviation)
        let cells = mapSize.height * mapSize.width
        let kept = isColored.unsqueeze(1).expand(-1, cells).reshape(-1)
        let plain = kept / kept.sum().clamp(min: 1)
        return Inputs(
            lightness: whole.inputs(images)[0], bins: bins, shares: shares,
            weights: plain * classWeights.indexSelect(0, bins.select(1, 0)), plainWeights: plain)
    }

    /// [B, 1, H, W] → [B·h·w, Q]
    private func logits(_ lightness: Tensor, mode: Mode) -> Tensor {
        withPrecision(options.precision, on: options.device) {
            head(encoder.denseMap(lightness, mode: mode))
        }.to(dtype: .float32).places
    }

    public func forward(_ inputs: Inputs) -> StepLoss {
        let losses = logits(inputs.lightness, mode: .train).crossEntropy(bins: inputs.bins, shares: inputs.shares)
        let plain = (losses.detach() * inputs.plainWeights).sum()
        return StepLoss((losses * inputs.weights).sum(), values: [("plain_loss", plain)])
    }

    // MARK: Pictures

    /// The image, its lightness as given, with the colours that are to be found, and with those that are found (the annealed mean).
    public func samples(_ batch: SampleBatch) -> [SampleRow] {
        let pictures = ColorPictures(batch, options.recipe.normalization)
        let found = code.annealedMean(logits(whole.inputs(batch.images)[0], mode: .evaluate))
        return ColorPictures.rows(
            batch,
            [
                ("given", pictures.grays),
                ("to find", pictures.colored(pictures.colors.adaptiveAvgPool2d(mapSize))),
                ("found", pictures.colored(found.mapped(mapSize))),
            ])
    }

    // MARK: State

    public var state: Checkpoint { Checkpoint(tensors: [("class_weights", classWeights)]) }

    public func restore(_ state: Checkpoint) throws {
        guard let saved = state["class_weights"], saved.shape == classWeights.shape else {
            throw InputError(
                "the checkpoint", "has no weights of \(code.bins.count) bins",
                remedy: "resume with the options of the run")
        }
        classWeights.copy_(saved)
    }

    public var details: [JSON.Member] {
        [
            .init("color_bins", code.bins.json),
            .init(
                "prior",
                [
                    "uniform_share": .number(settings.uniform), "smoothing": .number(ColorBins.smoothing),
                    "entropy_nats": .number(priorEntropy),
                ]),
            .init(
                "soft_code",
                ["neighbors": .integer(settings.neighbors), "deviation": .number(settings.deviation)]),
        ]
    }
}

public struct ColorizationSettings: MethodSettings {
    /// λ of the rebalancing: 1 leaves bins as they are, near 0 all count the same in all.
    public var uniform = 0.5
    /// Bins that a colour is shared by.
    public var neighbors = 5
    /// σ of the shares.
    public var deviation = 5.0

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let rows: [Setting<ColorizationSettings>] = [
            .value(
                "rebalance", "λ",
                "share of the uniform distribution in the prior that rare colours are weighed by; 1 weighs all alike",
                \.uniform, Requirement("above 0 and at most 1") { $0 > 0 && $0 <= 1 }),
            .value("color-neighbors", "K", "nearest bins that a colour is shared by", \.neighbors, .between(1, 313)),
            .value("color-deviation", "σ", "deviation of these shares in units of a and b", \.deviation, .above(0)),
        ]
        return rows.map(\.ofTraining)
    }
}
