public import Backbone
public import Datasets
public import Support
public import Torch
public import Training

/// Images and the classes they are to be told apart by.
public struct ClassificationInputs: TensorGroup {
    /// [B, 3, H, W]
    public var images: Tensor
    /// [B] int64
    public var targets: Tensor

    public func map(_ transform: (Tensor) -> Tensor) -> ClassificationInputs {
        ClassificationInputs(images: transform(images), targets: transform(targets))
    }
}

/// The network with a linear layer for its classes, and their cross-entropy.
public class Classification {
    public typealias Settings = NoSettings

    /// As instance discrimination is trained, to compare.
    public static func recipe(_ name: PretrainRecipe.Name) -> PretrainRecipe {
        var recipe = InstanceDiscrimination.recipe(name)
        recipe.own = NoSettings()
        return recipe
    }

    public let network: any Network
    public let classCount: Int?
    private let options: PretrainOptions

    init(_ context: MethodContext, classCount: Int) {
        network = context.makeNetwork(classes: classCount)
        self.classCount = classCount
        options = context.options
    }

    func inputs(_ images: Tensor, targets: [Int]) -> ClassificationInputs {
        ClassificationInputs(images: images, targets: Tensor(targets).uploaded(to: options.device))
    }

    public func forward(_ inputs: ClassificationInputs) -> StepLoss {
        let logits = withPrecision(options.precision, on: options.device) {
            network.logits(inputs.images, mode: .train)
        }
        return StepLoss(logits.to(dtype: .float32).crossEntropy(inputs.targets))
    }

    public var probe: MethodProbe { .none }
}

/// The classes of the labels: what unsupervised features are measured against.
public final class SupervisedClassification: Classification, PretextMethod {
    public init(_ context: MethodContext) throws(InputError) {
        let classes = context.data.classes.count
        guard classes >= 2 else {
            throw InputError(
                context.data.source, "has no class labels for the supervised objective",
                remedy: "give a folder with one folder a class, or another objective")
        }
        super.init(context, classCount: classes)
    }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> ClassificationInputs {
        inputs(images, targets: batch.labels)
    }
}

/// Every image is a class of its own, told apart by a linear layer (Wu et al., CVPR 2018, equation 1).
public final class ParametricClassification: Classification, PretextMethod {
    public init(_ context: MethodContext) throws(InputError) { super.init(context, classCount: context.data.count) }

    public func inputs(_ images: Tensor, of batch: HostBatch, step: Int) -> ClassificationInputs {
        inputs(images, targets: batch.indices)
    }
}
