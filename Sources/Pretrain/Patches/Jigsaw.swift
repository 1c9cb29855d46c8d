public import Backbone
public import Datasets
public import Imaging
public import Support
public import Torch
public import Training

/// Jigsaw puzzles (Noroozi, Favaro, ECCV 2016): nine tiles of an image in an order from a fixed set, which the network names. The
/// backbone and a layer behind it look at each tile by itself; a last layer looks at all nine, in the places where they stand.
///
/// The head is that of Goyal et al. (ICCV 2019) for every backbone.
public final class Jigsaw: PretextMethod {
    public typealias Settings = JigsawSettings
    public typealias Inputs = ClassificationInputs

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        var own = JigsawSettings()
        var recipe: PretrainRecipe
        switch name {
        case .imagenet:
            recipe = PretrainRecipe(own)
            recipe.epochs = 105
            recipe.imageSize = 255
            recipe.optimization = Optimization(learningRate: 0.1, milestones: [30, 60, 90, 100], weightDecay: 1e-4)
            recipe.optimization.warmUpEpochs = 5
            recipe.optimization.decayExemption = .norm
        case .cifar10:
            // Larger than the images, so that something is left of a tile.
            own.permutationCount = 64
            own.tileDimension = 512
            recipe = .cifar(own)
            recipe.batch = 64
            recipe.epochs = 90
            recipe.imageSize = 48
            recipe.optimization = Optimization(learningRate: 0.03, weightDecay: 1e-4)
            recipe.optimization.schedule = .cosine
        }
        recipe.setPatches(shortSide: 256.0 / 255)
        return recipe
    }

    public static func cut(_ recipe: PretrainRecipe) -> PatchCut? {
        let settings: JigsawSettings = recipe.settings()
        return settings.patches.tiles(imageSize: recipe.imageSize, choices: settings.permutationCount)
    }

    public var network: any Network { encoder.network }
    private let encoder: PatchEncoder
    private let tileHead: EmbeddingHead
    private let dropout: Dropout
    private let orderHead: EmbeddingHead
    public let permutations: PermutationSet
    private let cut: PatchCut
    private let options: PretrainOptions

    /// - Throws: `InputError` when tiles are too small for the network, or too large for the image.
    public init(_ context: MethodContext) throws(InputError) {
        options = context.options
        let settings: JigsawSettings = options.recipe.settings()
        cut = Self.cut(options.recipe)!
        permutations = PermutationSet(settings.permutationKind, count: settings.permutationCount)
        encoder = try PatchEncoder(context, cut)
        tileHead = EmbeddingHead(
            context.scope / "head" / "tile", in: encoder.width,
            [.init(settings.tileDimension, norm: .affine, relu: true)])
        dropout = Dropout(settings.dropout, generator: context.scope.trainingGenerator)
        orderHead = EmbeddingHead(
            context.scope / "head" / "order", in: cut.count * settings.tileDimension,
            [.init(permutations.orders.count)])
    }

    public var drawsMasks: Bool { dropout.probability > 0 }
    public var headPrefixes: [String] { ["head."] }
    public var probe: MethodProbe { .features }
    public var isSteady: Bool { dropout.probability == 0 }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> ClassificationInputs {
        ClassificationInputs(
            images: shuffled(images, batch.choices), targets: Tensor(batch.choices).uploaded(to: options.device))
    }

    /// Tiles in the places that the orders drawn give them, standardised: [9·B, 3, H, W] by place.
    private func shuffled(_ tiles: Tensor, _ choices: [Int]) -> Tensor {
        let count = choices.count
        let rows = (0..<cut.count).flatMap { place in
            choices.indices.map { permutations.orders[choices[$0]][place] * count + $0 }
        }
        return tiles.indexSelect(0, Tensor(rows).uploaded(to: options.device)).standardizedPictures
    }

    public func forward(_ inputs: ClassificationInputs) -> StepLoss {
        logits(inputs.images, mode: .train).classified(inputs.targets)
    }

    /// [9·B, 3, H, W] → [B, N]
    private func logits(_ tiles: Tensor, mode: Mode) -> Tensor {
        withPrecision(options.precision, on: options.device) {
            let x = tileHead(encoder(tiles, mode: mode), mode: mode)  // [9·B, D]
            let count = tiles.size(0) / cut.count
            let joined = x.reshape(cut.count, count, -1).permute(1, 0, 2).reshape(count, -1)  // [B, 9·D]
            return orderHead(dropout(joined, mode: mode), mode: mode)
        }
    }

    // MARK: State

    public var state: Checkpoint {
        let count = permutations.orders.count
        return Checkpoint(tensors: [
            ("permutations", Tensor(permutations.orders.flatMap { $0 }, shape: [count, cut.count]))
        ])
    }

    public func restore(_ state: Checkpoint) throws(InputError) {
        guard let saved = state["permutations"], saved.ints == permutations.orders.flatMap({ $0 }) else {
            throw InputError(
                "the checkpoint", "was trained on other orders of the tiles",
                remedy: "resume with the options of the run")
        }
    }

    public var details: [JSON.Member] {
        [
            .init("tile", .integer(cut.side)),
            .init("permutation_set", .string(permutations.name)),
            .init("permutations", .array(permutations.texts.map { .string($0) })),
        ]
    }

    // MARK: Pictures

    /// The puzzle as it is given, put together by the network's answer, and as it was.
    public func samples(_ batch: SampleBatch) -> [SampleRow] {
        let choices = batch.host.choices
        let answers = logits(shuffled(batch.images, choices), mode: .evaluate).argmax(1).ints
        return choices.indices.map { sample in
            let (order, answer) = (permutations.orders[choices[sample]], permutations.orders[answers[sample]])
            let tiles = (0..<cut.count).map { batch.picture(view: $0, of: sample) }
            let given = order.map { tiles[$0] }
            var solved = given
            for (place, tile) in answer.enumerated() { solved[tile] = given[place] }
            func puzzle(_ tiles: [Image]) -> Image { Image.grid(tiles, columns: 3, gap: 2) }
            return SampleRow(
                batch.names[sample],
                [
                    .init(puzzle(given), "order \(choices[sample])"),
                    .init(puzzle(solved), "says \(answers[sample])"),
                    .init(puzzle(tiles), "as it was"),
                ])
        }
    }
}

extension PretrainRecipe {
    /// What recipes of patch tasks share: a random square of the image, often grey as a whole; in AlexNet batch norm, and a stride
    /// at which something is left of a tile.
    mutating func setPatches(shortSide: Double) {
        augmentation = Augmentation(cropScale: 1, color: .init(grayscale: 0.66, jitter: 0))
        augmentation.framing = .shortSide(shortSide)
        alexNet = TrainingForm(isNormalized: true, stemStride: 2)
    }
}

public struct JigsawSettings: MethodSettings {
    /// N
    public var permutationCount = 1000
    public var permutationKind = PermutationSet.Kind.group
    /// D, what the last layer sees of each tile.
    public var tileDimension = 1000
    /// Of what the last layer sees.
    public var dropout = 0.0
    public var patches = PatchSettings()

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let rows: [Setting<JigsawSettings>] = [
            .value(
                "permutations", "N", "orders of the tiles to tell apart", \.permutationCount,
                .between(2, PermutationSet.largestCount)),
            .choice("permutation-set", "how these orders are chosen", \.permutationKind),
            .value("tile-dim", "D", "dimensions in which a tile is described", \.tileDimension, .between(1, 65536)),
            .value(
                "dropout", "P", "dropout in the head; no step with it can be captured", \.dropout, .between(0, 0.99)),
        ]
        return (rows + PatchSettings.rows.map { $0.lifted(to: \.patches) }).map(\.ofTraining)
            + PatchSettings.trainingRows
    }
}
