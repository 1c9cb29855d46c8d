public import Backbone
public import Datasets
internal import Distributed
public import Imaging
public import Support
public import Torch
public import Training

/// Exemplar CNN (Dosovitskiy et al., NIPS 2014): each image stands for a class of its own, whose members are strong changes of it.
/// By classes, a linear layer of one output an image tells them apart (section 2.2); by triplets, several changed views of an image
/// are to be nearer to each other than to those of others (Doersch, Zisserman, ICCV 2017).
public final class Exemplar: PretextMethod {
    public typealias Settings = ExemplarSettings
    public typealias Inputs = ClassificationInputs

    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        var own = ExemplarSettings()
        var recipe: PretrainRecipe
        switch name {
        case .imagenet: recipe = PretrainRecipe(own)
        case .cifar10:
            own.dimension = 128
            recipe = .cifar(own)
        }
        recipe.epochs = 30
        recipe.optimization = Optimization(learningRate: 0.03, milestones: [20, 26], weightDecay: 1e-4)
        recipe.augmentation.cropScale = 0.5
        recipe.augmentation.rotation = 20
        recipe.alexNet.isNormalized = true
        return recipe
    }

    /// By triplets, the same changes drawn for each of several views.
    public static func views(_ recipe: PretrainRecipe) -> [ImagePipeline] {
        let settings: ExemplarSettings = recipe.settings()
        return Array(
            repeating: recipe.augmentation.pipeline(imageSize: recipe.imageSize),
            count: settings.form == .triplets ? settings.viewCount : 1)
    }

    public static func sampleViews(_ recipe: PretrainRecipe) -> [ImagePipeline] {
        Array(repeating: views(recipe)[0], count: 8)
    }

    public var network: any Network { encoder.network }
    private let encoder: Encoder
    private let settings: ExemplarSettings
    private let options: PretrainOptions
    private let world: World

    public init(_ context: MethodContext) {
        options = context.options
        world = context.world
        settings = options.recipe.settings()
        let network = context.makeNetwork()
        encoder = Encoder(
            network,
            EmbeddingHead(
                context.scope / "head", in: network.featureCount,
                [.init(settings.form == .classes ? context.data.count : settings.dimension)]))
    }

    public var headPrefixes: [String] { ["head."] }
    public var probe: MethodProbe { .features }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> ClassificationInputs {
        ClassificationInputs(images: images, targets: Tensor(batch.indices).uploaded(to: options.device))
    }

    public func forward(_ inputs: ClassificationInputs) -> StepLoss {
        let outputs = withPrecision(options.precision, on: options.device) { encoder(inputs.images) }
        switch settings.form {
        case .classes: return outputs.classified(inputs.targets)
        case .triplets:
            let embeddings = outputs.to(dtype: .float32).l2Normalized()
            // Among the images of all processes.
            let (value, accuracy) = world.function(of: embeddings, views: settings.viewCount) { [settings] all in
                let (value, accuracy) = TripletLoss(margin: settings.margin)(all, views: settings.viewCount)
                return (value, accuracy)
            }
            return StepLoss(
                value, values: [("task_accuracy", accuracy), ("embedding_spread", embeddings.spread)])
        }
    }

    /// Changes of each image; by classes with the image that the network takes each for.
    public func samples(_ batch: SampleBatch) -> [SampleRow] {
        if settings.form == .triplets { return batch.views }
        let count = batch.host.count
        let answers = encoder(batch.images, mode: .evaluate).argmax(1).ints
        return (0..<count).map { sample in
            SampleRow(
                "\(batch.names[sample]), class \(batch.host.indices[sample])",
                (0..<batch.host.viewCount).map { view in
                    .init(batch.picture(view: view, of: sample), "says \(answers[view * count + sample])")
                })
        }
    }
}

public struct ExemplarSettings: MethodSettings {
    public enum Form: String, CaseIterable, Sendable {
        case classes
        case triplets
    }

    public var form = Form.classes
    /// V, views of each image in a step.
    public var viewCount = 4
    public var margin = 0.5
    /// D of the embedding.
    public var dimension = 1000

    public init() {}

    public static var settings: [Setting<PretrainOptions>] {
        let triplets = SettingRole<ExemplarSettings> {
            $0.form == .triplets ? nil : ("without --form triplets", "leave it out")
        }
        let rows: [Setting<ExemplarSettings>] = [
            .choice("form", "one class an image, or triplets of views", \.form),
            .value("views", "V", "views of each image in a step", \.viewCount, .between(2, 64)).with(triplets),
            .value("margin", "M", "by how much other images are to be farther", \.margin, .above(0)).with(triplets),
            .value("dim", "D", "dimensions of the embedding", \.dimension, .between(1, 65536)).with(triplets),
        ]
        return rows.map(\.ofTraining) + [Augmentation.rotationSetting.lifted(to: \.recipe.augmentation)]
    }
}
