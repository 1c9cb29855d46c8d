public import Torch

/// Depth and kind of block of a ResNet (He et al., CVPR 2016, table 1).
public struct ResNetDepth: Hashable, Sendable {
    /// Blocks in each of the four stages.
    public var blocks: [Int]
    /// Bottleneck blocks (1×1, 3×3, 1×1) instead of basic ones (3×3, 3×3).
    public var isBottleneck: Bool

    public static let resnet18 = ResNetDepth(blocks: [2, 2, 2, 2], isBottleneck: false)
    public static let resnet34 = ResNetDepth(blocks: [3, 4, 6, 3], isBottleneck: false)
    public static let resnet50 = ResNetDepth(blocks: [3, 4, 6, 3], isBottleneck: true)
    public static let resnet101 = ResNetDepth(blocks: [3, 4, 23, 3], isBottleneck: true)
}

/// ResNet with torchvision's parameter names; the stride of a bottleneck is in its 3×3 convolution ("v1.5").
public final class ResNet: Network {
    public let trunkChannels: Int
    public let trunkStride: Int
    public let regionSize = 7
    public let takesAnyRegionSize = true
    public let featureCount: Int
    public let layerNames = ["conv1", "layer1", "layer2", "layer3", "layer4", "avgpool"]
    public let hasBatchNorm = true
    public let trunkStages = [["conv1.", "bn1."], ["layer1."], ["layer2."], ["layer3."]]

    private let stem: Stem
    private let conv1: ConvUnit
    private let layer1: Stage
    private let layer2: Stage
    private let layer3: Stage
    private let layer4: Stage
    private let norm: BatchNorm2d?
    private let fc: LinearUnit?

    /// - Parameter regionNorm: See `NetworkConfig`.
    public init(
        _ scope: Scope, _ depth: ResNetDepth, stem: Stem = .imagenet, classes: Int? = 1000, regionNorm: Bool = false
    ) {
        self.stem = stem
        let convolution =
            switch stem {
            case .imagenet:
                Conv2d(
                    scope / "conv1", in: 3, out: 64, kernel: 7, stride: 2, padding: 3, bias: false,
                    initializer: .kaimingNormalFanOut)
            case .cifar:
                Conv2d(
                    scope / "conv1", in: 3, out: 64, kernel: 3, padding: 1, bias: false,
                    initializer: .kaimingNormalFanOut)
            }
        conv1 = ConvUnit(convolution, BatchNorm2d(scope / "bn1", 64))
        let expansion = depth.isBottleneck ? 4 : 1
        func stage(_ index: Int, in inputs: Int, planes: Int, stride: Int) -> Stage {
            Stage(
                scope / "layer\(index + 1)", in: inputs, planes: planes, blocks: depth.blocks[index], stride: stride,
                isBottleneck: depth.isBottleneck)
        }
        layer1 = stage(0, in: 64, planes: 64, stride: 1)
        layer2 = stage(1, in: 64 * expansion, planes: 128, stride: 2)
        layer3 = stage(2, in: 128 * expansion, planes: 256, stride: 2)
        layer4 = stage(3, in: 256 * expansion, planes: 512, stride: 2)
        trunkChannels = 256 * expansion
        trunkStride = stem == .imagenet ? 16 : 4
        featureCount = 512 * expansion
        norm = regionNorm ? BatchNorm2d(scope / "norm", featureCount) : nil
        fc = classes.map { LinearUnit(Linear(scope / "fc", in: 512 * expansion, out: $0)) }
    }

    private init(freezing network: ResNet, _ precision: Precision, trunkOnly: Bool) {
        stem = network.stem
        trunkChannels = network.trunkChannels
        trunkStride = network.trunkStride
        featureCount = network.featureCount
        conv1 = network.conv1.frozen(precision)
        layer1 = network.layer1.frozen(precision)
        layer2 = network.layer2.frozen(precision)
        layer3 = network.layer3.frozen(precision)
        layer4 = trunkOnly ? network.layer4 : network.layer4.frozen(precision)
        norm = network.norm
        fc = network.fc?.frozen(precision, isShared: trunkOnly)
    }

    public func frozen(_ precision: Precision, trunkOnly: Bool) -> any Network {
        ResNet(freezing: self, precision, trunkOnly: trunkOnly)
    }

    public func trunk(_ x: Tensor, stages: Range<Int>, mode: Mode) -> Tensor {
        stages.reduce(x) { x, stage in
            switch stage {
            case 0: pool(conv1(x, mode: mode))
            case 1: layer1(x, mode: mode)
            case 2: layer2(x, mode: mode)
            default: layer3(x, mode: mode)
            }
        }
    }

    public func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor {
        let x = layer4(x, mode: mode)  // [R, F, h, w]
        return (norm.map { $0(x, mode: mode) } ?? x).mean([2, 3])
    }

    public func features(_ x: Tensor, mode: Mode) -> Tensor { regionFeatures(trunk(x, mode: mode), mode: mode) }

    public func logits(_ x: Tensor, mode: Mode) -> Tensor {
        guard let fc else { preconditionFailure("this ResNet was made without its last layer") }
        return fc(features(x, mode: mode))
    }

    /// The pooling of the stem for large images.
    private func pool(_ x: Tensor) -> Tensor {
        stem == .imagenet ? x.maxPool2d(Extent(3), stride: Extent(2), padding: Extent(1)) : x
    }

    public func forEachLayer(_ x: Tensor, _ visit: (_ name: String, _ output: Tensor) -> Bool) {
        var x = conv1(x, mode: .evaluate)
        guard visit("conv1", x) else { return }
        x = pool(x)
        for (index, stage) in [layer1, layer2, layer3, layer4].enumerated() {
            x = stage(x, mode: .evaluate)
            guard visit("layer\(index + 1)", x) else { return }
        }
        _ = visit("avgpool", x.mean([2, 3]))
    }
}

/// Blocks that work at one resolution; the first one changes it.
private final class Stage {
    private let blocks: [Block]

    init(_ scope: Scope, in inputs: Int, planes: Int, blocks count: Int, stride: Int, isBottleneck: Bool) {
        let outputs = isBottleneck ? planes * 4 : planes
        blocks = (0..<count).map { index in
            Block(
                scope / index, in: index == 0 ? inputs : outputs, planes: planes, out: outputs,
                stride: index == 0 ? stride : 1, isBottleneck: isBottleneck)
        }
    }

    private init(_ blocks: [Block]) { self.blocks = blocks }

    func frozen(_ precision: Precision) -> Stage { Stage(blocks.map { $0.frozen(precision) }) }

    func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor { blocks.reduce(x) { $1($0, mode: mode) } }
}

/// Residual block: relu(F(x) + shortcut(x)).
private final class Block {
    private let convolutions: [ConvUnit]
    private let downsample: ConvUnit?

    init(_ scope: Scope, in inputs: Int, planes: Int, out outputs: Int, stride: Int, isBottleneck: Bool) {
        func layer(_ conv: Scope, _ bn: Scope, in inputs: Int, out outputs: Int, kernel: Int, stride: Int) -> ConvUnit {
            ConvUnit(
                Conv2d(
                    conv, in: inputs, out: outputs, kernel: kernel, stride: stride, padding: kernel / 2, bias: false,
                    initializer: .kaimingNormalFanOut),
                BatchNorm2d(bn, outputs))
        }
        // (in, out, kernel, stride) of each convolution.
        let plan =
            isBottleneck
            ? [(inputs, planes, 1, 1), (planes, planes, 3, stride), (planes, outputs, 1, 1)]
            : [(inputs, planes, 3, stride), (planes, outputs, 3, 1)]
        convolutions = plan.enumerated().map { index, part in
            layer(
                scope / "conv\(index + 1)", scope / "bn\(index + 1)", in: part.0, out: part.1, kernel: part.2,
                stride: part.3)
        }
        let shortcut = scope / "downsample"
        downsample =
            stride != 1 || inputs != outputs
            ? layer(shortcut / 0, shortcut / 1, in: inputs, out: outputs, kernel: 1, stride: stride) : nil
    }

    private init(_ convolutions: [ConvUnit], _ downsample: ConvUnit?) {
        self.convolutions = convolutions
        self.downsample = downsample
    }

    func frozen(_ precision: Precision) -> Block {
        Block(convolutions.map { $0.frozen(precision) }, downsample?.frozen(precision))
    }

    func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor {
        let shortcut = downsample.map { $0(x, mode: mode, relu: false) } ?? x
        let out = convolutions.dropLast().reduce(x) { $1($0, mode: mode) }
        return convolutions.last!(out, mode: mode, adding: shortcut)
    }
}
