public import Support
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
    /// For a training of AlexNet alone; its weight file holds the plain network, see `TrainingForm`.
    public var form = TrainingForm()
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
        case .alexnet: AlexNet(scope, classes: classes, form: form, part: part)
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

/// What AlexNet has while it is trained on a task made from images, and not afterwards.
public struct TrainingForm: Hashable, Sendable {
    /// A batch norm behind each convolution, `norms.*`. It is folded into the convolution when weights are written.
    public var isNormalized = false
    /// Stride of conv1; the published one is 4, at which the weights are used later. Small tiles need 2.
    public var stemStride = Self.publishedStride
    /// Slope below 0 of the ReLU behind each convolution; the weights are used with plain ReLU later, as published.
    public var leak = 0.0

    static let publishedStride = 4

    public init(isNormalized: Bool = false, stemStride: Int? = nil, leak: Double = 0) {
        self.leak = leak
        self.isNormalized = isNormalized
        self.stemStride = stemStride ?? Self.publishedStride
    }
}

extension NetworkConfig {
    /// Throws when nothing is left of images of so many pixels a side at the last map of convolutions.
    ///
    /// - Parameter subject: What they are, for the message.
    public func require(side: Int, of subject: String, remedy: String) throws(InputError) {
        let smallest =
            switch architecture.facts.family {
            // Three poolings of three by two, and 11 pixels with 2 on either side: 15 places behind conv1.
            case .alexnet: 7 + 14 * form.stemStride
            case .vgg16: architecture.smallestInput
            case .resnet: 1
            }
        if side < smallest {
            let stride = architecture == .alexnet ? " at a stride of \(form.stemStride)" : ""
            throw InputError(
                subject, "\(architecture.rawValue)\(stride) cannot take \(side) pixels, it needs \(smallest)",
                remedy: remedy)
        }
    }
}

extension NetworkConfig: CustomStringConvertible {
    /// "resnet18 with a CIFAR stem and 10 classes".
    public var description: String {
        let parts = [stem == .cifar ? "a CIFAR stem" : nil, classes.map { $0.counted("class") }].compactMap { $0 }
        let name = architecture.rawValue
        return parts.isEmpty ? name : "\(name) with \(parts.joined(separator: " and "))"
    }
}
