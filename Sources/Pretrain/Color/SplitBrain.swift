public import Backbone
public import Datasets
internal import Imaging
public import Support
public import Torch
public import Training

/// Split-brain autoencoder (Zhang, Isola, Efros, CVPR 2017): one half of the network predicts colours from lightness, the other
/// lightness from colours, each as one class a cell of its last map; their features are those of the whole side by side.
public final class SplitBrain: PretextMethod {
    public typealias Settings = NoSettings

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        var recipe = name == .imagenet ? PretrainRecipe(NoSettings()) : .cifar(NoSettings())
        recipe.predictsColors()
        if name == .imagenet { recipe.imageSize = 180 }
        return recipe
    }

    public let parts: NetworkParts?
    public var network: any Network { halves.joined().network }
    private let halves: NetworkParts
    /// 1×1: from the last map of each half to the other's classes.
    private let colorHead: Conv2d
    private let lightnessHead: Conv2d
    private let code: ColorCode
    private let mapSize: Extent
    private let options: PretrainOptions

    /// Classes of lightness, each of the same width in 0…100.
    private static let lightnessClasses = 50

    public struct Inputs: TensorGroup {
        /// [B, 1, H, W] and [B, 2, H, W].
        public var lightness: Tensor
        public var colors: Tensor
        /// [B·h·w] int64 each.
        public var lightnessClasses: Tensor
        public var colorClasses: Tensor

        public func map(_ transform: (Tensor) -> Tensor) -> Inputs {
            Inputs(
                lightness: transform(lightness), colors: transform(colors),
                lightnessClasses: transform(lightnessClasses), colorClasses: transform(colorClasses))
        }
    }

    public init(_ context: MethodContext) {
        options = context.options
        halves = context.makeHalves()
        parts = halves
        code = ColorCode(device: options.device)
        let (head, channels) = (context.scope / "head", halves.networks[0].mapChannels)
        colorHead = Conv2d(head / "l", in: channels, out: code.bins.count, kernel: 1)
        lightnessHead = Conv2d(head / "ab", in: channels, out: Self.lightnessClasses, kernel: 1)
        mapSize = context.mapSize(of: halves.networks[0], inputs: 1)
    }

    public var headPrefixes: [String] { ["head."] }
    public var probe: MethodProbe { .features }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs {
        let means = options.recipe.normalization.blockMeans(images, mapSize).places  // [P, 3]
        let views = halves.inputs(images)
        let classes = Self.lightnessClasses
        return Inputs(
            lightness: views[0], colors: views[1],
            lightnessClasses: (means.select(1, 0) * (Double(classes) / 100)).floor()
                .clamp(min: 0, max: Double(classes - 1)).to(dtype: .int64),
            colorClasses: code.nearest(means.narrow(1, 1, 2), 1).bins.select(1, 0))
    }

    /// What each half says of the other's channels, [B·h·w, classes] each.
    private func logits(
        _ lightness: Tensor, _ colors: Tensor, mode: Mode
    ) -> (colors: Tensor, lightness: Tensor) {
        let maps = withPrecision(options.precision, on: options.device) {
            (
                colorHead(halves.networks[0].denseMap(lightness, mode: mode)),
                lightnessHead(halves.networks[1].denseMap(colors, mode: mode))
            )
        }
        return (maps.0.to(dtype: .float32).places, maps.1.to(dtype: .float32).places)
    }

    public func forward(_ inputs: Inputs) -> StepLoss {
        let (colors, lightness) = logits(inputs.lightness, inputs.colors, mode: .train)
        let colorLoss = colors.crossEntropy(inputs.colorClasses)
        let lightnessLoss = lightness.crossEntropy(inputs.lightnessClasses)
        return StepLoss(
            colorLoss + lightnessLoss,
            values: [("color_loss", colorLoss.detach()), ("lightness_loss", lightnessLoss.detach())])
    }

    // MARK: Pictures

    /// The image; its lightness as given and with the colours that are found; its colours as given and the lightness that is found
    /// (annealed means).
    public func samples(_ batch: SampleBatch) -> [SampleRow] {
        let pictures = ColorPictures(batch, options.recipe.normalization)
        let views = halves.inputs(batch.images)
        let found = logits(views[0], views[1], mode: .evaluate)
        return ColorPictures.rows(
            batch,
            [
                ("L given", pictures.grays),
                ("ab found", pictures.colored(code.annealedMean(found.colors).mapped(mapSize))),
                ("ab given", pictures.tints),
                ("L found", pictures.grays(Self.annealedLightness(found.lightness).mapped(mapSize))),
            ])
    }

    /// The mean of the classes' middles under sharpened probabilities, as for colours: logits [P, classes] → [P, 1].
    private static func annealedLightness(_ logits: Tensor) -> Tensor {
        let width = 100 / Float(lightnessClasses)
        let middles = Tensor((0..<lightnessClasses).map { (Float($0) + 0.5) * width }, shape: [lightnessClasses, 1])
        return logits.annealed().matmul(middles.uploaded(to: logits.device))
    }

    public var details: [JSON.Member] {
        let classes = Self.lightnessClasses
        return [
            .init("color_bins", code.bins.json),
            .init("lightness_bins", ["count": .integer(classes), "step": .number(100 / Double(classes))]),
        ]
    }
}
