public import Backbone
public import Datasets
public import Support
public import Torch

/// All resolved settings of a pretraining run.
public struct PretrainOptions: Sendable {
    public var architecture: Architecture
    public var method: MethodName
    /// Starting point, with everything overridden that the user has set.
    public var recipe: PretrainRecipe
    public var seed: UInt64 = 0
    public var workers = 2
    public var device = Device.cpu
    public var precision = Precision.fp32
    public var onBadImage = BadImagePolicy.stop
    /// Whether batch norm measures its statistics over the batches of all processes together, not over each one's own.
    public var synchronizesBatchNorm = false
    /// Whether colour and mirroring change whole batches on the device rather than single images in the loader's
    /// threads, to the same pixels; nil for what suits the device.
    public var augmentsOnDevice: Bool?

    public init(architecture: Architecture, method: MethodName, recipe: PretrainRecipe) {
        self.architecture = architecture
        self.method = method
        self.recipe = recipe
    }

    /// The network that is written out.
    public func network(classes: Int?) -> NetworkConfig {
        NetworkConfig(architecture, stem: recipe.stem, classes: classes)
    }

    /// The network that is trained.
    func trainedNetwork(classes: Int? = nil) -> NetworkConfig {
        var network = network(classes: classes)
        if architecture == .alexnet { network.form = recipe.alexNet }
        return network
    }

    /// Every value that shapes the result, for `config.json`.
    public var json: JSON {
        .object(
            [
                .init("arch", .string(architecture.rawValue)), .init("objective", .string(method.rawValue)),
                .init("normalization", recipe.normalization.json),
                .init("seed", .integer(Int(truncatingIfNeeded: seed))), .init("precision", .string(precision.rawValue)),
                .init("device", .string(device.description)), .init("threads", .integer(Runtime.threads)),
                .init("workers", .integer(workers)),
            ] + (synchronizesBatchNorm ? [.init("sync_batchnorm", true)] : []) + Self.rows.members(of: self))
    }

    /// Settings that a resumed run may change because the result does not depend on them.
    public static let mayDiffer: Set<String> = ["workers"]
}
