internal import Support
public import Torch

/// A network with the weights of a file, or random ones, and the linear projection of instance discrimination if the
/// file has it.
public final class PretrainedNetwork {
    public let network: any Network
    public let description: WeightDescription
    public let device: Device
    /// One line on what was found and left out in a file that had to be imported first.
    public let importNote: String?
    /// [D, F] and [D]; nil for weights that were trained without a projection.
    private let projection: Linear?

    /// The layer name of the projection's unit vectors.
    public static let embeddingLayer = "embedding"

    /// Reads a weight file; throws `InputError` naming it when it holds no complete network.
    public init(path: String, device: Device = .cpu) throws {
        let opened = try WeightFile.open(path)
        let (file, description) = (opened.file, opened.description)
        let scope = Scope(seed: 0, device: device)
        network = description.config.makeNetwork(scope)
        if let shape = file["projection.weight"]?.shape {
            guard shape.count == 2, shape[1] == network.featureCount, shape[0] > 0 else {
                throw InputError(
                    path, "its projection of shape \(shape) does not fit the network", remedy: "write the file again")
            }
            projection = Linear(scope / "projection", in: shape[1], out: shape[0])
        } else {
            projection = nil
        }
        try scope.parameters.loadExactly(file.tensors(), from: path)
        self.description = description
        self.device = device
        importNote = opened.note
    }

    /// The baseline: a network as it is initialised.
    public init(
        random config: NetworkConfig, normalization: Normalization, imageSize: Int, seed: UInt64, device: Device = .cpu
    ) {
        network = config.makeNetwork(Scope(seed: seed, device: device))
        projection = nil
        description = WeightDescription(
            config: config, normalization: normalization, imageSize: imageSize, objective: "random")
        self.device = device
        importNote = nil
    }

    /// A network that is being trained, as it is now; its tensors are shared, not copied.
    public init(_ network: any Network, projection: Linear?, description: WeightDescription, device: Device) {
        self.network = network
        self.projection = projection
        self.description = description
        self.device = device
        importNote = nil
    }

    /// Names of the layers that can be looked at, from the input on.
    public var layerNames: [String] { network.layerNames + (projection == nil ? [] : [Self.embeddingLayer]) }

    /// The layer to take when none is named: the embedding if there is one, else the last one.
    public var defaultLayer: String { layerNames.last! }

    /// The network as it is now, for inference alone.
    public func frozen(_ precision: Precision = .fp32) -> FrozenBackbone {
        FrozenBackbone(
            network, projection: projection, layerNames: layerNames, description: description, device: device,
            precision: precision)
    }
}
