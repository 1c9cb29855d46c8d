public import Backbone
public import Datasets
public import Distributed
public import Imaging
public import Support
public import Torch
public import Training

/// A way to train a backbone: without labels, or with them to compare.
///
/// The loop, checkpoints, resuming, captured steps, measurements and weight files are the same for all of them
/// (`Pretraining`); a method says which views of an image it wants, what its loss is, what it keeps between steps and what of
/// it is the backbone.
public protocol PretextMethod: AnyObject {
    /// What can be chosen of the method beside what every training has.
    associatedtype Settings: MethodSettings
    /// The tensors of a step by their names.
    associatedtype Inputs: TensorGroup

    /// All settings of a training by this method, as published.
    static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe
    /// What is made of each image: one pipeline a view.
    static func views(_ recipe: PretrainRecipe) -> [ImagePipeline]

    /// What is made of each image that is shown to people, where that is more than of one to be learned from.
    static func sampleViews(_ recipe: PretrainRecipe) -> [ImagePipeline]
    /// How the picture of the only view is cut into the views of an image; nil leaves views as they are.
    static func cut(_ recipe: PretrainRecipe) -> PatchCut?

    /// Builds the backbone first, then what the method has beside it: so random values are drawn.
    ///
    /// - Throws: `InputError` when the data cannot serve the method.
    init(_ context: MethodContext) throws(InputError)

    /// The backbone that is written out.
    var network: any Network { get }
    /// What is trained of it, where it is made up of networks that see different channels: `network` is then a copy of them as
    /// they are now. Nil where it is trained itself.
    var parts: NetworkParts? { get }
    /// Width of its last layer; nil without one.
    var classCount: Int? { get }
    /// What the names of parameters begin with that are trained but not part of the backbone.
    var headPrefixes: [String] { get }
    /// Of these, the parameters whose learning rate does not fall.
    var fixedRatePrefixes: [String] { get }

    /// Whether it draws anew in each step what is not a function of seed, step and image, beside the network's dropout.
    var drawsMasks: Bool { get }

    /// Whether running statistics are measured anew over training images before weights are written, because they lag behind what
    /// is trained.
    var remeasuresStatistics: Bool { get }

    /// Called when weights have been loaded into the network: what is a copy of it is made anew.
    func networkWasLoaded()

    /// Everything of a step that comes from the host or from a random generator.
    ///
    /// - Parameter images: [V·B, 3, H, W] on the device: the first views of all images, then the second.
    func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> Inputs
    /// The loss of a step, by operators alone that neither wait for values nor draw any.
    func forward(_ inputs: Inputs) -> StepLoss
    /// Whether a step does the same operations as the one before, so that a GPU can replay it.
    var isSteady: Bool { get }

    /// What it keeps between steps beside parameters.
    var state: Checkpoint { get }
    /// - Throws: `InputError` when the state is another run's.
    func restore(_ state: Checkpoint) throws

    /// What a kNN probe looks at while it trains.
    var probe: MethodProbe { get }

    /// What a weight file says beside the recipe of what the method has learned from.
    var details: [JSON.Member] { get }
    /// Pictures of what the network is given and what it answers, one row a sample: for people to see whether the task is right.
    /// Changes nothing that is trained or drawn.
    func samples(_ batch: SampleBatch) -> [SampleRow]
}

/// What can be chosen of a method: values with defaults, and a table of them.
public protocol MethodSettings: Hashable, Sendable {
    init()
    /// As options and in `config.json`; they may be of the whole training, such as changes of colour that only this method
    /// makes.
    static var settings: [Setting<PretrainOptions>] { get }
}

/// Of a method that has none.
public struct NoSettings: MethodSettings {
    public init() {}
    public static var settings: [Setting<PretrainOptions>] { [] }
}

extension PretextMethod {
    public static func views(_ recipe: PretrainRecipe) -> [ImagePipeline] {
        [recipe.augmentation.pipeline(imageSize: recipe.imageSize)]
    }

    public static func sampleViews(_ recipe: PretrainRecipe) -> [ImagePipeline] { views(recipe) }
    public static func cut(_ recipe: PretrainRecipe) -> PatchCut? { nil }

    public var parts: NetworkParts? { nil }
    public var classCount: Int? { nil }
    public var headPrefixes: [String] { [] }
    public var fixedRatePrefixes: [String] { [] }
    public var remeasuresStatistics: Bool { false }
    public var drawsMasks: Bool { false }
    public func networkWasLoaded() {}
    public var isSteady: Bool { true }
    public var state: Checkpoint { Checkpoint() }
    public func restore(_ state: Checkpoint) throws {}
    public var details: [JSON.Member] { [] }
    public func samples(_ batch: SampleBatch) -> [SampleRow] { batch.views }

    /// The same for inputs whose type is not known.
    func forward(erased inputs: any TensorGroup) -> StepLoss {
        guard let inputs = inputs as? Inputs else {
            preconditionFailure("\(type(of: inputs)) are another method's inputs")
        }
        return forward(inputs)
    }

    static var settings: [Setting<PretrainOptions>] { Settings.settings }
}

/// What a method is made of.
public struct MethodContext {
    public var options: PretrainOptions
    public var data: any ImageCollection
    /// Where parameters and random values come from.
    public var scope: Scope
    /// Of the whole training.
    public var totalSteps: Int
    /// The processes that train together.
    public var world = World.alone

    /// The network of the run, at its random values.
    func makeNetwork(classes: Int? = nil) -> any Network {
        options.trainedNetwork(classes: classes).makeNetwork(scope)
    }
}

/// What a kNN probe looks at while a method trains.
public enum MethodProbe {
    /// Nothing.
    case none
    /// Features of the training images that the method has at hand, and how to make those of others.
    case bank(ProbeView)
    /// The backbone's last features, without what the method has beside it.
    case features
}

/// Features of the training images that a method has at hand, and how to make those of others.
public struct ProbeView {
    /// One unit vector for every training image.
    public var bank: MemoryBank
    /// What follows the network's last features.
    public var projection: Linear
    /// τ of the votes.
    public var temperature: Double
}
