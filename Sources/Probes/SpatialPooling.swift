public import Backbone
public import Torch

/// How the map of a layer, [N, C, h, w], becomes a vector.
public enum SpatialPooling: Hashable, Sendable {
    /// The mean over the whole area: C values.
    case average
    /// Every cell: C · h · w values.
    case flat
    /// Means over windows, the zeros of the padding counted in, as a published protocol has it.
    case window(kernel: Int, stride: Int, padding: Int)
    /// Means over a grid of that many cells a side, whatever the size of the map.
    case grid(Int)

    /// [N, C, h, w] → [N, C, cells]; vectors [N, C] → [N, C, 1].
    public func callAsFunction(_ map: Tensor) -> Tensor {
        guard map.rank == 4 else { return map.unsqueeze(2) }
        switch self {
        case .average: return map.mean([2, 3]).unsqueeze(2)
        case .flat: return map.flatten(from: 2)
        case .window(let kernel, let stride, let padding):
            return map.avgPool2d(Extent(kernel), stride: Extent(stride), padding: Extent(padding)).flatten(from: 2)
        case .grid(let side): return map.adaptiveAvgPool2d(Extent(side)).flatten(from: 2)
        }
    }

    /// In words, for the protocol of a result.
    public var text: String {
        switch self {
        case .average: "average over the area"
        case .flat: "none"
        case .window(let kernel, let stride, let padding):
            "average over \(kernel)x\(kernel) windows, stride \(stride), padding \(padding)"
        case .grid(let side): "average over a grid of \(side)x\(side)"
        }
    }

    /// The pooling to about 9,000 values of linear probes layer by layer (Goyal et al., ICCV 2019, for ResNet-50; Zhang
    /// et al., ECCV 2016, for AlexNet) where it is published for a layer and its map's size; elsewhere the finest grid of
    /// at most 10,000 values.
    ///
    /// - Parameter shape: [C, h, w] of the layer's map; [C] for a vector, which stays as it is.
    public static func linearProtocol(_ architecture: Architecture, layer: String, shape: [Int]) -> SpatialPooling {
        guard shape.count == 3 else { return .average }
        if let published = published[architecture]?[layer], published.side == shape[1], published.side == shape[2] {
            return published.pooling
        }
        let finest = Int((10_000 / Double(shape[0])).squareRoot())
        return .grid(max(1, min(finest, shape[1], shape[2])))
    }

    /// By layer: the side of the map at 224 pixels and the pooling.
    private static let published: [Architecture: [String: (side: Int, pooling: SpatialPooling)]] = [
        .resnet50: [
            "conv1": (112, .window(kernel: 10, stride: 10, padding: 4)),
            "layer1": (56, .window(kernel: 16, stride: 8, padding: 0)),
            "layer2": (28, .window(kernel: 13, stride: 5, padding: 0)),
            "layer3": (14, .window(kernel: 8, stride: 3, padding: 0)),
            "layer4": (7, .window(kernel: 6, stride: 1, padding: 0)),
        ],
        .alexnet: [
            "conv1": (55, .window(kernel: 19, stride: 4, padding: 0)),
            "conv2": (27, .window(kernel: 12, stride: 3, padding: 0)),
            "conv3": (13, .window(kernel: 9, stride: 1, padding: 0)),
            "conv4": (13, .window(kernel: 9, stride: 1, padding: 0)),
            "conv5": (13, .window(kernel: 8, stride: 1, padding: 0)),
        ],
    ]
}

/// Which pooling a layer gets.
public enum PoolingRule: String, CaseIterable, Sendable {
    /// The mean over the area.
    case average
    /// About 9,000 values, as linear probes layer by layer are published.
    case linear
    case none

    /// The pooling for a layer whose output has the shape [C, h, w] or [C].
    public func pooling(_ architecture: Architecture, layer: String, shape: [Int]) -> SpatialPooling {
        switch self {
        case .average: .average
        case .linear: .linearProtocol(architecture, layer: layer, shape: shape)
        case .none: .flat
        }
    }
}
