public import Backbone
public import Detection
internal import Support
public import Torch

/// Where the weights come from that an experiment starts with.
public enum WeightSource: Hashable, Sendable {
    /// As the network is initialised.
    case random(Architecture, stem: Stem)
    /// A weight file, or one of `torch.save`, which is imported when it is opened.
    case file(String)

    /// What runs from random weights say they learnt from; no weight file can be called so.
    public static let random = "random"

    /// The path of the file, or "random".
    public var name: String {
        switch self {
        case .random: Self.random
        case .file(let path): path
        }
    }

    /// Looks at the weights; throws `InputError` naming the file when it holds no network.
    public func open() throws -> StartingWeights {
        switch self {
        case .random(let architecture, let stem):
            return StartingWeights(
                source: self, description: Self.description(of: NetworkConfig(architecture, stem: stem)), file: nil)
        case .file(let path):
            let opened = try WeightFile.open(path)
            Self.say(opened.note)
            return StartingWeights(source: self, description: opened.description, file: opened.file)
        }
    }

    /// The network with these weights, for its features.
    ///
    /// - Parameters:
    ///   - imageSize: Of random weights; nil for what suits the stem.
    ///   - seed: Of random weights.
    public func network(imageSize: Int? = nil, seed: UInt64, device: Device) throws -> PretrainedNetwork {
        switch self {
        case .file(let path):
            let network = try PretrainedNetwork(path: path, device: device)
            Self.say(network.importNote)
            return network
        case .random(let architecture, let stem):
            let description = Self.description(of: NetworkConfig(architecture, stem: stem))
            return PretrainedNetwork(
                random: description.config, normalization: description.normalization,
                imageSize: imageSize ?? description.imageSize, seed: seed, device: device)
        }
    }

    private static func say(_ note: String?) {
        if let note { Console.remark(note, label: "note") }
    }

    /// What weights that nothing was learnt with say about themselves.
    static func description(of config: NetworkConfig, objective: String = random) -> WeightDescription {
        let isSmall = config.stem == .cifar
        return WeightDescription(
            config: config, normalization: isSmall ? .cifar10 : .imagenet, imageSize: isSmall ? 32 : 224,
            objective: objective)
    }
}

/// Weights that an experiment starts with.
public struct StartingWeights {
    public let source: WeightSource
    public let description: WeightDescription
    /// nil for random ones.
    public let file: SafetensorsFile?

    public var isRandom: Bool { file == nil }

    /// What they learnt from: "random", "instance", "supervised", …
    public var objective: String { description.objective }

    /// A detector on this network, for these classes.
    public func detector(classes: [String]) -> DetectorConfig {
        DetectorConfig(
            network: NetworkConfig(description.config.architecture, stem: description.config.stem),
            normalization: description.normalization, classes: classes)
    }
}
