public import Backbone
public import Datasets
internal import Imaging
public import Support
public import Torch
public import Training

/// RotNet (Gidaris, Singh, Komodakis, ICLR 2018): each image is turned by 0, 90, 180 and 270 degrees, and the network says by
/// which. L is the mean over all turned images of the cross-entropy over the four.
public final class Rotation: PretextMethod {
    public typealias Settings = RotationSettings
    public typealias Inputs = ClassificationInputs

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        var recipe: PretrainRecipe
        switch name {
        case .imagenet:
            recipe = PretrainRecipe(RotationSettings())
            recipe.batch = 192
            recipe.epochs = 50
            recipe.optimization = Optimization(learningRate: 0.1, milestones: [15, 30, 45], weightDecay: 5e-4)
            recipe.augmentation = Augmentation(cropScale: 0.08)
        case .cifar10:
            recipe = .cifar(RotationSettings())
            recipe.optimization = Optimization(learningRate: 0.1, milestones: [60, 120, 160], weightDecay: 5e-4)
            recipe.optimization.gamma = 0.2
            recipe.augmentation = Augmentation(cropScale: 1)
            recipe.augmentation.framing = .padded(4)
        }
        recipe.optimization.isNesterov = true
        recipe.alexNet.isNormalized = true
        return recipe
    }

    public var network: any Network { encoder.network }
    private let encoder: Encoder
    private let options: PretrainOptions

    public init(_ context: MethodContext) {
        options = context.options
        let network = context.makeNetwork()
        encoder = Encoder(
            network,
            EmbeddingHead(context.scope / "head", in: network.featureCount, [.init(Self.turnCount)]))
    }

    static let turnCount = 4

    public var headPrefixes: [String] { ["head."] }
    public var probe: MethodProbe { .features }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> ClassificationInputs {
        ClassificationInputs(
            images: Self.turned(images),
            targets: Tensor((0..<Self.turnCount * batch.count).map { $0 / batch.count }).uploaded(to: options.device))
    }

    public func forward(_ inputs: ClassificationInputs) -> StepLoss {
        withPrecision(options.precision, on: options.device) { encoder(inputs.images) }.classified(inputs.targets)
    }

    /// All four turns of squares, anticlockwise, without resampling: [N, C, S, S] → [4·N, C, S, S], those that stay in front.
    package static func turned(_ images: Tensor) -> Tensor {
        precondition(images.size(2) == images.size(3), "only squares can be turned")
        let sideways = images.transpose(2, 3)
        return Tensor.cat([images, sideways.flip(2), images.flip(2, 3), sideways.flip(3)]).contiguous(.channelsLast)
    }

    public func samples(_ batch: SampleBatch) -> [SampleRow] {
        let count = batch.host.count
        let answers = encoder(Self.turned(batch.images), mode: .evaluate).argmax(1).ints
        return (0..<count).map { sample in
            let image = batch.picture(view: 0, of: sample)
            return SampleRow(
                batch.names[sample],
                (0..<Self.turnCount).map { turn in
                    .init(image.turned(quarters: turn), "\(90 * turn): says \(90 * answers[turn * count + sample])")
                })
        }
    }
}

extension Tensor {
    /// Cross-entropy over classes, and the share of rows whose largest entry is the right one: of logits [N, C] and targets [N].
    func classified(_ targets: Tensor) -> StepLoss {
        let logits = to(dtype: .float32)
        return StepLoss(
            logits.crossEntropy(targets), values: [("task_accuracy", logits.detach().accuracy(targets))])
    }

    /// One value.
    func accuracy(_ targets: Tensor) -> Tensor { argmax(1).equal(targets).to(dtype: .float32).mean() }
}

public struct RotationSettings: MethodSettings {
    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        [
            Augmentation.paddingSetting.lifted(to: \.recipe.augmentation),
            Optimization.nesterovSetting.lifted(to: \.recipe.optimization),
        ]
    }
}
