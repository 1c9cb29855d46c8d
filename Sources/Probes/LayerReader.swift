public import Backbone
public import Datasets
internal import Imaging
public import Support
public import Torch

/// Layers of a network, each pooled to a vector, for images of one size.
public final class LayerReader {
    /// A layer and the shape of what is read from it.
    public struct Layer: Hashable, Sendable {
        public var name: String
        public var pooling: SpatialPooling
        /// C
        public var channels: Int
        /// Values a channel.
        public var cells: Int
        public var dimension: Int { channels * cells }
    }

    public let layers: [Layer]
    private let backbone: FrozenBackbone

    /// - Throws: `InputError` when the network has no such layer, one is named twice, or the images are too small.
    public init(
        _ network: PretrainedNetwork, layers names: [String], pooling: PoolingRule, imageSize: Int, precision: Precision
    ) throws(InputError) {
        let architecture = network.description.config.architecture
        if let unknown = names.first(where: { !network.layerNames.contains($0) }) {
            throw InputError(
                "the layer \(unknown)", "is no layer of \(architecture.rawValue)",
                remedy: "use one of \(network.layerNames.joined(separator: ", "))")
        }
        if names.distinct.count < names.count {
            throw InputError(
                "the layers \(names.joined(separator: ","))", "name a layer twice", remedy: "name each layer once")
        }
        try architecture.require(imageSize: imageSize)
        backbone = network.frozen(precision)
        // A black image tells the shapes.
        let black = [UInt8](repeating: 0, count: imageSize * imageSize * 3)
        let outputs = backbone.layers(names, black, count: 1, height: imageSize, width: imageSize)
        layers = withoutGradients {
            zip(names, outputs).map { name, output in
                let pooling = pooling.pooling(architecture, layer: name, shape: Array(output.shape.dropFirst()))
                let shape = pooling(output).shape
                return Layer(name: name, pooling: pooling, channels: shape[1], cells: shape[2])
            }
        }
    }

    /// [N, C, cells] float32 of each layer.
    public func callAsFunction(_ batch: HostBatch) -> [Tensor] {
        withoutGradients {
            let outputs = backbone.layers(
                layers.map(\.name), batch.pixels, count: batch.count, height: batch.size.height, width: batch.size.width
            )
            return zip(layers, outputs).map { $0.pooling($1) }
        }
    }
}
