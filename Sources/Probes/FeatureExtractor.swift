public import Backbone
public import Datasets
public import Distributed
public import Imaging
public import Support
public import Torch

/// Runs images through a network and keeps what one layer says.
public struct FeatureExtractor {
    public let network: PretrainedNetwork
    public let layer: String
    /// Side of the network's input in pixels.
    public let imageSize: Int
    public var batch = 64
    public var workers = 2
    public var precision = Precision.fp32
    /// What becomes of a layer's map.
    public var pooling = PoolingRule.average
    /// Scales every feature vector to unit length.
    public var normalizes = true
    public var onBadImage = BadImagePolicy.stop
    /// The processes that share the images. Each gets the features of all.
    public var world = World.alone
    /// How images become the network's input; nil for `testPipeline`.
    public var pipeline: ImagePipeline?

    /// - Parameters:
    ///   - layer: nil for the network's default.
    ///   - imageSize: nil for the size the weights were trained on.
    /// - Throws: `InputError` when the network has no such layer, or cannot take images of that size.
    public init(_ network: PretrainedNetwork, layer: String? = nil, imageSize: Int? = nil) throws(InputError) {
        self.network = network
        self.layer = layer ?? network.defaultLayer
        self.imageSize = imageSize ?? network.description.imageSize
        try network.description.config.architecture.require(imageSize: self.imageSize)
        guard network.layerNames.contains(self.layer) else {
            throw InputError(
                "the layer \(self.layer)", "is no layer of \(network.description.config.architecture.rawValue)",
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

    /// Features of all images in memory, in order. `progress` gets the number done.
    public func extract(_ data: any ImageCollection, progress: (Int) throws -> Void = { _ in }) throws -> FeatureTable {
        let reader = try reader()
        var features: [Float] = []
        var labels: [Int] = []
        var names: [String] = []
        try forEachBatch(of: data, reader, progress) { rows, images in
            features += rows.floats
            labels += images.labels
            names += images.indices.map { data.name($0) }
        }
        return FeatureTable(
            features: features, dimension: reader.layers[0].dimension, labels: labels, names: names,
            classes: data.classes, protocolJSON: protocolJSON(reader.layers[0], data))
    }

    /// The same, straight into a file as `FeatureTable` reads it; memory holds one batch at a time.
    ///
    /// - Parameter dtype: float32 or bfloat16.
    /// - Returns: The numbers of rows and dimensions, and the protocol.
    /// - Throws: `InputError` naming an image or the file.
    public func write(
        _ data: any ImageCollection, to path: String, dtype: DType = .float32,
        progress: (Int) throws -> Void = { _ in }
    ) throws -> (count: Int, dimension: Int, protocolJSON: JSON) {
        let reader = try reader()
        let description = protocolJSON(reader.layers[0], data)
        let writer =
            world.isLeader
            ? try SafetensorsRowWriter(
                path, name: FeatureLayout.rows, width: reader.layers[0].dimension, dtype: dtype,
                others: FeatureLayout.others, metadata: FeatureLayout.metadata(description, classes: data.classes))
            : nil
        var labels: [Int] = []
        var names: [String] = []
        try forEachBatch(of: data, reader, progress) { rows, images in
            try writer?.append(rows)
            labels += images.labels
            names += images.indices.map { data.name($0) }
        }
        try writer?.finish(FeatureLayout.columns(labels: labels, names: names))
        return (labels.count, reader.layers[0].dimension, description)
    }

    private func reader() throws(InputError) -> LayerReader {
        try LayerReader(network, layers: [layer], pooling: pooling, imageSize: imageSize, precision: precision)
    }

    private func forEachBatch(
        of data: any ImageCollection, _ reader: LayerReader, _ progress: (Int) throws -> Void,
        _ body: (_ rows: Tensor, _ images: (indices: [Int], labels: [Int])) throws -> Void
    ) throws {
        guard data.count > 0 else { throw InputError(data.source, "has no images", remedy: "name another data set") }
        let batches = TestBatches(
            batchSize: batch, pipeline: pipeline ?? Self.testPipeline(imageSize: imageSize), workers: workers,
            onBadImage: onBadImage)
        func features(_ batch: HostBatch) -> Tensor {
            let rows = withoutGradients { reader(batch)[0].flatten(from: 1) }  // [N, d]
            return normalizes ? rows.l2Normalized() : rows
        }
        if world.size == 1 {
            return try batches.forEach(of: data, progress: progress) { batch in
                try body(features(batch), (batch.indices, batch.labels))
            }
        }
        try batches.forEach(of: data, share: world.share, progress: progress) { batch in
            let none = Tensor.zeros([0, reader.layers[0].dimension])
            let rows = world.gatherRows(batch.map { features($0).to(device: .cpu).to(dtype: .float32) } ?? none)
            let indices = world.gatherRows(Tensor(batch?.indices ?? [])).ints
            let labels = world.gatherRows(Tensor(batch?.labels ?? [])).ints
            try world.checkPeers()
            try body(rows, (indices, labels))
            return indices.count
        }
    }

    /// What was done to the images, for files and results.
    private func protocolJSON(_ layer: LayerReader.Layer, _ data: any ImageCollection) -> JSON {
        let description = network.description
        return [
            "arch": .string(description.config.architecture.rawValue), "objective": .string(description.objective),
            "layer": .string(layer.name), "pool": .string(pooling.rawValue), "pooling": .string(layer.pooling.text),
            "l2_normalized": .bool(normalizes),
            "image_size": .integer(imageSize), "precision": .string(precision.rawValue), "data": .string(data.source),
        ]
    }
}
