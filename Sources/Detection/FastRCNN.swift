public import Backbone
public import Boxes
public import Torch

/// Fast R-CNN (Girshick, ICCV 2015): the trunk of a network once an image, then for each region ROI pooling (or align),
/// the rest of the network, a classifier over K classes and background, and a box regressor for each class.
///
/// Letters: K classes, R regions of all images. Class 0 of the classifier is background, class k + 1 is class k of the data.
public final class FastRCNN {
    public let network: any Network
    /// Of the whole model; none of a frozen one, whose layers hold their own form of them.
    public let parameters: Parameters
    public let classCount: Int
    private let pooling: @Sendable (_ featureMap: Tensor, [Region]) -> Tensor
    /// What of a box the pooled values depend on.
    private let cells: @Sendable (Box) -> Box
    private let classifier: Linear
    private let regressor: Linear

    /// Initialised as published: classifier N(0, .01), regressor N(0, .001), biases 0.
    public init(
        _ scope: Scope, config: NetworkConfig, classCount: Int, regionSize: Int? = nil,
        regionOperator: RegionOperator = .pool
    ) {
        self.classCount = classCount
        parameters = scope.parameters
        var trunkConfig = config
        trunkConfig.classes = nil
        network = trunkConfig.makeNetwork(scope / Self.backbonePrefix)
        precondition(
            regionSize == nil || regionSize == network.regionSize || network.takesAnyRegionSize,
            "\(config.architecture.rawValue) takes regions of \(network.regionSize) cells only")
        let (size, scale) = (regionSize ?? network.regionSize, 1 / Double(network.trunkStride))
        switch regionOperator {
        case .pool:
            let roiPooling = RegionPooling(size: size, scale: scale)
            pooling = { roiPooling($0, $1) }
            cells = { roiPooling.cells($0) }
        case .align:
            let align = RegionAlign(size: size, scale: scale)
            pooling = { align($0, $1) }
            cells = { $0 }
        }
        let predictor = scope / "box_predictor"
        classifier = Linear(
            predictor / "cls_score", in: network.featureCount, out: classCount + 1,
            initializer: .normal(standardDeviation: 0.01))
        regressor = Linear(
            predictor / "bbox_pred", in: network.featureCount, out: 4 * (classCount + 1),
            initializer: .normal(standardDeviation: 0.001))
    }

    /// Where the network's parameters are among the model's.
    public static let backbonePrefix = "backbone"

    /// Feature map of one image: x [1, 3, H, W] → [1, C, H/stride, W/stride].
    public func featureMap(_ x: Tensor, mode: Mode) -> Tensor { network.trunk(x, mode: mode) }

    /// Regions of one image pooled from its map: [R, C, S, S], in the order of the boxes.
    public func pool(_ featureMap: Tensor, _ boxes: [Box]) -> Tensor {
        pooling(featureMap, boxes.map { Region(image: 0, box: $0) })
    }

    /// pooled [R, C, S, S] → logits [R, K + 1] and deltas [R, 4·(K + 1)].
    public func classify(_ pooled: Tensor, mode: Mode) -> (logits: Tensor, deltas: Tensor) {
        let features = network.regionFeatures(pooled, mode: mode).to(dtype: .float32)  // [R, F]
        return (classifier(features), regressor(features))
    }

    /// Cross-entropy over all regions, and smooth L1 over the deltas of regions on objects, summed over the four
    /// components and divided by the number of all regions.
    ///
    /// labels [R] int64 (0 is background), targets [R, 4] float32, ignored for background.
    ///
    /// - Parameter beta: Where smooth L1 becomes linear: 1 as published; 0 is L1.
    public static func losses(
        logits: Tensor, deltas: Tensor, labels: Tensor, targets: Tensor, beta: Double = 1
    ) -> (classification: Tensor, regression: Tensor) {
        let regions = labels.size(0)
        let classification = logits.to(dtype: .float32).crossEntropy(labels)
        let own = labels.reshape(regions, 1, 1).expand(-1, 1, 4)
        let predicted = deltas.to(dtype: .float32).reshape(regions, -1, 4).gather(1, own).squeeze(1)  // [R, 4]
        let mask = labels.greater(0).to(dtype: .float32).unsqueeze(1)
        let regression = (predicted.smoothL1(targets, beta: beta) * mask).sum() * (1 / Double(regions))
        return (classification, regression)
    }

    // MARK: Inference

    private init(freezing model: FastRCNN, _ precision: Precision) {
        network = model.network.frozen(precision)
        parameters = Parameters()
        classCount = model.classCount
        pooling = model.pooling
        cells = model.cells
        classifier = model.classifier
        regressor = model.regressor
    }

    /// The same model for inference alone, see `Network.frozen`; the last two layers stay in float32.
    public func frozen(_ precision: Precision) -> FastRCNN { FastRCNN(freezing: self, precision) }

    /// Boxes that are pooled to different values, and for each of `boxes` the position of the one that stands for it:
    /// ROI max pooling rounds corners to cells, so that many proposals of an image are one to `classify`.
    public func distinct(_ boxes: [Box]) -> (boxes: [Box], positions: [Int]) {
        var known: [Box: Int] = [:]
        var kept: [Box] = []
        let positions = boxes.map { box in
            let key = cells(box)
            if let position = known[key] { return position }
            known[key] = kept.count
            kept.append(box)
            return kept.count - 1
        }
        return (kept, positions)
    }

    /// The model's tensors with the target normalisation folded into the regressor, so that it predicts plain deltas.
    public func foldedTensors(_ statistics: BoxTargetStatistics) -> [(name: String, tensor: Tensor)] {
        withoutGradients {
            // Background has no targets; its four rows stay as they are.
            let deviation = Tensor([1, 1, 1, 1] + statistics.deviation.map { Float($0) })
            let mean = Tensor([0, 0, 0, 0] + statistics.mean.map { Float($0) })
            return parameters.entries.map { entry in
                let tensor = entry.tensor.detach().to(device: .cpu)
                switch entry.name {
                case "box_predictor.bbox_pred.weight": return (entry.name, tensor * deviation.unsqueeze(1))
                case "box_predictor.bbox_pred.bias": return (entry.name, tensor * deviation + mean)
                default: return (entry.name, tensor)
                }
            }
        }
    }
}
