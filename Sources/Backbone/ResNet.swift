public import Torch

/// Kind, number and width of the blocks of a ResNet (He et al., CVPR 2016, table 1; with three stages, section 4.2).
public struct ResNetDepth: Hashable, Sendable {
    public enum Block: Sendable {
        /// 3×3, 3×3.
        case basic
        /// 1×1, 3×3, 1×1.
        case bottleneck

        /// Channels behind a block, for each of its 3×3 convolution.
        var expansion: Int {
            switch self {
            case .basic: 1
            case .bottleneck: 4
            }
        }
    }

    public var block: Block
    /// Blocks in each of the stages.
    public var blocks: [Int]
    /// Channels of the stem and of the 3×3 convolutions of the first stage; each further stage has twice as many.
    public var width: Int

    public init(_ block: Block, _ blocks: [Int], width: Int = 64) {
        self.block = block
        self.blocks = blocks
        self.width = width
    }

    /// Channels behind the last stage.
    var featureCount: Int { (width << (blocks.count - 1)) * block.expansion }
}

/// How a ResNet takes its input in.
public enum Stem: String, CaseIterable, Sendable, Hashable {
    /// 7×7 convolution of stride 2 and 3×3 max pooling: for images of about 224 pixels.
    case imagenet
    /// 3×3 convolution of stride 1, no pooling: for images of about 32 pixels.
    case cifar

    /// Pixels of the input from one cell behind it to the next.
    var stride: Int {
        switch self {
        case .imagenet: 4
        case .cifar: 1
        }
    }
}

/// ResNet with torchvision's parameter names; the stride of a bottleneck is in its 3×3 convolution ("v1.5").
public final class ResNet: Network {
    public let trunkChannels: Int
    public let trunkStride: Int
    public let regionSize = 7
    public let takesAnyRegionSize = true
    public let featureCount: Int
    public let hasBatchNorm = true
    public var mapChannels: Int { featureCount }
    public var layerNames: [String] { ["conv1"] + stages.indices.map { "layer\($0 + 1)" } + ["avgpool"] }
    public var trunkStages: [[String]] { [["conv1.", "bn1."]] + stages.indices.dropLast().map { ["layer\($0 + 1)."] } }

    private let stem: Stem
    private let conv1: ConvUnit
    /// layer1, layer2, …; the last one is behind the trunk.
    private let stages: [Stage]
    private let norm: BatchNorm2d?
    private let fc: LinearUnit?

    /// - Parameters:
    ///   - regionNorm: See `NetworkConfig`.
    ///   - inputs: Channels of the images.
    public init(
        _ scope: Scope, _ depth: ResNetDepth, stem: Stem = .imagenet, classes: Int? = 1000, regionNorm: Bool = false,
        inputs: Int = 3
    ) {
        self.stem = stem
        let width = depth.width
        switch stem {
        case .imagenet:
            conv1 = ConvUnit(scope / "conv1", scope / "bn1", in: inputs, out: width, kernel: 7, stride: 2)
        case .cifar:
            conv1 = ConvUnit(scope / "conv1", scope / "bn1", in: inputs, out: width, kernel: 3, stride: 1)
        }
        let expansion = depth.block.expansion
        stages = depth.blocks.enumerated().map { index, blocks in
            Stage(
                scope / "layer\(index + 1)", depth.block, in: index == 0 ? width : (width << (index - 1)) * expansion,
                width: width << index, blocks: blocks, stride: index == 0 ? 1 : 2)
        }
        featureCount = depth.featureCount
        trunkChannels = featureCount / 2
        // The first stage of blocks and the one behind the trunk leave the stride of the trunk alone.
        trunkStride = stem.stride << (depth.blocks.count - 2)
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
            stage == 0 ? pool(conv1(x, mode: mode, then: .relu)) : self.stages[stage - 1](x, mode: mode)
        }
    }

    public func denseMap(_ x: Tensor, mode: Mode) -> Tensor { stages.last!(trunk(x, mode: mode), mode: mode) }

    public func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor { regionMap(x, mode: mode).mean([2, 3]) }

    /// What is averaged: [R, C, h, w] → [R, F, h, w].
    private func regionMap(_ x: Tensor, mode: Mode) -> Tensor {
        let x = stages.last!(x, mode: mode)
        return norm.map { $0(x, mode: mode) } ?? x
    }

    public func lastMap(_ x: Tensor, mode: Mode) -> Tensor { regionMap(trunk(x, mode: mode), mode: mode) }

    public func features(_ x: Tensor, mode: Mode) -> Tensor { regionFeatures(trunk(x, mode: mode), mode: mode) }

    public func logits(_ x: Tensor, mode: Mode) -> Tensor {
        guard let fc else { preconditionFailure("this ResNet was made without its last layer") }
        return fc(features(x, mode: mode), relu: false)
    }

    /// The pooling of the stem for large images.
    private func pool(_ x: Tensor) -> Tensor {
        switch stem {
        case .imagenet: x.maxPool2d(Extent(3), stride: Extent(2), padding: Extent(1))
        case .cifar: x
        }
    }

    public func forEachLayer(_ x: Tensor, _ visit: (_ name: String, _ output: Tensor) -> Bool) {
        var x = conv1(x, mode: .evaluate, then: .relu)
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
    private let blocks: [any ResidualBlock]

    init(
        _ scope: Scope, _ kind: ResNetDepth.Block, in inputs: Int, width: Int, blocks count: Int, stride: Int
    ) {
        blocks = (0..<count).map { index -> any ResidualBlock in
            let (inputs, stride) = index == 0 ? (inputs, stride) : (width * kind.expansion, 1)
            return switch kind {
            case .basic: BasicBlock(scope / index, in: inputs, width: width, stride: stride)
            case .bottleneck: Bottleneck(scope / index, in: inputs, width: width, stride: stride)
            }
        }
    }

    private init(_ blocks: [any ResidualBlock]) { self.blocks = blocks }

    func frozen(_ precision: Precision) -> Stage { Stage(blocks.map { $0.frozen(precision) }) }

    func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor { blocks.reduce(x) { $1($0, mode: mode) } }
}

/// relu(F(x) + shortcut(x)), where the shortcut is x, or a 1×1 convolution of it where F changes its shape.
private protocol ResidualBlock: AnyObject {
    func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor
    func frozen(_ precision: Precision) -> any ResidualBlock
}

/// F is two 3×3 convolutions; each with its batch norm, as everywhere here.
private final class BasicBlock: ResidualBlock {
    private let conv1: ConvUnit
    private let conv2: ConvUnit
    private let downsample: ConvUnit?

    init(_ scope: Scope, in inputs: Int, width: Int, stride: Int) {
        conv1 = ConvUnit(scope / "conv1", scope / "bn1", in: inputs, out: width, kernel: 3, stride: stride)
        conv2 = ConvUnit(scope / "conv2", scope / "bn2", in: width, out: width, kernel: 3, stride: 1)
        downsample = .downsample(scope / "downsample", in: inputs, out: width, stride: stride)
    }

    private init(freezing block: BasicBlock, _ precision: Precision) {
        conv1 = block.conv1.frozen(precision)
        conv2 = block.conv2.frozen(precision)
        downsample = block.downsample?.frozen(precision)
    }

    func frozen(_ precision: Precision) -> any ResidualBlock { BasicBlock(freezing: self, precision) }

    func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor {
        let shortcut = downsample.map { $0(x, mode: mode, then: .nothing) } ?? x
        let out = conv1(x, mode: mode, then: .relu)
        return conv2(out, mode: mode, then: .addReLU(shortcut))
    }
}

/// F is a 1×1 convolution to fewer channels, a 3×3 one, and a 1×1 one to four times as many.
private final class Bottleneck: ResidualBlock {
    private let conv1: ConvUnit
    private let conv2: ConvUnit
    private let conv3: ConvUnit
    private let downsample: ConvUnit?

    init(_ scope: Scope, in inputs: Int, width: Int, stride: Int) {
        let outputs = width * ResNetDepth.Block.bottleneck.expansion
        conv1 = ConvUnit(scope / "conv1", scope / "bn1", in: inputs, out: width, kernel: 1, stride: 1)
        conv2 = ConvUnit(scope / "conv2", scope / "bn2", in: width, out: width, kernel: 3, stride: stride)
        conv3 = ConvUnit(scope / "conv3", scope / "bn3", in: width, out: outputs, kernel: 1, stride: 1)
        downsample = .downsample(scope / "downsample", in: inputs, out: outputs, stride: stride)
    }

    private init(freezing block: Bottleneck, _ precision: Precision) {
        conv1 = block.conv1.frozen(precision)
        conv2 = block.conv2.frozen(precision)
        conv3 = block.conv3.frozen(precision)
        downsample = block.downsample?.frozen(precision)
    }

    func frozen(_ precision: Precision) -> any ResidualBlock { Bottleneck(freezing: self, precision) }

    func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor {
        let shortcut = downsample.map { $0(x, mode: mode, then: .nothing) } ?? x
        var out = conv1(x, mode: mode, then: .relu)
        out = conv2(out, mode: mode, then: .relu)
        return conv3(out, mode: mode, then: .addReLU(shortcut))
    }
}

extension ConvUnit {
    /// A convolution without bias and its batch norm; the size of the map changes by the stride alone.
    fileprivate convenience init(
        _ convolution: Scope, _ norm: Scope, in inputs: Int, out outputs: Int, kernel: Int, stride: Int
    ) {
        self.init(
            Conv2d(
                convolution, in: inputs, out: outputs, kernel: kernel, stride: stride, padding: kernel / 2, bias: false,
                initializer: .kaimingNormalFanOut),
            BatchNorm2d(norm, outputs))
    }

    /// What brings x into the shape of F(x); nil where it has it already.
    fileprivate static func downsample(_ scope: Scope, in inputs: Int, out outputs: Int, stride: Int) -> ConvUnit? {
        stride == 1 && inputs == outputs
            ? nil : ConvUnit(scope / 0, scope / 1, in: inputs, out: outputs, kernel: 1, stride: stride)
    }
}
