public import Torch

/// VGG16, configuration D without batch norm (Simonyan and Zisserman, ICLR 2015), with torchvision's names.
public final class VGG16: StackedNetwork {
    public let trunkChannels: Int
    public var mapChannels: Int { trunkChannels }
    public let trunkStride = 16
    public let regionSize = 7
    public let takesAnyRegionSize = false
    public let featureCount: Int
    public let layerNames = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    public let hasBatchNorm = false
    public let trunkStages = [[0, 2], [5, 7], [10, 12, 14], [17, 19, 21], [24, 26, 28]].map {
        $0.map { "features.\($0)." }
    }

    /// Convolutions of the five blocks; each block ends with a 2×2 pooling.
    private let blocks: [[ConvUnit]]
    private let dropout: Dropout
    private let fc6: LinearUnit
    private let fc7: LinearUnit
    private let fc8: LinearUnit?

    public convenience init(_ scope: Scope, classes: Int? = 1000) { self.init(scope, classes: classes, part: .whole) }

    init(_ scope: Scope, classes: Int?, part: NetworkPart) {
        let (trunk, hidden) = (512 / part.divisor, 4096 / part.divisor)
        (trunkChannels, featureCount) = (trunk, hidden)
        var inputs = part.inputs.count
        // torchvision counts every convolution, ReLU and pooling in `features`.
        var index = 0
        blocks = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]].map { widths in
            let block = widths.map { $0 / part.divisor }.map { width in
                let convolution = Conv2d(
                    scope / "features" / index, in: inputs, out: width, kernel: 3, padding: 1,
                    initializer: .kaimingNormalFanOut)
                inputs = width
                index += 2
                return ConvUnit(convolution)
            }
            index += 1
            return block
        }
        let classifier = scope / "classifier"
        let normal = Initializer.normal(standardDeviation: 0.01)
        dropout = Dropout(0.5, generator: scope.trainingGenerator)
        fc6 = LinearUnit(Linear(classifier / 0, in: trunk * 7 * 7, out: hidden, initializer: normal))
        fc7 = LinearUnit(Linear(classifier / 3, in: hidden, out: hidden, initializer: normal))
        fc8 = classes.map { LinearUnit(Linear(classifier / 6, in: hidden, out: $0, initializer: normal)) }
    }

    private init(freezing network: VGG16, _ precision: Precision, trunkOnly: Bool) {
        trunkChannels = network.trunkChannels
        featureCount = network.featureCount
        blocks = network.blocks.map { $0.map { $0.frozen(precision) } }
        dropout = network.dropout
        fc6 = network.fc6.frozen(precision, isShared: trunkOnly)
        fc7 = network.fc7.frozen(precision, isShared: trunkOnly)
        fc8 = network.fc8?.frozen(precision, isShared: trunkOnly)
    }

    public func frozen(_ precision: Precision, trunkOnly: Bool) -> any Network {
        VGG16(freezing: self, precision, trunkOnly: trunkOnly)
    }

    var stack: [StackedLayer] {
        let trunk = zip(trunkStages, blocks).enumerated().flatMap { index, block in
            zip(block.0, block.1).enumerated().map { number, layer in
                StackedLayer(layer.0, layer.1.plain, prepare: index > 0 && number == 0 ? pool : { $0 })
            }
        }
        return trunk + [
            StackedLayer("classifier.0.", fc6.plain) { [self] in region($0).flatten(from: 1) },
            StackedLayer("classifier.3.", fc7.plain),
        ] + (fc8.map { [StackedLayer("classifier.6.", $0.plain)] } ?? [])
    }

    public func trunk(_ x: Tensor, stages: Range<Int>, mode: Mode) -> Tensor {
        stages.reduce(x) { block($1, $0, mode: mode) }
    }

    /// One block, with the pooling that ends the one before it but without its own.
    private func block(_ index: Int, _ x: Tensor, mode: Mode) -> Tensor {
        blocks[index].reduce(index > 0 ? pool(x) : x) { $1($0, mode: mode, then: .relu) }
    }

    private func pool(_ x: Tensor) -> Tensor { x.maxPool2d(Extent(2), stride: Extent(2)) }

    /// The whole image as one region: [N, C, h, w] → [N, C, 7, 7].
    private func region(_ x: Tensor) -> Tensor { pool(x).adaptiveAvgPool2d(Extent(regionSize)) }

    public func denseMap(_ x: Tensor, mode: Mode) -> Tensor { trunk(x, mode: mode) }

    public func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor {
        let x = dropout(fc6(x.flatten(from: 1), relu: true), mode: mode)  // [R, 25088] → [R, 4096]
        return dropout(fc7(x, relu: true), mode: mode)
    }

    public func lastMap(_ x: Tensor, mode: Mode) -> Tensor { pool(denseMap(x, mode: mode)) }

    public func features(_ x: Tensor, mode: Mode) -> Tensor {
        regionFeatures(region(trunk(x, mode: mode)), mode: mode)
    }

    public func logits(_ x: Tensor, mode: Mode) -> Tensor {
        guard let fc8 else { preconditionFailure("this VGG16 was made without its last layer") }
        return fc8(features(x, mode: mode), relu: false)
    }

    public func forEachLayer(_ x: Tensor, _ visit: (_ name: String, _ output: Tensor) -> Bool) {
        var x = x
        for index in blocks.indices {
            x = block(index, x, mode: .evaluate)
            guard visit("conv\(index + 1)", x) else { return }
        }
        x = fc6(region(x).flatten(from: 1), relu: true)
        guard visit("fc6", x) else { return }
        _ = visit("fc7", fc7(x, relu: true))
    }
}
