public import Support
public import Torch

/// Mean and standard deviation of each colour channel, of pixels in [0, 1].
public struct Normalization: Hashable, Sendable {
    public var mean: [Double]
    public var standardDeviation: [Double]

    public init(mean: [Double], standardDeviation: [Double]) {
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// torchvision's, measured on ImageNet.
    public static let imagenet = Normalization(mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])
    /// The InstDisc reference code's, for CIFAR-10.
    public static let cifar10 = Normalization(
        mean: [0.4914, 0.4822, 0.4465], standardDeviation: [0.2023, 0.1994, 0.2010])

    /// [N, H, W, 3] uint8 pixels → [N, 3, H, W] float32 in channels-last memory, on the pixels' device.
    public func callAsFunction(_ pixels: Tensor) -> Tensor {
        // (p / 255 − mean) / deviation, as one multiplication and one addition.
        let scale = Tensor(standardDeviation.map { Float(1 / (255 * $0)) }).uploaded(to: pixels.device)
        let shift = Tensor(zip(mean, standardDeviation).map { Float(-$0 / $1) }).uploaded(to: pixels.device)
        return (pixels.to(dtype: .float32).mul_(scale).add_(shift)).permute(0, 3, 1, 2)
    }

    /// The same for pixels in host memory; `pixels` holds `count` images of NHWC bytes.
    public func callAsFunction(_ pixels: [UInt8], count: Int, height: Int, width: Int, device: Device) -> Tensor {
        self(Tensor(pixels, shape: [count, height, width, 3]).uploaded(to: device))
    }

    public var json: JSON {
        ["mean": .array(mean.map { .number($0) }), "std": .array(standardDeviation.map { .number($0) })]
    }

    /// From `json`; nil when it is something else.
    public init?(json: JSON) {
        guard let mean = json["mean"]?.arrayValue?.compactMap(\.doubleValue), mean.count == 3,
            let deviation = json["std"]?.arrayValue?.compactMap(\.doubleValue), deviation.count == 3,
            (mean + deviation).allSatisfy(\.isFinite), deviation.allSatisfy({ $0 > 0 })
        else { return nil }
        self.init(mean: mean, standardDeviation: deviation)
    }
}

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
            InputError(file, "its description has no valid \"\(field)\"", remedy: "name the architecture with --arch")
        }
        guard let arch = json["arch"]?.stringValue.flatMap(Architecture.init(rawValue:)) else { throw bad("arch") }
        guard let stem = json["stem"]?.stringValue.flatMap(Stem.init(rawValue:)),
            stem == .imagenet || (arch != .alexnet && arch != .vgg16)
        else { throw bad("stem") }
        guard let normalization = json["normalization"].flatMap(Normalization.init(json:)) else {
            throw bad("normalization")
        }
        guard let imageSize = json["image_size"]?.intValue, (1...65536).contains(imageSize) else {
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
        try SafetensorsFile.write(
            parameters.entries.map { ($0.name, $0.tensor) },
            metadata: [key: description.json.line, "format": "pt"], to: path)
    }

    /// The description in an open file; nil when it was not written by this project.
    public static func description(of file: SafetensorsFile) throws -> WeightDescription? {
        guard let text = file.metadata[key] else { return nil }
        do {
            return try WeightDescription(json: try JSON.parse(text.utf8), file: file.path)
        } catch let error as JSON.ParseError {
            throw InputError(
                file.path, "its description is not JSON (\(error))", remedy: "name the architecture with --arch")
        }
    }

    /// What a file of torchvision's names holds, from the shapes of its tensors; nil when no architecture fits.
    public static func recognize(_ file: SafetensorsFile) -> NetworkConfig? { recognize { file[$0]?.shape } }

    /// The same from the shape of each name; nil for names that are not there.
    public static func recognize(shape shapeOf: (_ name: String) -> [Int]?) -> NetworkConfig? {
        /// Rows of the last layer; nil when there is none of that width.
        func classes(_ name: String, features: Int) -> Int? {
            guard let shape = shapeOf(name), shape.count == 2, shape[0] > 0, shape[1] == features else {
                return nil
            }
            return shape[0]
        }
        // By their convolutions: files of trunks alone are enough for detection.
        if shapeOf("features.0.weight") == [64, 3, 11, 11], shapeOf("features.10.weight") == [256, 256, 3, 3] {
            return NetworkConfig(.alexnet, classes: classes("classifier.6.weight", features: 4096))
        }
        // Of all VGGs only this one has convolutions at both places.
        if ["features.26.weight", "features.28.weight"].allSatisfy({ shapeOf($0) == [512, 512, 3, 3] }) {
            return NetworkConfig(.vgg16, classes: classes("classifier.6.weight", features: 4096))
        }
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
        let found = ResNetDepth(
            blocks: Array((1...4).map(blocks).prefix { $0 > 0 }), isBottleneck: shapeOf("layer1.0.conv3.weight") != nil,
            width: width)
        return Architecture.allCases.first { $0.depth == found }.map {
            NetworkConfig($0, stem: stem, classes: classes("fc.weight", features: $0.featureCount))
        }
    }

    /// Opens a file and says what network it holds; files of others are taken as ImageNet-normalised at 224 pixels.
    public static func open(_ path: String) throws -> (file: SafetensorsFile, description: WeightDescription) {
        let file = try SafetensorsFile(path: path)
        let config = recognize(file)
        if let known = try description(of: file) {
            // A description decides how much memory is taken before the first tensor is looked at.
            guard config == known.config else {
                throw InputError(
                    path, "is described as \(known.config) but holds \(config.map { "\($0)" } ?? "another network")",
                    remedy: "write or download it again")
            }
            return (file, known)
        }
        guard let config else {
            throw InputError(
                path, "holds none of the known networks",
                remedy: "use torchvision's names of \(Architecture.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return (
            file, WeightDescription(config: config, normalization: .imagenet, imageSize: 224, objective: "unknown")
        )
    }
}
