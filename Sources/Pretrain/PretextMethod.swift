public import Backbone
public import Datasets
public import Support
public import Torch
public import Training

/// A way to train a backbone: without labels, or with them to compare.
///
/// The loop, checkpoints, resuming, captured steps, measurements and weight files are the same for all of them
/// (`Pretraining`); a method says what it makes of a batch, what its loss is and what it keeps between steps.
public protocol PretextMethod: AnyObject {
    /// The tensors of a step by their names.
    associatedtype Inputs: TensorGroup

    /// Builds the backbone first, then what the method has beside it: so random values are drawn.
    ///
    /// - Throws: `InputError` when the data cannot serve the method.
    init(_ context: MethodContext) throws(InputError)

    /// The backbone that is written out.
    var network: any Network { get }
    /// Width of its last layer; nil without one.
    var classCount: Int? { get }

    /// Everything of a step that comes from the host or from a random generator; `images` [B, 3, H, W] on the device.
    func inputs(_ images: Tensor, of batch: HostBatch) -> Inputs
    /// The loss of a step, by operators alone that neither wait for values nor draw any.
    func forward(_ inputs: Inputs) -> StepLoss
    /// Whether a step does the same operations as the one before, so that a GPU can replay it.
    var isSteady: Bool { get }

    /// What it keeps between steps beside parameters.
    var state: Checkpoint { get }
    /// - Throws: `InputError` when the state is another run's.
    func restore(_ state: Checkpoint) throws

    /// What a kNN probe looks at while it trains; nil where there is nothing.
    var probe: ProbeView? { get }
}

/// What a method is made of.
public struct MethodContext {
    public var options: PretrainOptions
    public var data: any ImageCollection
    /// Where parameters and random values come from.
    public var scope: Scope

    /// The network of the run, at its random values.
    func makeNetwork(classes: Int?) -> any Network { options.network(classes: classes).makeNetwork(scope) }
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

extension PretextMethod {
    /// The same for inputs whose type is not known.
    func forward(erased inputs: any TensorGroup) -> StepLoss {
        guard let inputs = inputs as? Inputs else {
            preconditionFailure("\(type(of: inputs)) are another method's inputs")
        }
        return forward(inputs)
    }
}

/// The methods by name.
public enum Objective: String, CaseIterable, Sendable {
    /// Every image from all others, by a memory bank (the paper's method).
    case instance
    /// Every image from all others, by an n-way linear classifier (the paper's baseline).
    case parametric
    /// The classes of the labels.
    case supervised

    public var method: any PretextMethod.Type {
        switch self {
        case .instance: InstanceDiscrimination.self
        case .parametric: ParametricClassification.self
        case .supervised: SupervisedClassification.self
        }
    }
}
