public import Backbone
public import Datasets
public import Imaging
public import Support
public import Torch

/// Features of a set of images with what is known about each image.
public struct FeatureTable: Sendable {
    /// n × d, row by row.
    public var features: [Float]
    public var dimension: Int
    /// Class indices; −1 where there is none.
    public var labels: [Int]
    public var names: [String]
    public var classes: [String]
    /// How they were made: layer, normalisation, image size, weights.
    public var protocolJSON: JSON

    public var count: Int { labels.count }
}

/// Runs images through a network and keeps what one layer says.
public struct FeatureExtractor {
    public let network: PretrainedNetwork
    public let layer: String
    /// Side of the network's input in pixels.
    public let imageSize: Int
    public var batch = 64
    public var workers = 2
    public var precision = Precision.fp32
    /// Scales every feature vector to unit length.
    public var normalizes = true
    public var onBadImage = BadImagePolicy.stop
    /// How images become the network's input; nil for `testPipeline`.
    public var pipeline: ImagePipeline?

    /// - Parameters:
    ///   - layer: nil for the network's default.
    ///   - imageSize: nil for the size the weights were trained on.
    /// - Throws: `InputError` when the network has no such layer.
    public init(_ network: PretrainedNetwork, layer: String? = nil, imageSize: Int? = nil) throws(InputError) {
        self.network = network
        self.layer = layer ?? network.defaultLayer
        self.imageSize = imageSize ?? network.description.imageSize
        guard network.layerNames.contains(self.layer) else {
            throw InputError(
                "--layer \(self.layer)", "is no layer of \(network.description.config.architecture.rawValue)",
                remedy: "use one of \(network.layerNames.joined(separator: ", "))")
        }
    }

    /// Images of about ImageNet's size: short side to 256/224 of the input, then the middle. Small ones: as they are.
    public static func testPipeline(imageSize: Int) -> ImagePipeline {
        let resized = imageSize >= 96 ? Int((Double(imageSize) * 256 / 224).rounded()) : imageSize
        return ImagePipeline([
            .resizeShortSide(resized), .centerCrop(ImageSize(width: imageSize, height: imageSize)),
        ])
    }

    /// Features of all images, in order. `progress` gets the number done.
    public func extract(_ data: any ImageCollection, progress: (Int) throws -> Void = { _ in }) throws -> FeatureTable {
        guard data.count > 0 else { throw InputError(data.source, "has no images", remedy: "name another data set") }
        let loader = BatchLoader(
            data, order: Array(0..<data.count), batchSize: batch,
            pipeline: pipeline ?? Self.testPipeline(imageSize: imageSize), seed: 0, epoch: 0, workers: workers,
            onBadImage: onBadImage)
        var features: [Float] = []
        var dimension = 0
        var labels: [Int] = []
        var names: [String] = []
        var done = 0
        while let batch = try loader.next() {
            let rows = network.features(
                batch.pixels, count: batch.count, height: batch.size.height, width: batch.size.width, layer: layer,
                precision: precision)
            dimension = rows.size(1)
            features += rows.floats
            labels += batch.labels
            names += batch.indices.map { data.name($0) }
            done += batch.count
            try progress(done)
        }
        if normalizes { normalizeRows(&features, dimension: dimension) }
        let description = network.description
        return FeatureTable(
            features: features, dimension: dimension, labels: labels, names: names, classes: data.classes,
            protocolJSON: [
                "arch": .string(description.config.architecture.rawValue), "objective": .string(description.objective),
                "layer": .string(layer), "pooling": "average", "l2_normalized": .bool(normalizes),
                "image_size": .integer(imageSize), "data": .string(data.source),
            ])
    }
}

extension FeatureTable {
    private static let key = "features"

    /// Writes `features` [n, d] F32, `labels` [n] I64 and `names` (UTF-8, one a line) as safetensors.
    public func write(to path: String) throws {
        let description: JSON = [
            "protocol": protocolJSON, "classes": .array(classes.map { .string($0) }),
        ]
        try SafetensorsFile.write(
            [
                ("features", Tensor(features, shape: [count, dimension])), ("labels", Tensor(labels)),
                ("names", Tensor(Array(names.joined(separator: "\n").utf8))),
            ], metadata: [Self.key: description.line], to: path)
    }

    /// Reads such a file, or any other with `features` [n, d] F32 or BF16 and `labels` [n] I64.
    public init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        guard let entry = file["features"], entry.shape.count == 2, entry.dtype.isFloatingPoint, entry.shape[1] > 0
        else {
            throw InputError(
                path, "has no tensor \"features\" of shape [n, d]", remedy: "write it with the features command")
        }
        let description = file.metadata[Self.key].flatMap { try? JSON.parse($0.utf8) }
        dimension = entry.shape[1]
        features = file.tensor("features")!.floats
        if let labelEntry = file["labels"] {
            guard labelEntry.shape == [entry.shape[0]], labelEntry.dtype == .int64 else {
                throw InputError(
                    path, "its labels are not [\(entry.shape[0])] I64", remedy: "write it with the features command")
            }
            labels = file.tensor("labels")!.ints
        } else {
            labels = [Int](repeating: -1, count: entry.shape[0])
        }
        let text = file.tensor("names").map { String(decoding: $0.withBytes { Array($0) }, as: UTF8.self) }
        let lines = text?.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) ?? []
        names = lines.count == entry.shape[0] ? lines : (0..<entry.shape[0]).map(String.init)
        classes = description?["classes"]?.arrayValue?.compactMap(\.stringValue) ?? []
        protocolJSON = description?["protocol"] ?? [:]
    }
}
