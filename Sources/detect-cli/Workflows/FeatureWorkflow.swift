internal import Backbone
internal import Datasets
internal import Probes
internal import Support
internal import Torch
internal import Training

/// Options of commands that look at a network's features.
struct FeatureOptions {
    let weights: Option<String?>
    let architecture: Option<Architecture?>
    let stem: Option<Stem>
    let imageSize: Option<Int?>
    let layer: Option<String?>
    let batch: Option<Int>
    let loading: LoadingOptions
    let badImages: Option<BadImageChoice>
    let compute: ComputeOptions
    let seed: Option<UInt64>

    init(_ parser: ArgumentParser) {
        parser.group("Features")
        weights = parser.optional("weights", "FILE", "safetensors with torchvision's names, or \"random\"")
        architecture = parser.optionalChoice("arch", "the network, for random weights")
        stem = parser.choice("stem", "how a ResNet takes its input in, for random weights", default: .imagenet)
        imageSize = parser.optional(
            "image-size", "N", "side of the network's input", shown: "what the weights were trained on",
            .between(8, 4096))
        layer = parser.optional("layer", "NAME", "the layer to look at", shown: "embedding, else the last one")
        batch = parser.option("feature-batch", "N", "images at once", default: 64, .between(1, 65536))
        loading = LoadingOptions(parser)
        badImages = parser.badImages()
        compute = ComputeOptions(parser)
        seed = parser.seed()
    }

    /// What runs images through the network that the options describe.
    ///
    /// - Parameters:
    ///   - fallback, fallbackSize: The layer and image size where the options name none.
    func extractor(layer fallback: String? = nil, imageSize fallbackSize: Int? = nil) throws -> FeatureExtractor {
        var extractor = try FeatureExtractor(
            network(), layer: layer.value ?? fallback, imageSize: imageSize.value ?? fallbackSize)
        extractor.batch = batch.value
        extractor.workers = loading.workers.value
        extractor.precision = compute.precision.value
        extractor.onBadImage = badImages.value.policy
        return extractor
    }

    /// The network that the options describe.
    func network() throws -> PretrainedNetwork {
        guard let weights = weights.value else {
            throw UsageError("--weights is missing", remedy: "give a weight file, or --weights random --arch NAME")
        }
        guard weights == "random" else {
            if architecture.isGiven {
                throw UsageError(
                    "--arch is only for random weights", remedy: "leave it out: the weight file says what it holds")
            }
            return try PretrainedNetwork(path: weights, device: compute.device.value)
        }
        guard let architecture = architecture.value else {
            throw UsageError("--arch is missing", remedy: "random weights need --arch NAME")
        }
        if stem.value == .cifar, !architecture.isResidual {
            throw UsageError("\(architecture.rawValue) has no CIFAR stem", remedy: "use a ResNet, or leave --stem out")
        }
        let isSmall = stem.value == .cifar
        return PretrainedNetwork(
            random: NetworkConfig(architecture, stem: stem.value), normalization: isSmall ? .cifar10 : .imagenet,
            imageSize: imageSize.value ?? (isSmall ? 32 : 224), seed: seed.value, device: compute.device.value)
    }
}

/// Extracts features with a progress bar.
enum FeatureWorkflow {
    static func extract(
        _ data: any ImageCollection, _ extractor: FeatureExtractor, title: String,
        progress: ProgressBar.Style = .automatic
    ) throws -> FeatureTable {
        let bar = ProgressBar(title, total: data.count, unit: "images", style: progress)
        let table = try extractor.extract(data) { done in
            try Interruption.check()
            bar.update(done)
        }
        bar.finish()
        return table
    }

    /// The same straight into a file.
    static func write(
        _ data: any ImageCollection, _ extractor: FeatureExtractor, to path: String, dtype: DType
    ) throws -> (count: Int, dimension: Int, imagesPerSecond: Double, protocolJSON: JSON) {
        let bar = ProgressBar("features", total: data.count, unit: "images")
        let clock = ContinuousClock()
        let start = clock.now
        let written = try extractor.write(data, to: path, dtype: dtype) { done in
            try Interruption.check()
            bar.update(done)
        }
        bar.finish()
        let rate = Double(written.count) / ((clock.now - start) / .seconds(1))
        return (written.count, written.dimension, rate, written.protocolJSON)
    }

    /// How features were made, as one line for people.
    static func text(_ protocolJSON: JSON) -> String {
        (protocolJSON.members ?? []).map { "\($0.name) \($0.value.stringValue ?? $0.value.line)" }
            .joined(separator: ", ")
    }
}
