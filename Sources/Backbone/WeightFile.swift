public import Support
public import Torch

/// What a weight file says about itself, in its metadata under `detect`.
public struct WeightDescription: Hashable, Sendable {
    public var config: NetworkConfig
    public var normalization: Normalization
    /// Side of the square images it was trained on, in pixels.
    public var imageSize: Int
    /// `instance`, `parametric`, `supervised`, `random`, or what an imported file says.
    public var objective: String
    /// Everything else worth knowing: data, epochs, recipe, versions.
    public var details: JSON

    public init(
        config: NetworkConfig, normalization: Normalization, imageSize: Int, objective: String, details: JSON = [:]
    ) {
        self.config = config
        self.normalization = normalization
        self.imageSize = imageSize
        self.objective = objective
        self.details = details
    }

    public var json: JSON {
        [
            "arch": .string(config.architecture.rawValue), "stem": .string(config.stem.rawValue),
            "classes": config.classes.map { .integer($0) } ?? .null, "objective": .string(objective),
            "image_size": .integer(imageSize), "normalization": normalization.json, "details": details,
        ]
    }

    /// From `json`; throws naming the field that is wrong.
    public init(json: JSON, file: String) throws(InputError) {
        func bad(_ field: String) -> InputError {
            InputError(file, "its description has no valid \"\(field)\"", remedy: "name the architecture")
        }
        guard let arch = json["arch"]?.stringValue.flatMap(Architecture.init(rawValue:)) else { throw bad("arch") }
        guard let stem = json["stem"]?.stringValue.flatMap(Stem.init(rawValue:)), arch.takes(stem) else {
            throw bad("stem")
        }
        guard let normalization = json["normalization"].flatMap(Normalization.init(json:)) else {
            throw bad("normalization")
        }
        guard let imageSize = json["image_size"]?.intValue, (1...4096).contains(imageSize) else {
            throw bad("image_size")
        }
        let classes = json["classes"] == .null ? nil : json["classes"]
        guard classes.map({ (1...100_000_000).contains($0.intValue ?? 0) }) ?? true else { throw bad("classes") }
        self.init(
            config: NetworkConfig(arch, stem: stem, classes: classes?.intValue), normalization: normalization,
            imageSize: imageSize, objective: json["objective"]?.stringValue ?? "unknown",
            details: json["details"] ?? [:])
    }
}

/// Weights of a backbone in a safetensors file, with torchvision's names and a description of ours.
///
/// The projection that instance discrimination trains on top is stored as `projection.weight`, a name torchvision
/// has no tensor for; the file loads into torchvision's model with `strict=False`.
public enum WeightFile {
    private static let key = "detect"

    /// Writes a model's tensors and what they are.
    public static func write(_ parameters: Parameters, _ description: WeightDescription, to path: String) throws {
        try write(parameters.entries, description, to: path)
    }

    /// Some of a model's tensors.
    public static func write(_ entries: [Parameters.Entry], _ description: WeightDescription, to path: String) throws {
        try SafetensorsFile.write(
            entries.map { ($0.name, $0.tensor) },
            metadata: [key: description.json.line, "format": "pt"], to: path)
    }

    /// The description in an open file; nil when it was not written by this project.
    public static func description(of file: SafetensorsFile) throws -> WeightDescription? {
        guard let text = file.metadata[key] else { return nil }
        do {
            return try WeightDescription(json: try JSON.parse(text.utf8), file: file.path)
        } catch let error as JSON.ParseError {
            throw InputError(
                file.path, "its description is not JSON (\(error))", remedy: "name the architecture")
        }
    }

    /// What a file of torchvision's names holds, from the shapes of its tensors; nil when no architecture fits.
    public static func recognize(_ file: SafetensorsFile) -> NetworkConfig? { recognize { file[$0]?.shape } }

    /// The same from the shape of each name; nil for names that are not there.
    public static func recognize(shape shapeOf: (_ name: String) -> [Int]?) -> NetworkConfig? {
        let resnet = resnet(shapeOf)
        // By their convolutions: files of trunks alone are enough for detection.
        let found = Architecture.allCases.first {
            switch $0.facts.family {
            case .alexnet:
                shapeOf("features.0.weight") == [64, 3, 11, 11] && shapeOf("features.10.weight") == [256, 256, 3, 3]
            case .vgg16:
                // Of all VGGs only this one has convolutions at both places.
                ["features.26.weight", "features.28.weight"].allSatisfy { shapeOf($0) == [512, 512, 3, 3] }
            case .resnet(let depth): depth == resnet?.depth
            }
        }
        guard let found else { return nil }
        var config = NetworkConfig(found, stem: resnet.flatMap { found.takes($0.stem) ? $0.stem : nil } ?? .imagenet)
        // Rows of the last layer, if there is one of that width.
        if let shape = shapeOf(config.classifierPrefix + "weight"), shape.count == 2, shape[0] > 0,
            shape[1] == found.featureCount
        {
            config.classes = shape[0]
        }
        return config
    }

    /// The depth and stem of what looks like a ResNet.
    private static func resnet(_ shapeOf: (_ name: String) -> [Int]?) -> (depth: ResNetDepth, stem: Stem)? {
        guard let first = shapeOf("conv1.weight"), first.count == 4 else { return nil }
        let (width, stem): (Int, Stem)
        switch Array(first.dropFirst()) {
        case [3, 7, 7]: (width, stem) = (first[0], .imagenet)
        case [3, 3, 3]: (width, stem) = (first[0], .cifar)
        default: return nil
        }
        // ResNeXt and wide ResNets have the same names but other widths here.
        guard shapeOf("layer1.0.conv2.weight") == [width, width, 3, 3] else { return nil }
        func blocks(_ stage: Int) -> Int {
            var count = 0
            while shapeOf("layer\(stage).\(count).conv1.weight") != nil { count += 1 }
            return count
        }
        let block: ResNetDepth.Block = shapeOf("layer1.0.conv3.weight") == nil ? .basic : .bottleneck
        return (ResNetDepth(block, Array((1...4).map(blocks).prefix { $0 > 0 }), width: width), stem)
    }

    /// A file that was opened, and what it holds.
    public struct Opened {
        public let file: SafetensorsFile
        public let description: WeightDescription
        /// One line on what was found and left out, when the file had to be imported first.
        public let note: String?
    }

    /// Opens a file and says what network it holds. Files of others are taken as ImageNet-normalised at 224 pixels; those of
    /// `torch.save`, and those whose names have something in front, are imported in memory (`WeightImport`).
    public static func open(_ path: String) throws -> Opened {
        if let kind = FileKind(path: path), kind.role == .torch || kind.role == .archive {
            let weights = try ForeignWeights(path: path)
            let plan: WeightImport
            do {
                plan = try WeightImport(weights)
            } catch var error as InputError {
                error.problem = "is a PyTorch file, but \(error.problem)"
                error.remedy += ", or say what it holds with: \(FileKind.importCommand(path))"
                throw error
            }
            return try imported(plan)
        }
        let file = try SafetensorsFile(path: path)
        let config = recognize(file)
        try check(file)
        if let known = try description(of: file) {
            // A description decides how much memory is taken before the first tensor is looked at.
            guard config == known.config else {
                throw InputError(
                    path, "is described as \(known.config) but holds \(config.map { "\($0)" } ?? "another network")",
                    remedy: "write or download it again")
            }
            return Opened(file: file, description: known, note: nil)
        }
        guard let config else {
            if let plan = try? WeightImport(ForeignWeights(path: path)) { return try imported(plan) }
            throw InputError(
                path, "holds none of the known networks",
                remedy: "use torchvision's names of \(Architecture.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let description = WeightDescription(
            config: config, normalization: .imagenet, imageSize: 224, objective: "unknown")
        return Opened(file: file, description: description, note: nil)
    }

    /// Throws when one of the tensors could not be used, before anything is begun with them.
    private static func check(_ file: SafetensorsFile) throws {
        var check = WeightCheck()
        for entry in file.entries { check.examine(entry.name, file.mappedTensor(entry.name)!) }
        try check.require(in: file.path)
    }

    private static func imported(_ plan: WeightImport) throws -> Opened {
        Opened(file: try plan.file(), description: plan.description(), note: plan.summary)
    }
}
