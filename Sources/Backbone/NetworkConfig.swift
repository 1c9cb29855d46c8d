public import Torch

/// What a network is, so that a weight file can say which one it belongs to.
public struct NetworkConfig: Hashable, Sendable {
    public var architecture: Architecture
    public var stem: Stem
    /// Width of the last linear layer (`fc`, `classifier.6`); nil leaves it out.
    public var classes: Int?
    /// A batch norm between the last stage of a ResNet and the average behind it, `norm.*`: what detectors have whose
    /// batch norm is trained (He et al., Momentum Contrast, CVPR 2020, appendix).
    public var regionNorm = false
    /// What of the network is built; `NetworkParts` brings parts together.
    var part = NetworkPart.whole

    /// Traps when AlexNet or VGG16 is asked for with a CIFAR stem, which they do not have.
    public init(_ architecture: Architecture, stem: Stem = .imagenet, classes: Int? = nil) {
        precondition(architecture.takes(stem), "\(architecture.rawValue) has no CIFAR stem")
        self.architecture = architecture
        self.stem = stem
        self.classes = classes
    }

    /// Builds the network; its parameters appear under `scope`.
    public func makeNetwork(_ scope: Scope) -> any Network {
        switch architecture.facts.family {
        case .alexnet: AlexNet(scope, classes: classes, part: part)
        case .vgg16: VGG16(scope, classes: classes, part: part)
        case .resnet(let depth):
            ResNet(
                scope, ResNetDepth(depth.block, depth.blocks, width: depth.width / part.divisor), stem: stem,
                classes: classes, regionNorm: regionNorm, inputs: part.inputs.count)
        }
    }
}

extension NetworkConfig {
    /// Where the last linear layer's parameters are: what transfer to other classes leaves behind.
    public var classifierPrefix: String { architecture.facts.classifierPrefix }
}

extension NetworkConfig: CustomStringConvertible {
    /// "resnet18 with a CIFAR stem and 10 classes".
    public var description: String {
        let parts = [stem == .cifar ? "a CIFAR stem" : nil, classes.map { "\($0) classes" }].compactMap { $0 }
        let name = architecture.rawValue
        return parts.isEmpty ? name : "\(name) with \(parts.joined(separator: " and "))"
    }
}
