public import Torch

/// Depth, width and kind of block of a ResNet (He et al., CVPR 2016, table 1; with three stages, section 4.2).
public struct ResNetDepth: Hashable, Sendable {
    /// Blocks in each of the stages.
    public var blocks: [Int]
    /// Bottleneck blocks (1×1, 3×3, 1×1) instead of basic ones (3×3, 3×3).
    public var isBottleneck = false
    /// Channels of the stem and of the 3×3 convolutions of the first stage; each further stage has twice as many.
    public var width = 64

    public static let resnet18 = ResNetDepth(blocks: [2, 2, 2, 2])
    public static let resnet34 = ResNetDepth(blocks: [3, 4, 6, 3])
    public static let resnet50 = ResNetDepth(blocks: [3, 4, 6, 3], isBottleneck: true)
    public static let resnet101 = ResNetDepth(blocks: [3, 4, 23, 3], isBottleneck: true)
    public static let resnet20 = ResNetDepth(blocks: [3, 3, 3], width: 16)
    public static let resnet20x2 = ResNetDepth(blocks: [3, 3, 3], width: 32)

    /// Channels behind the last stage.
    var featureCount: Int { (width << (blocks.count - 1)) * (isBottleneck ? 4 : 1) }
}

/// ResNet with torchvision's parameter names; the stride of a bottleneck is in its 3×3 convolution ("v1.5").
public final class ResNet: Network {
    public let trunkChannels: Int
    public let trunkStride: Int
    public let regionSize = 7
    public let takesAnyRegionSize = true
    public let featureCount: Int
    public let hasBatchNorm = true
    public var layerNames: [String] { ["conv1"] + stages.indices.map { "layer\($0 + 1)" } + ["avgpool"] }
    public var trunkStages: [[String]] { [["conv1.", "bn1."]] + stages.indices.dropLast().map { ["layer\($0 + 1)."] } }

    private let stem: Stem
    private let conv1: ConvUnit
    /// layer1, layer2, …; the last one is behind the trunk.
    private let stages: [Stage]
    private let norm: BatchNorm2d?
    private let fc: LinearUnit?

    /// - Parameter regionNorm: See `NetworkConfig`.
    public init(
        _ scope: Scope, _ depth: ResNetDepth, stem: Stem = .imagenet, classes: Int? = 1000, regionNorm: Bool = false
    ) {
        self.stem = stem
        let width = depth.width
        let convolution =
            switch stem {
            case .imagenet:
                Conv2d(
                    scope / "conv1", in: 3, out: width, kernel: 7, stride: 2, padding: 3, bias: false,
                    initializer: .kaimingNormalFanOut)
            case .cifar:
                Conv2d(
                    scope / "conv1", in: 3, out: width, kernel: 3, padding: 1, bias: false,
                    initializer: .kaimingNormalFanOut)
            }
        conv1 = ConvUnit(convolution, BatchNorm2d(scope / "bn1", width))
        let expansion = depth.isBottleneck ? 4 : 1
        stages = depth.blocks.enumerated().map { index, blocks in
            Stage(
                scope / "layer\(index + 1)", in: index == 0 ? width : (width << (index - 1)) * expansion,
                planes: width << index, blocks: blocks, stride: index == 0 ? 1 : 2, isBottleneck: depth.isBottleneck)
        }
        featureCount = depth.featureCount
        trunkChannels = featureCount / 2
        // The first stage of blocks and the one behind the trunk leave the stride of the trunk alone.
        trunkStride = (stem == .imagenet ? 4 : 1) << (depth.blocks.count - 2)
        norm = regionNorm ? BatchNorm2d(scope / "norm", featureCount) : nil
        fc = classes.map { LinearUnit(Linear(scope / "fc", in: depth.featureCount, out: $0)) }
    }

    private init(freezing network: ResNet, _ precision: Precision, trunkOnly: Bool) {
        stem = network.stem
        trunkChannels = network.trunkChannels
        trunkStride = network.trunkStride
        featureCount = network.featureCount
        conv1 = network.conv1.frozen(precision)
        let (trunk, last) = (network.stages.dropLast(), network.stages.last!)
        stages = trunk.map { $0.frozen(precision) } + [trunkOnly ? last : last.frozen(precision)]
        norm = network.norm
        fc = network.fc?.frozen(precision, isShared: trunkOnly)
    }

    public func frozen(_ precision: Precision, trunkOnly: Bool) -> any Network {
        ResNet(freezing: self, precision, trunkOnly: trunkOnly)
    }

    public func trunk(_ x: Tensor, stages: Range<Int>, mode: Mode) -> Tensor {
        stages.reduce(x) { x, stage in
            stage == 0 ? pool(conv1(x, mode: mode)) : self.stages[stage - 1](x, mode: mode)
        }
    }

    public func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor {
        let x = stages.last!(x, mode: mode)  // [R, F, h, w]
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
        for (index, stage) in stages.enumerated() {
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
