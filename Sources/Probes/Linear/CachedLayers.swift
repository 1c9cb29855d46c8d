public import Datasets
public import Distributed
internal import Imaging
public import Support
internal import Torch

/// Layers of a set of images, computed once and kept in memory.
public struct CachedLayers {
    public let layers: [LayerReader.Layer]
    public let labels: [Int]
    public let names: [String]
    public let classes: [String]
    public let source: String
    /// [n, C, cells] of each layer.
    let rows: [Tensor]

    public var count: Int { labels.count }

    /// Bytes that the layers of `count` images take.
    public static func byteCount(_ layers: [LayerReader.Layer], count: Int) -> Int {
        layers.reduce(0) { $0 + $1.dimension } * count * DType.float32.byteCount
    }

    /// Reads the middle of every image, without augmentation; with several processes each a share. `progress` gets the number done.
    public init(
        _ data: any ImageCollection, _ reader: LayerReader, imageSize: Int, batch: Int, workers: Int,
        onBadImage: BadImagePolicy, world: World = .alone, progress: (Int) throws -> Void
    ) throws {
        let layers = reader.layers
        let rows = layers.map { Tensor.empty([data.count, $0.channels, $0.cells]) }
        var labels: [Int] = []
        var names: [String] = []
        let batches = TestBatches(
            batchSize: batch, pipeline: FeatureExtractor.testPipeline(imageSize: imageSize), workers: workers,
            onBadImage: onBadImage)
        try batches.forEach(of: data, share: world.share, progress: progress) { batch in
            let outputs = batch.map(reader.callAsFunction) ?? layers.map { Tensor.zeros([0, $0.channels, $0.cells]) }
            let indices = world.gatherRows(Tensor(batch?.indices ?? [])).ints
            for (row, output) in zip(rows, outputs) {
                let all = world.size == 1 ? output : world.gatherRows(output.to(device: .cpu).to(dtype: .float32))
                try world.checkPeers()
                _ = row.narrow(0, labels.count, indices.count).copy_(all)
            }
            labels += world.gatherRows(Tensor(batch?.labels ?? [])).ints
            names += indices.map { data.name($0) }
            return indices.count
        }
        self.layers = layers
        // Images that could not be read leave room at the end.
        self.rows = rows.map { $0.narrow(0, 0, labels.count) }
        self.labels = labels
        self.names = names
        classes = data.classes
        source = data.source
    }

    /// The single layer of a features file.
    ///
    /// - Throws: `InputError` naming the file when a row has no label.
    public init(_ table: FeatureTable, path: String) throws(InputError) {
        if let unlabelled = table.labels.firstIndex(where: { $0 < 0 }) {
            throw InputError(
                path, "\(table.names[unlabelled]) has no label", remedy: "give features of labelled images")
        }
        let name = table.protocolJSON["layer"]?.stringValue ?? "features"
        layers = [LayerReader.Layer(name: name, pooling: .average, channels: table.dimension, cells: 1)]
        rows = [Tensor(table.features, shape: [table.count, table.dimension, 1])]
        labels = table.labels
        names = table.names
        classes =
            table.classes.isEmpty ? (0...(table.labels.max() ?? 0)).map { String($0) } : table.classes
        source = path
    }

    /// [k, C, cells] of each layer for some rows.
    func select(_ indices: [Int]) -> [Tensor] {
        let indices = Tensor(indices)
        return rows.map { $0.indexSelect(0, indices) }
    }
}
