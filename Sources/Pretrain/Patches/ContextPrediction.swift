public import Backbone
public import Datasets
public import Imaging
public import Support
public import Torch
public import Training

/// Context prediction (Doersch, Gupta, Efros, ICCV 2015): of two neighbouring patches of an image, the network says in which of
/// eight directions the second lies from the first. The backbone looks at each patch by itself, two layers at both.
///
/// The head and the grid of patches, of which the one in the middle is paired with each of the others, are those of Kolesnikov,
/// Zhai and Beyer (CVPR 2019); pairs drawn one an image are the first paper's.
public final class ContextPrediction: PretextMethod {
    public typealias Settings = ContextSettings
    public typealias Inputs = ClassificationInputs

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        var own = ContextSettings()
        var recipe: PretrainRecipe
        switch name {
        case .imagenet:
            recipe = PretrainRecipe(own)
            recipe.epochs = 35
            recipe.imageSize = 255
            recipe.optimization = Optimization(learningRate: 0.1, milestones: [15, 25], weightDecay: 1e-4)
            recipe.optimization.warmUpEpochs = 5
        case .cifar10:
            // Larger than the images, so that something is left of a patch.
            own.hidden = 512
            recipe = .cifar(own)
            recipe.batch = 64
            recipe.epochs = 30
            recipe.imageSize = 48
            recipe.optimization = Optimization(learningRate: 0.05, weightDecay: 1e-4)
            recipe.optimization.schedule = .cosine
        }
        recipe.setPatches(shortSide: 292.0 / 255)
        return recipe
    }

    public static func cut(_ recipe: PretrainRecipe) -> PatchCut? {
        let settings: ContextSettings = recipe.settings()
        switch settings.pairs {
        case .grid: return settings.patches.tiles(imageSize: recipe.imageSize, choices: 1)
        case .drawn:
            // 96 pixels 48 apart, shifted by up to 7, of about 255.
            let side = settings.patches.side ?? max(1, recipe.imageSize * 96 / 255)
            return .pair(side: side, gap: settings.gap ?? side / 2, jitter: settings.patches.jitter ?? side * 7 / 96)
        }
    }

    public var network: any Network { encoder.network }
    private let encoder: PatchEncoder
    private let hidden: EmbeddingHead
    private let dropout: Dropout
    private let output: EmbeddingHead
    private let cut: PatchCut
    private let settings: ContextSettings
    private let options: PretrainOptions

    /// The cell in the middle of nine, and those around it, in the order of `PatchCut.directions`.
    private static let middle = 4
    private static let around = [0, 1, 2, 3, 5, 6, 7, 8]

    /// - Throws: `InputError` when patches are too small for the network, or too large for the image.
    public init(_ context: MethodContext) throws(InputError) {
        options = context.options
        settings = options.recipe.settings()
        cut = Self.cut(options.recipe)!
        encoder = try PatchEncoder(context, cut)
        let head = context.scope / "head"
        hidden = EmbeddingHead(
            head / "pair", in: 2 * encoder.width, [.init(settings.hidden, norm: .affine, relu: true)])
        dropout = Dropout(settings.dropout, generator: context.scope.trainingGenerator)
        output = EmbeddingHead(head / "direction", in: settings.hidden, [.init(PatchCut.directions.count)])
    }

    public var drawsMasks: Bool { dropout.probability > 0 }
    public var headPrefixes: [String] { ["head."] }
    public var probe: MethodProbe { .features }
    public var isSteady: Bool { dropout.probability == 0 }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> ClassificationInputs {
        ClassificationInputs(
            images: images.standardizedPictures,
            targets: Tensor(directions(of: batch)).uploaded(to: options.device))
    }

    /// Of all pairs: those drawn, or each one of all images, then the next.
    private func directions(of batch: HostBatch) -> [Int] {
        switch settings.pairs {
        case .grid: PatchCut.directions.indices.flatMap { Array(repeating: $0, count: batch.count) }
        case .drawn: batch.choices
        }
    }

    public func forward(_ inputs: ClassificationInputs) -> StepLoss {
        logits(inputs.images, mode: .train).classified(inputs.targets)
    }

    /// [V·B, 3, H, W] → [P, 8], P the pairs.
    private func logits(_ patches: Tensor, mode: Mode) -> Tensor {
        withPrecision(options.precision, on: options.device) {
            let views = encoder(patches, mode: mode).split(patches.size(0) / cut.count)  // [B, F] each
            let pairs =
                switch settings.pairs {
                case .grid: Tensor.cat(Self.around.map { Tensor.cat([views[Self.middle], views[$0]], 1) })
                case .drawn: Tensor.cat(views, 1)
                }
            return output(dropout(hidden(pairs, mode: mode), mode: mode), mode: mode)
        }
    }

    public var details: [JSON.Member] { [.init("tile", .integer(cut.side))] }

    // MARK: Pictures

    private static let names = [
        "up left", "up", "up right", "left", "right", "down left", "down", "down right",
    ]

    /// Each pair with its direction and the network's answer; of a grid, all nine patches in front.
    public func samples(_ batch: SampleBatch) -> [SampleRow] {
        let (count, truth) = (batch.host.count, directions(of: batch.host))
        let answers = logits(batch.images.standardizedPictures, mode: .evaluate).argmax(1).ints
        func pair(_ first: Int, _ second: Int, _ sample: Int, _ row: Int) -> SampleRow.Picture {
            .init(
                Image.grid(
                    [batch.picture(view: first, of: sample), batch.picture(view: second, of: sample)], columns: 2,
                    gap: 2),
                "\(Self.names[truth[row]]): says \(Self.names[answers[row]])")
        }
        return (0..<count).map { sample in
            switch settings.pairs {
            case .drawn: return SampleRow(batch.names[sample], [pair(0, 1, sample, sample)])
            case .grid:
                let patches = (0..<cut.count).map { batch.picture(view: $0, of: sample) }
                return SampleRow(
                    batch.names[sample],
                    [.init(Image.grid(patches, columns: 3, gap: 2), "in place")]
                        + Self.around.enumerated().map { pair(Self.middle, $1, sample, $0 * count + sample) })
            }
        }
    }
}

public struct ContextSettings: MethodSettings {
    /// Which pairs of patches an image gives.
    public enum Pairs: String, CaseIterable, Sendable {
        /// Of 3 × 3 patches the one in the middle with each of the others.
        case grid
        /// One, anywhere and in any direction.
        case drawn
    }

    public var pairs = Pairs.grid
    /// Pixels between drawn patches; nil for half a patch.
    public var gap: Int?
    /// Width of the layer that looks at both patches.
    public var hidden = 4096
    /// Behind that layer.
    public var dropout = 0.5
    public var patches = PatchSettings()

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let rows: [Setting<ContextSettings>] = [
            .choice("pairs", "eight pairs of each image, on a grid, or one drawn", \.pairs),
            .optional(
                "gap", "N", "pixels between drawn patches", \.gap, .between(0, 4096), whenNone: "half a patch"
            ).with(
                SettingRole { $0.pairs == .drawn ? nil : ("without --pairs drawn", "leave it out") }),
            .value("hidden", "N", "width of the hidden layer of a head", \.hidden, .between(1, 65536)),
            .value(
                "dropout", "P", "dropout in the head; no step with it can be captured", \.dropout, .between(0, 0.99)),
        ]
        return (rows + PatchSettings.rows.map { $0.lifted(to: \.patches) }).map(\.ofTraining)
            + PatchSettings.trainingRows
    }
}
