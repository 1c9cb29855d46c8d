public import Backbone
public import Datasets
internal import Imaging
public import Support
public import Torch
public import Training

/// Adversarial feature learning (Donahue, Krähenbühl, Darrell, ICLR 2017): an encoder E gives the code of an image, a generator G
/// makes images of codes, and a discriminator D is to tell pairs (x, E(x)) from pairs (G(z), z). Where it cannot, E and G are each
/// other's inverse.
///
/// D has a loss of its own; all three networks move at once, from one forward pass, by Adam. E is the backbone with a linear layer
/// over the whole of its last map, so that a code can say where things are. The fully connected layers of AlexNet and VGG16 take no
/// part. AlexNet is trained with batch norm and leaky ReLU; the weights are used with plain ReLU later.
public final class BiGAN: PretextMethod {
    public typealias Settings = BiGANSettings

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        var own = BiGANSettings()
        var recipe: PretrainRecipe
        switch name {
        case .imagenet:
            recipe = PretrainRecipe(own)
            (recipe.batch, recipe.epochs, recipe.imageSize) = (128, 100, 64)
        case .cifar10:
            own.width = 32
            recipe = .cifar(own)
            (recipe.batch, recipe.epochs) = (64, 120)
        }
        recipe.augmentation = Augmentation(cropScale: 1)
        recipe.augmentation.framing = .shortSide(72.0 / 64)
        // As G gives them: −1…1.
        recipe.normalization = Normalization(
            mean: [Double](repeating: 0.5, count: 3), standardDeviation: [Double](repeating: 0.5, count: 3))
        recipe.optimization = Optimization(
            learningRate: 2e-4, milestones: [Double(recipe.epochs / 2)], weightDecay: 2.5e-5)
        (recipe.optimization.rule, recipe.optimization.beta1) = (.adam, 0.5)
        (recipe.optimization.schedule, recipe.optimization.gamma) = (.exponential, 0.01)
        recipe.optimization.decayExemption = .norm
        recipe.alexNet = TrainingForm(isNormalized: true, leak: PairDiscriminator.leak)
        return recipe
    }

    public let network: any Network
    private let head: Linear
    private let generator: ImageGenerator
    private let discriminator: PairDiscriminator
    /// L
    private let latent: Int
    /// Pixels a side of what G makes and D sees.
    private let side: Int
    private let pairNorm: PairNorm
    private let options: PretrainOptions

    public struct Inputs: TensorGroup {
        /// [B, 3, H, W], for E.
        public var images: Tensor
        /// The same at the size that D sees, [B, 3, S, S]; nil where E sees that, too.
        public var reduced: Tensor?
        /// z, [B, L].
        public var codes: Tensor

        package init(images: Tensor, reduced: Tensor?, codes: Tensor) {
            (self.images, self.reduced, self.codes) = (images, reduced, codes)
        }

        public func map(_ transform: (Tensor) -> Tensor) -> Inputs {
            Inputs(images: transform(images), reduced: reduced.map(transform), codes: transform(codes))
        }
    }

    /// - Throws: `InputError` when images of that size cannot be generated.
    public init(_ context: MethodContext) throws(InputError) {
        options = context.options
        let settings: BiGANSettings = options.recipe.settings()
        (latent, pairNorm) = (settings.latent, settings.pairNorm)
        side = settings.generatedSize ?? options.recipe.imageSize
        let maps = try AdversarialMaps(side: side, width: settings.width)
        guard side <= options.recipe.imageSize else {
            throw InputError(
                "generated size", "images of \(options.recipe.imageSize) pixels would be enlarged to \(side)",
                remedy: "give a smaller --generated-size, or a larger --image-size")
        }
        network = context.makeNetwork()
        let pixels = options.recipe.imageSize
        let map = withoutGradients { [network] in
            network.denseMap(Tensor.zeros([1, 3, pixels, pixels], device: context.options.device), mode: .evaluate)
        }
        let scope = context.scope
        head = Linear(
            scope / "head", in: map.count, out: latent,
            initializer: .normal(standardDeviation: AdversarialMaps.deviation))
        generator = ImageGenerator(scope / "generator", latent: latent, maps)
        discriminator = PairDiscriminator(scope / "discriminator", latent: latent, maps)
    }

    public var headPrefixes: [String] { ["head.", "generator.", Self.discriminatorPrefix] }
    private static let discriminatorPrefix = "discriminator."
    public var probe: MethodProbe { .features }
    /// Weights go on moving by Adam's full steps while statistics look back over ten.
    public var remeasuresStatistics: Bool { true }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs {
        Inputs(
            images: images, reduced: side < images.size(2) ? images.resized(Extent(side)) : nil,
            codes: codes(batch.indices, step: step))
    }

    /// Tells the stream of the codes from the others of the same seed.
    private static let codeKey: UInt64 = 0x636f_6465_73

    /// z of each image of a step, uniform in −1…1 in every dimension: [B, L]. By step and image alone, so a resumed run has them, too.
    private func codes(_ images: [Int], step: Int) -> Tensor {
        let values = images.flatMap { image in
            var random = RandomStream(
                options.seed, Self.codeKey, UInt64(truncatingIfNeeded: step), UInt64(truncatingIfNeeded: image))
            return (0..<latent).map { _ in Float(random.uniform(-1, 1)) }
        }
        return Tensor(values, shape: [images.count, latent]).uploaded(to: options.device)
    }

    public func forward(_ inputs: Inputs) -> StepLoss {
        let logits = withPrecision(options.precision, on: options.device) {
            let (encoded, generated) = (encode(inputs.images, mode: .train), generator(inputs.codes, mode: .train))
            return BatchNorm2d.splitting(into: pairNorm == .separate ? 2 : 1) {
                discriminator(
                    Tensor.cat([inputs.reduced ?? inputs.images, generated]), Tensor.cat([encoded, inputs.codes]),
                    mode: .train)
            }
        }
        let losses = PairLosses(logits.to(dtype: .float32))
        return StepLoss(
            losses.others, rivals: [.init(losses.discriminator, moves: [Self.discriminatorPrefix])],
            values: [
                ("discriminator_loss", losses.discriminator), ("real_score", losses.realScore),
                ("generated_score", losses.generatedScore),
            ])
    }

    /// E: [B, 3, H, W] → [B, L].
    private func encode(_ images: Tensor, mode: Mode) -> Tensor {
        head(network.denseMap(images, mode: mode).flatten(from: 1))
    }

    public var details: [JSON.Member] { [.init("latent", .integer(latent)), .init("generated_size", .integer(side))] }

    // MARK: Pictures

    /// The image, what G makes of its code, and what it makes of a random one.
    public func samples(_ batch: SampleBatch) -> [SampleRow] {
        // Before the first step.
        let random = codes(batch.host.indices, step: -1)
        let made = [encode(batch.images, mode: .evaluate), random].map { codes in
            // −1…1 as levels.
            Image.images(ofLevels: ((generator(codes, mode: .evaluate) + 1) * 127.5).permute(0, 2, 3, 1))
        }
        return batch.names.indices.map { sample in
            SampleRow(
                batch.names[sample],
                [
                    .init(batch.picture(view: 0, of: sample), "image"), .init(made[0][sample], "its code's"),
                    .init(made[1][sample], "a random code's"),
                ])
        }
    }
}

/// Whose statistics D's batch norm takes.
public enum PairNorm: String, CaseIterable, Sendable {
    /// Of both as one batch.
    case joint
    /// Of real pairs and of generated ones each their own, as the authors' script for ImageNet has it.
    case separate
}

public struct BiGANSettings: MethodSettings {
    /// L, width of codes.
    public var latent = 200
    /// Channels of the largest maps of generator and discriminator; each smaller one has twice as many.
    public var width = 64
    /// Pixels a side of generated images, to which real ones are reduced for the discriminator; nil for the training crops'.
    public var generatedSize: Int?
    /// Whose statistics the discriminator's batch norm takes.
    public var pairNorm = PairNorm.joint

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let rows: [Setting<BiGANSettings>] = [
            .value("latent", "L", "dimensions of an image's code", \.latent, .between(1, 65536)),
            .value(
                "width", "N", "channels of the largest maps of generator and discriminator", \.width, .between(1, 4096)),
            .optional(
                "generated-size", "N",
                "side of generated images in pixels; real ones are reduced to it for the discriminator",
                \.generatedSize, .between(16, 128), whenNone: "as --image-size"),
            .choice("pair-norm", "whether real and generated pairs share the discriminator's batch norm", \.pairNorm),
        ]
        return rows.map(\.ofTraining) + Optimization.adamSettings.map { $0.lifted(to: \.recipe.optimization) }
    }
}
