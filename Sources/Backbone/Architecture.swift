public import Torch

/// The networks of this toolkit, by torchvision's names, and two for small images that torchvision does not have:
/// `resnet20` (He et al., CVPR 2016, section 4.2; its shortcuts are projections where sizes differ) and `resnet20x2`, the
/// same with twice the channels. Both name their parameters as torchvision's ResNets do, with three stages.
public enum Architecture: String, CaseIterable, Sendable, Hashable {
    case alexnet
    case vgg16
    case resnet18
    case resnet34
    case resnet50
    case resnet101
    case resnet20
    case resnet20x2
}

extension Architecture {
    /// How many stages of the trunk (`Network.trunkStages`) the published detection recipe keeps as they were
    /// pretrained: conv1 of AlexNet, conv1 and conv2 of VGG16, the stem and the first stage of blocks of ResNets.
    public var publishedFrozenStages: Int { self == .alexnet ? 1 : 2 }

    /// What the trunk has without the last stage of a ResNet, which is the head of a region.
    public var trunkStageCount: Int { depth?.blocks.count ?? 5 }

    /// Whether it is a ResNet: regions of any size, batch norm, a choice of stems.
    public var isResidual: Bool { depth != nil }

    /// Width of what the last linear layer sees.
    public var featureCount: Int { depth?.featureCount ?? 4096 }

    /// Of a ResNet.
    var depth: ResNetDepth? {
        switch self {
        case .alexnet, .vgg16: nil
        case .resnet18: .resnet18
        case .resnet34: .resnet34
        case .resnet50: .resnet50
        case .resnet101: .resnet101
        case .resnet20: .resnet20
        case .resnet20x2: .resnet20x2
        }
    }
}

/// How a ResNet takes its input in.
public enum Stem: String, CaseIterable, Sendable, Hashable {
    /// 7×7 convolution of stride 2 and 3×3 max pooling: for images of about 224 pixels.
    case imagenet
    /// 3×3 convolution of stride 1, no pooling: for images of about 32 pixels.
    case cifar
}

/// What a network is, so that a weight file can say which one it belongs to.
public struct NetworkConfig: Hashable, Sendable {
    public var architecture: Architecture
    public var stem: Stem
    /// Width of the last linear layer (`fc`, `classifier.6`); nil leaves it out.
    public var classes: Int?
    /// A batch norm between the last stage of a ResNet and the average behind it, `norm.*`: what detectors have whose
    /// batch norm is trained (He et al., Momentum Contrast, CVPR 2020, appendix).
    public var regionNorm = false

    /// Traps when AlexNet or VGG16 is asked for with a CIFAR stem, which they do not have.
    public init(_ architecture: Architecture, stem: Stem = .imagenet, classes: Int? = nil) {
        precondition(
            stem == .imagenet || architecture.isResidual,
            "\(architecture.rawValue) has no CIFAR stem")
        self.architecture = architecture
        self.stem = stem
        self.classes = classes
    }

    /// Builds the network; its parameters appear under `scope`.
    public func makeNetwork(_ scope: Scope) -> any Network {
        switch architecture {
        case .alexnet: AlexNet(scope, classes: classes)
        case .vgg16: VGG16(scope, classes: classes)
        default: ResNet(scope, architecture.depth!, stem: stem, classes: classes, regionNorm: regionNorm)
        }
    }
}

extension NetworkConfig {
    /// Where the last linear layer's parameters are: what transfer to other classes leaves behind.
    public var classifierPrefix: String {
        architecture.isResidual ? "fc." : "classifier.6."
    }
}

extension NetworkConfig: CustomStringConvertible {
    /// "resnet18 with a CIFAR stem and 10 classes".
    public var description: String {
        let parts = [stem == .cifar ? "a CIFAR stem" : nil, classes.map { "\($0) classes" }].compactMap { $0 }
        let name = architecture.rawValue
        return parts.isEmpty ? name : "\(name) with \(parts.joined(separator: " and "))"
    }
}

/// A convolutional network in two parts, so that classification, probes and detection share it.
///
/// Letters: N images, H and W their size, R regions of all images together, C channels of the trunk, F features.
public protocol Network: AnyObject {
    /// C, channels of the map that `trunk` gives.
    var trunkChannels: Int { get }
    /// Pixels of the input from one cell of that map to the next.
    var trunkStride: Int { get }
    /// Cells a side of a region of interest that `regionFeatures` expects, or is published with.
    var regionSize: Int { get }
    /// Whether `regionFeatures` takes regions of any size.
    var takesAnyRegionSize: Bool { get }
    /// F, width of the features in front of the last linear layer.
    var featureCount: Int { get }
    /// Names of the layers that `layer` gives, from the input on.
    var layerNames: [String] { get }
    /// Whether its layers keep running statistics that must fit the weights.
    var hasBatchNorm: Bool { get }
    /// The stages that `trunk` consists of, from the input on: name prefixes of the parameters of each.
    var trunkStages: [[String]] { get }

    /// Some consecutive stages of the trunk; the first one takes [N, 3, H, W] normalised pixels, the last one gives
    /// [N, C, H/stride, W/stride].
    func trunk(_ x: Tensor, stages: Range<Int>, mode: Mode) -> Tensor
    /// [R, C, regionSize, regionSize] → [R, F]: the rest of the network, up to the last linear layer.
    func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor
    /// [N, 3, H, W] → [N, F]: what the last linear layer sees.
    func features(_ x: Tensor, mode: Mode) -> Tensor
    /// [N, 3, H, W] → [N, classes]. Traps when the network was made without its last layer.
    func logits(_ x: Tensor, mode: Mode) -> Tensor
    /// Gives `visit` the output of each layer of `layerNames` in evaluation mode, in its own shape and from the input on,
    /// until it returns false: what lies behind is not computed. x [N, 3, H, W].
    func forEachLayer(_ x: Tensor, _ visit: (_ name: String, _ output: Tensor) -> Bool)

    /// The same network for inference alone: batch norm is folded into the convolutions, and what follows them is done in
    /// the same pass (`FusedConv2d`). It holds a copy of the weights as they are now, and computes and answers in the
    /// precision's type. Traps when asked to train.
    ///
    /// - Parameter trunkOnly: Shares the layers behind the trunk instead, which may be large and must not be called.
    func frozen(_ precision: Precision, trunkOnly: Bool) -> any Network
}

extension Network {
    /// [N, 3, H, W] normalised pixels → [N, C, H/stride, W/stride]: the map regions are pooled from.
    public func trunk(_ x: Tensor, mode: Mode) -> Tensor { trunk(x, stages: trunkStages.indices, mode: mode) }

    public func frozen(_ precision: Precision) -> any Network { frozen(precision, trunkOnly: false) }

    /// [N, 3, H, W] → the output of a layer of `layerNames` in evaluation mode, in its own shape; nil for other names.
    public func layer(_ name: String, _ x: Tensor) -> Tensor? {
        layerNames.contains(name) ? layers([name], x)[0] : nil
    }

    /// The outputs of several layers in one pass, in the order of the names. Traps for a name not in `layerNames`.
    public func layers(_ names: [String], _ x: Tensor) -> [Tensor] {
        var outputs: [String: Tensor] = [:]
        let wanted = Set(names)
        if let unknown = wanted.first(where: { !layerNames.contains($0) }) {
            preconditionFailure("there is no layer \(unknown)")
        }
        if wanted.isEmpty { return [] }
        forEachLayer(x) { name, output in
            if wanted.contains(name) { outputs[name] = output }
            return outputs.count < wanted.count
        }
        return names.map { outputs[$0]! }
    }
}
