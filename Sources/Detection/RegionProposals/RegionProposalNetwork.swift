public import Boxes
public import Torch

/// The region proposal network (Ren et al., Faster R-CNN, NIPS 2015, section 3.1): for each anchor of each cell of the map,
/// how likely it lies on an object, and how to move it there.
///
/// Letters: A anchors a cell, H × W cells, N = H·W·A anchors of an image in the order of `AnchorGenerator`.
public final class RegionProposalNetwork {
    /// How proposal files call it.
    public static let method = "region proposal network"

    /// What it says about the anchors of one image.
    public struct Output {
        public var anchors: [Box]
        /// [N] float32.
        public var logits: Tensor
        /// [N, 4] float32.
        public var deltas: Tensor

        public init(anchors: [Box], logits: Tensor, deltas: Tensor) {
            self.anchors = anchors
            self.logits = logits
            self.deltas = deltas
        }
    }

    public let config: RegionProposalConfig
    private let generator: AnchorGenerator
    private let convolutions: [Conv2d]
    /// 3×3 with ReLU, scores, deltas: the convolutions as they are, or fused for inference.
    private let hidden: (Tensor) -> Tensor
    private let objectness: (Tensor) -> Tensor
    private let regression: (Tensor) -> Tensor

    /// Initialised as published: N(0, .01), biases 0. Parameters are named as torchvision's `rpn`.
    public init(_ scope: Scope, _ config: RegionProposalConfig, in channels: Int, stride: Int) {
        self.config = config
        generator = AnchorGenerator(stride: stride, scales: config.scales, ratios: config.ratios)
        let normal = Initializer.normal(standardDeviation: 0.01)
        let head = scope / "head"
        let conv = Conv2d(
            head / "conv" / 0 / 0, in: channels, out: config.channels, kernel: 3, padding: 1, initializer: normal)
        let logits = Conv2d(
            head / "cls_logits", in: config.channels, out: generator.countPerCell, kernel: 1, initializer: normal)
        let deltas = Conv2d(
            head / "bbox_pred", in: config.channels, out: 4 * generator.countPerCell, kernel: 1, initializer: normal)
        convolutions = [conv, logits, deltas]
        hidden = { conv($0).relu_() }
        objectness = { logits($0) }
        regression = { deltas($0) }
    }

    private init(freezing network: RegionProposalNetwork, _ precision: Precision) {
        config = network.config
        generator = network.generator
        convolutions = []
        let fused = network.convolutions.map { FusedConv2d($0, nil, precision) }
        hidden = { fused[0]($0, relu: true) }
        objectness = { fused[1]($0, relu: false) }
        regression = { fused[2]($0, relu: false) }
    }

    /// The same network for inference alone, with a copy of the weights as they are now. Traps when it is frozen already.
    public func frozen(_ precision: Precision) -> RegionProposalNetwork {
        precondition(!convolutions.isEmpty, "a frozen network keeps no weights to freeze")
        return RegionProposalNetwork(freezing: self, precision)
    }

    /// The map of one image [1, C, H, W] → what it says about its anchors.
    public func callAsFunction(_ featureMap: Tensor) -> Output {
        let x = hidden(featureMap)  // [1, channels, H, W]
        // Channels last, so that the anchors of a cell are together.
        let logits = objectness(x).to(dtype: .float32).permute(0, 2, 3, 1).reshape(-1)
        let deltas = regression(x).to(dtype: .float32).permute(0, 2, 3, 1).reshape(-1, 4)
        return Output(
            anchors: generator.anchors(height: featureMap.size(2), width: featureMap.size(3)), logits: logits,
            deltas: deltas)
    }

    /// Binary cross-entropy of the drawn anchors, and smooth L1 over the deltas of those on objects; both divided by the
    /// number of anchors drawn (py-faster-rcnn; the paper divides the second by the number of cells and weighs it by 10,
    /// which it calls roughly equal).
    ///
    /// - Parameter beta: Where smooth L1 becomes linear, 1/σ².
    public static func losses(_ output: Output, _ targets: [AnchorTarget], beta: Double) -> (
        objectness: Tensor, regression: Tensor
    ) {
        // Where no anchor teaches anything, nothing is to be learnt.
        if targets.isEmpty { return (output.logits.sum() * 0, output.deltas.sum() * 0) }
        let device = output.logits.device
        let drawn = Tensor(targets.map(\.anchor)).to(device: device)
        let labels = Tensor(targets.map { $0.object == nil ? Float(0) : 1 }).to(device: device)
        let objectness = output.logits.indexSelect(0, drawn).binaryCrossEntropyWithLogits(labels)
        let positives = targets.filter { $0.object != nil }
        let wanted = positives.flatMap { target -> [Float] in
            let delta = BoxDelta(from: output.anchors[target.anchor], to: target.object!)
            return [delta.dx, delta.dy, delta.dw, delta.dh].map { Float($0) }
        }
        let predicted = output.deltas.indexSelect(0, Tensor(positives.map(\.anchor)).to(device: device))
        let difference = predicted.smoothL1(
            Tensor(wanted, shape: [positives.count, 4]).to(device: device), beta: beta)
        return (objectness, difference.sum() * (1 / Double(targets.count)))
    }

    /// The regions it proposes.
    ///
    /// - Parameters:
    ///   - width: Of the input in pixels, as `height`.
    ///   - scale: Pixels of the input for a pixel of the image as it is given.
    public func proposals(_ output: Output, _ layer: ProposalLayer, width: Int, height: Int, scale: Double) -> [Box] {
        if output.logits.device.kind != .cpu {
            return layer.byOperators(
                scores: output.logits.detach(), deltas: output.deltas.detach(), anchors: output.anchors,
                width: Double(width), height: Double(height), minimumSide: config.minimumSide * scale)
        }
        return layer(
            scores: output.logits.detach().floats, deltas: output.deltas.detach().floats, anchors: output.anchors,
            width: Double(width), height: Double(height), minimumSide: config.minimumSide * scale)
    }
}
