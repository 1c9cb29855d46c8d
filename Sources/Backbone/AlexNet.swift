public import Torch

/// AlexNet as torchvision has it (Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014).
public final class AlexNet: Network {
    public let trunkChannels: Int
    public let trunkStride = 16
    public let regionSize = 6
    public let takesAnyRegionSize = false
    public let featureCount: Int
    public let layerNames = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    public let hasBatchNorm = false
    public let trunkStages = [0, 3, 6, 8, 10].map { ["features.\($0)."] }
    public var mapChannels: Int { trunkChannels }

    /// conv1 to conv5.
    private let convolutions: [ConvUnit]
    private let dropout: Dropout
    private let fc6: LinearUnit
    private let fc7: LinearUnit
    private let fc8: LinearUnit?

    public convenience init(_ scope: Scope, classes: Int? = 1000) { self.init(scope, classes: classes, part: .whole) }

    init(_ scope: Scope, classes: Int?, part: NetworkPart) {
        let width = { $0 / part.divisor }
        trunkChannels = width(256)
        featureCount = width(4096)
        // torchvision leaves torch's default initialisation, with which deep features are hardly more than their biases:
        // those of different images are nearly equal, and instance discrimination never gets to tell them apart.
        let he = Initializer.kaimingNormalFanOut
        let features = scope / "features"
        convolutions = [
            Conv2d(
                features / 0, in: part.inputs.count, out: width(64), kernel: 11, stride: 4, padding: 2,
                initializer: he),
            Conv2d(features / 3, in: width(64), out: width(192), kernel: 5, padding: 2, initializer: he),
            Conv2d(features / 6, in: width(192), out: width(384), kernel: 3, padding: 1, initializer: he),
            Conv2d(features / 8, in: width(384), out: width(256), kernel: 3, padding: 1, initializer: he),
            Conv2d(features / 10, in: width(256), out: width(256), kernel: 3, padding: 1, initializer: he),
        ].map { ConvUnit($0) }
        let classifier = scope / "classifier"
        dropout = Dropout(0.5, generator: scope.trainingGenerator)
        fc6 = LinearUnit(Linear(classifier / 1, in: width(256) * 6 * 6, out: width(4096), initializer: he))
        fc7 = LinearUnit(Linear(classifier / 4, in: width(4096), out: width(4096), initializer: he))
        fc8 = classes.map { LinearUnit(Linear(classifier / 6, in: width(4096), out: $0)) }
    }

    private init(freezing network: AlexNet, _ precision: Precision, trunkOnly: Bool) {
        trunkChannels = network.trunkChannels
        featureCount = network.featureCount
        convolutions = network.convolutions.map { $0.frozen(precision) }
        dropout = network.dropout
        fc6 = network.fc6.frozen(precision, isShared: trunkOnly)
        fc7 = network.fc7.frozen(precision, isShared: trunkOnly)
        fc8 = network.fc8?.frozen(precision, isShared: trunkOnly)
    }

    public func frozen(_ precision: Precision, trunkOnly: Bool) -> any Network {
        AlexNet(freezing: self, precision, trunkOnly: trunkOnly)
    }

    public func trunk(_ x: Tensor, stages: Range<Int>, mode: Mode) -> Tensor {
        stages.reduce(x) { convolution($1, $0, mode: mode) }
    }

    /// One convolution with its ReLU; pooling before conv2 and conv3.
    private func convolution(_ index: Int, _ x: Tensor, mode: Mode) -> Tensor {
        convolutions[index](index == 1 || index == 2 ? pool(x) : x, mode: mode, then: .relu)
    }

    private func pool(_ x: Tensor) -> Tensor { x.maxPool2d(Extent(3), stride: Extent(2)) }

    /// The whole image as one region: [N, C, h, w] → [N, C, 6, 6].
    private func region(_ x: Tensor) -> Tensor { pool(x).adaptiveAvgPool2d(Extent(regionSize)) }

    public func map(_ x: Tensor, mode: Mode) -> Tensor { trunk(x, mode: mode) }

    public func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor {
        let x = fc6(dropout(x.flatten(from: 1), mode: mode), relu: true)  // [R, 9216] → [R, 4096]
        return fc7(dropout(x, mode: mode), relu: true)
    }

    public func features(_ x: Tensor, mode: Mode) -> Tensor {
        regionFeatures(region(trunk(x, mode: mode)), mode: mode)
    }

    public func logits(_ x: Tensor, mode: Mode) -> Tensor {
        guard let fc8 else { preconditionFailure("this AlexNet was made without its last layer") }
        return fc8(features(x, mode: mode), relu: false)
    }

    public func forEachLayer(_ x: Tensor, _ visit: (_ name: String, _ output: Tensor) -> Bool) {
        var x = x
        for index in convolutions.indices {
            x = convolution(index, x, mode: .evaluate)
            guard visit("conv\(index + 1)", x) else { return }
        }
        x = fc6(region(x).flatten(from: 1), relu: true)
        guard visit("fc6", x) else { return }
        _ = visit("fc7", fc7(x, relu: true))
    }
}
