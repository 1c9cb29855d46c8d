internal import Backbone
internal import Datasets
internal import Distributed
internal import Experiments
internal import Probes
internal import Support
internal import VOCData

/// Options of commands that look at a network's features.
struct FeatureOptions {
    let weights: WeightOptions
    let imageSize: Option<Int?>
    let layer: Option<String?>
    let batch: Option<Int>
    let loading: LoadingOptions
    let badImages: Option<BadImageChoice>
    let missing: Option<MissingPolicy>
    let compute: ComputeOptions
    /// nil for commands of a single process.
    private let processes: ProcessOptions?
    let seed: Option<UInt64>

    /// - Parameter isShared: Whether several processes can share the images.
    init(_ parser: ArgumentParser, isShared: Bool = true) {
        parser.group("Features")
        weights = WeightOptions(parser)
        imageSize = parser.networkInput()
        layer = parser.optional("layer", "NAME", "the layer to look at", shown: "embedding, else the last one")
        batch = parser.option("feature-batch", "N", "images at once", default: 64, .between(1, 65536))
        loading = LoadingOptions(parser)
        badImages = parser.badImages()
        missing = parser.onMissing(default: .skip)
        compute = ComputeOptions(parser)
        processes = isShared ? ProcessOptions(parser) : nil
        seed = parser.seed()
    }

    /// Makes the device usable, and meets the other processes; called once by a command.
    @discardableResult
    func join() throws -> World {
        if let processes { return try processes.join(compute) }
        try compute.activate()
        return .alone
    }

    /// The images at a path, as many and in the state that the options say.
    func images(_ path: String, set: String? = nil, limited: Bool = true) throws -> any ImageCollection {
        try DataSource.open(
            path, set: set, limit: limited ? loading.limit.value : nil, missing: missing.value)
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
        extractor.world = compute.place.world
        return extractor
    }

    /// The network that the options describe.
    func network() throws -> PretrainedNetwork {
        try weights.source().network(imageSize: imageSize.value, seed: seed.value, device: compute.place.device)
    }
}
