public import Support
internal import Torch

/// How the tensors of a foreign file become a weight file of ours: decided and reported before any of them is read.
public struct WeightImport {
    /// What becomes of the last linear layer (`fc`, `classifier.6`).
    public enum LastLayer: String, CaseIterable, Sendable {
        /// A projection when it has `contrastiveDimension` rows or the file is MoCo's, else a classifier.
        case auto
        case classifier
        case projection
        case none
    }

    public struct Options: Sendable {
        /// Nil: told from the shapes.
        public var architecture: Architecture?
        /// Nil: told from the shapes, else ImageNet's.
        public var stem: Stem?
        public var lastLayer = LastLayer.auto
        /// What to take off the names; nil finds it.
        public var prefix: String?

        public init() {}
    }

    /// Width of the embeddings of InstDisc and MoCo; no data set that networks are published for has as many classes.
    public static let contrastiveDimension = 128

    public let source: ForeignWeights
    public let config: NetworkConfig
    /// What was taken off the names.
    public let prefix: String
    /// Which of several networks of a method it was, as "MoCo's encoder of queries"; nil where its names do not tell.
    public let origin: String?
    /// What the last layer became; never `auto`.
    public let lastLayer: LastLayer
    /// [D, F] of the projection that the weight file will have.
    public let projectionShape: [Int]?
    /// Names of the weight file that get a tensor, in its order, each with its name in the source.
    public private(set) var loaded: [(name: String, source: String)] = []
    /// The network needs them, the file does not have them.
    public private(set) var missing: [String] = []
    /// In both, with another shape or type, and what is wrong.
    public private(set) var mismatched: [String] = []
    /// Under the prefix, but of no use to the network, by their names in the source.
    public private(set) var unexpected: [String] = []
    /// Not under the prefix, by their names in the source.
    public let outside: [String]
    /// Counters of batch norm that the file does not have; they become 0.
    public private(set) var counters = 0

    private let parameters: Parameters
    /// The first layer, of a network that sees some channels of Lab alone.
    private let first: FirstLayer?

    /// A first layer of fewer channels than three: the others get weights of zero.
    private struct FirstLayer {
        static let name = "conv1.weight"
        /// Of Lab.
        let channels: Range<Int>
        /// With all three channels.
        let shape: [Int]

        /// Nil for a first layer that sees other channels than these alone.
        init?(channels: Range<Int>?, shape: [Int]?) {
            guard let channels, let shape, shape.count == 4, shape[1] == channels.count else { return nil }
            self.channels = channels
            self.shape = [shape[0], 3] + shape[2...]
        }

        func whole(_ tensor: Tensor) -> Tensor {
            let result = Tensor.zeros(shape, dtype: tensor.dtype)
            result.narrow(1, channels.lowerBound, channels.count).copy_(tensor)
            return result
        }
    }

    /// Finds the network in a file.
    ///
    /// - Throws: `InputError` naming the file when no network is found in it. One that is not complete is reported by
    ///   `missing` and `mismatched`, and refused by `write`.
    public init(_ source: ForeignWeights, _ options: Options = Options()) throws {
        let names = try StateDictNames(source, prefix: options.prefix)
        func item(_ name: String) -> ForeignWeights.Item? { names.names[name].flatMap { source[$0] } }
        let first = FirstLayer(channels: names.channels, shape: item(FirstLayer.name)?.shape)
        func shape(_ name: String) -> [Int]? {
            name == FirstLayer.name ? first?.shape ?? item(name)?.shape : item(name)?.shape
        }
        var config = try Self.config(source, options, shape: shape)
        let last = config.classifierPrefix
        let rows = config.classes
        // Without its bias, or with one of another length, it is none of the two.
        let isWhole = rows != nil && item(last + "bias")?.shape == [rows!]
        let isContrastive =
            rows == Self.contrastiveDimension || StateDictNames.contrastiveParts.contains { names.prefix.contains($0) }
        let choice: LastLayer =
            switch options.lastLayer {
            case .auto: isContrastive && item("projection.weight") == nil ? .projection : .classifier
            case .classifier, .projection, .none: options.lastLayer
            }
        guard isWhole || options.lastLayer == .auto || options.lastLayer == .none else {
            throw InputError(
                source.path, "has no last layer \(last)weight with a bias that fits \(config.architecture.rawValue)",
                remedy: "leave the kind of the last layer open")
        }
        guard options.lastLayer != .projection || item("projection.weight") == nil else {
            throw InputError(
                source.path, "has a projection beside its last layer", remedy: "leave the kind of the last layer open")
        }
        lastLayer = isWhole ? choice : .none
        config.classes = lastLayer == .classifier ? rows : nil

        let scope = Scope(seed: 0)
        let network = config.makeNetwork(scope)
        var renamed = names.names
        if lastLayer == .projection {
            for part in ["weight", "bias"] { renamed["projection." + part] = renamed.removeValue(forKey: last + part) }
        }
        let shape = renamed["projection.weight"].flatMap { source[$0]?.shape }
        if let shape, shape.count == 2, shape[0] > 0, shape[1] == network.featureCount {
            projectionShape = shape
            _ = Linear(scope / "projection", in: shape[1], out: shape[0])
        } else {
            projectionShape = nil
        }
        self.source = source
        self.config = config
        prefix = names.prefix
        origin = names.origin
        outside = names.outside
        parameters = scope.parameters
        self.first = first
        compare(renamed)
    }

    /// The network that the options or the shapes say.
    private static func config(
        _ source: ForeignWeights, _ options: Options, shape: (String) -> [Int]?
    ) throws -> NetworkConfig {
        let found = WeightFile.recognize(shape: shape)
        guard let architecture = options.architecture ?? found?.architecture else {
            let isTrunk = shape("features.0.weight") != nil
            let holdsHalves = source.items.contains { item in
                StateDictNames.channelParts.contains { item.name.contains($0.0) }
            }
            if holdsHalves {
                throw InputError(
                    source.path, "holds CMC's half networks, which make up no known network even side by side",
                    remedy: "give a pair of ResNets of full width")
            }
            throw InputError(
                source.path,
                isTrunk
                    ? "holds convolutions like those of AlexNet or VGG, but of no known network"
                    : "holds none of the known networks (\(Self.some(source.items.map(\.name))))",
                remedy: "give a complete "
                    + Architecture.allCases.map(\.rawValue).joined(separator: ", ") + " with torchvision's names")
        }
        let isSmall = shape("conv1.weight")?.dropFirst() == [3, 3, 3]
        let stem = options.stem ?? (isSmall && architecture.takes(.cifar) ? .cifar : .imagenet)
        guard architecture.takes(stem) else {
            throw InputError(
                source.path, "holds \(architecture.rawValue), which has no CIFAR stem", remedy: "leave the stem open")
        }
        var config = NetworkConfig(architecture, stem: stem)
        if let last = shape(config.classifierPrefix + "weight"), last.count == 2, last[0] > 0,
            last[1] == architecture.featureCount
        {
            config.classes = last[0]
        }
        return config
    }

    /// Sorts all names into those that fit and those that do not.
    private mutating func compare(_ names: [String: String]) {
        var used: Set<String> = []
        for entry in parameters.entries {
            guard let name = names[entry.name], let item = source[name] else {
                if entry.name.hasSuffix("num_batches_tracked") {
                    counters += 1
                } else {
                    missing.append(entry.name)
                }
                continue
            }
            used.insert(name)
            let shape = entry.name == FirstLayer.name ? first?.shape ?? item.shape : item.shape
            if shape != entry.tensor.shape {
                mismatched.append("\(name.printable) has the shape \(item.shape), expected \(entry.tensor.shape)")
            } else if item.dtype == nil || item.dtype!.isFloatingPoint != entry.tensor.dtype.isFloatingPoint {
                let type = item.dtype.map { "\($0)" } ?? "of a type that cannot be read"
                mismatched.append("\(name.printable) is \(type), expected \(entry.tensor.dtype)")
            } else {
                loaded.append((entry.name, name))
            }
        }
        let under = Set(names.values)
        unexpected = source.items.map(\.name).filter { under.contains($0) && !used.contains($0) }
    }

    /// Reads the tensors, as float32, and writes them with their description, atomically.
    ///
    /// - Throws: `InputError` when the network is not complete, or a tensor is damaged.
    public func write(_ description: WeightDescription, to path: String) throws {
        precondition(description.config == config, "the description is another network's")
        guard missing.isEmpty, mismatched.isEmpty else {
            let problems =
                (missing.isEmpty
                    ? []
                    : [
                        "\(missing.count.counted("tensor")) \(missing.count == 1 ? "is" : "are") missing: \(Self.some(missing))"
                    ])
                + (mismatched.isEmpty ? [] : ["\(mismatched.count) do not fit: \(Self.some(mismatched))"])
            throw InputError(
                source.path, "does not hold a complete \(config): \(problems.joined(separator: "; "))",
                remedy: "give complete weights, or name another architecture")
        }
        var check = WeightCheck()
        try withoutGradients {
            for pair in loaded {
                let tensor = try tensor(pair)
                check.examine(pair.source, tensor)
                parameters[pair.name]!.copy_(tensor)
            }
        }
        try check.require(in: source.path)
        try WeightFile.write(parameters, description, to: path)
    }

    /// The tensors that fit, as float32 in a weight file that is in memory alone, and need not be complete: some uses need
    /// no more than the convolutions.
    ///
    /// - Throws: `InputError` when a tensor does not fit, cannot be used or is damaged.
    func file() throws -> SafetensorsFile {
        if !mismatched.isEmpty {
            throw InputError(
                source.path, "does not hold a \(config): \(Self.some(mismatched))",
                remedy: "give the weights of one of the known networks")
        }
        let entries = loaded.map { pair in
            let tensor = parameters[pair.name]!
            return (name: pair.name, dtype: tensor.dtype, shape: tensor.shape)
        }
        var check = WeightCheck()
        let data = try SafetensorsFile.data(entries) { index in
            let tensor = try tensor(loaded[index])
            check.examine(loaded[index].source, tensor)
            return tensor.to(dtype: entries[index].dtype)
        }
        try check.require(in: source.path)
        return try SafetensorsFile(data, path: source.path)
    }

    /// One of `loaded` from the source, in the shape that the network has.
    private func tensor(_ pair: (name: String, source: String)) throws -> Tensor {
        let tensor = try source.tensor(pair.source)
        return pair.name == FirstLayer.name ? first?.whole(tensor) ?? tensor : tensor
    }

    /// What a file says of itself that others wrote: pixels normalised as for ImageNet at 224 pixels, or as for CIFAR-10
    /// at 32 with its stem, or Lab for a network that sees some of its channels alone, unless it is said otherwise.
    public func description(
        objective: String = "unknown", normalization: Normalization? = nil, imageSize: Int? = nil,
        details: [JSON.Member] = []
    ) -> WeightDescription {
        let isSmall = config.stem == .cifar
        return WeightDescription(
            config: config, normalization: normalization ?? (first != nil ? .lab : isSmall ? .cifar10 : .imagenet),
            imageSize: imageSize ?? (isSmall ? 32 : 224), objective: objective,
            details: .object(
                [
                    .init("imported_from", .string(source.path.fileName)),
                    .init("format", .string(source.format.rawValue)),
                    .init("state_dict", .string(source.place.joined(separator: "."))),
                    .init("prefix", .string(prefix)),
                ] + details))
    }

    /// One line that says what was found in the file and what was left out.
    public var summary: String {
        var parts = [loaded.count.counted("tensor")]
        if !source.place.isEmpty { parts[0] += " of \(source.place.joined(separator: ".").printable)" }
        if let origin { parts.append(origin) }
        if !prefix.isEmpty { parts.append("\(prefix.printable) taken off their names") }
        if let projectionShape { parts.append("a projection to \(projectionShape[0]) dimensions") }
        let leftOut = unexpected + outside + source.others.map(\.description)
        if !leftOut.isEmpty { parts.append("left out: \(Self.some(leftOut))") }
        return
            "\(source.path): \(config) imported from a \(source.format.rawValue) file (\(parts.joined(separator: "; ")))"
    }

    /// The first names of a list, and how many more there are.
    public static func some(_ names: [String], _ count: Int = 6) -> String {
        let more = names.count > count ? ", and \(names.count - count) more" : ""
        return names.prefix(count).map(\.printable).joined(separator: ", ") + more
    }
}
