public import Torch

/// AlexNet as torchvision has it (Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014).
public final class AlexNet: Network {
    public let trunkChannels = 256
    public let trunkStride = 16
    public let regionSize = 6
    public let takesAnyRegionSize = false
    public let featureCount = 4096
    public let layerNames = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    public let hasBatchNorm = false
    public let frozenPrefixes = ["features.0."]

    private let conv1: Conv2d
    private let conv2: Conv2d
    private let conv3: Conv2d
    private let conv4: Conv2d
    private let conv5: Conv2d
    private let dropout: Dropout
    private let fc6: Linear
    private let fc7: Linear
    private let fc8: Linear?

    public init(_ scope: Scope, classes: Int? = 1000) {
        let features = scope / "features"
        conv1 = Conv2d(features / 0, in: 3, out: 64, kernel: 11, stride: 4, padding: 2)
        conv2 = Conv2d(features / 3, in: 64, out: 192, kernel: 5, padding: 2)
        conv3 = Conv2d(features / 6, in: 192, out: 384, kernel: 3, padding: 1)
        conv4 = Conv2d(features / 8, in: 384, out: 256, kernel: 3, padding: 1)
        conv5 = Conv2d(features / 10, in: 256, out: 256, kernel: 3, padding: 1)
        let classifier = scope / "classifier"
        dropout = Dropout(0.5, generator: scope.generator)
        fc6 = Linear(classifier / 1, in: 256 * 6 * 6, out: 4096)
        fc7 = Linear(classifier / 4, in: 4096, out: 4096)
        fc8 = classes.map { Linear(classifier / 6, in: 4096, out: $0) }
    }

    public func trunk(_ x: Tensor, mode: Mode) -> Tensor { convolutions(x, 5) }

    /// The first `count` convolutions, each with its ReLU; pooling before conv2 and conv3.
    private func convolutions(_ x: Tensor, _ count: Int) -> Tensor {
        var x = conv1(x).relu_()
        if count >= 2 { x = conv2(pool(x)).relu_() }
        if count >= 3 { x = conv3(pool(x)).relu_() }
        if count >= 4 { x = conv4(x).relu_() }
        if count >= 5 { x = conv5(x).relu_() }
        return x
    }

    private func pool(_ x: Tensor) -> Tensor { x.maxPool2d(Extent(3), stride: Extent(2)) }

    public func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor {
        let x = fc6(dropout(x.flatten(from: 1), mode: mode)).relu_()  // [R, 9216] → [R, 4096]
        return fc7(dropout(x, mode: mode)).relu_()
    }

    public func features(_ x: Tensor, mode: Mode) -> Tensor {
        regionFeatures(pool(trunk(x, mode: mode)).adaptiveAvgPool2d(Extent(6)), mode: mode)
    }

    public func logits(_ x: Tensor, mode: Mode) -> Tensor {
        guard let fc8 else { preconditionFailure("this AlexNet was made without its last layer") }
        return fc8(features(x, mode: mode))
    }

    public func layer(_ name: String, _ x: Tensor) -> Tensor? {
        switch name {
        case "fc6": fc6(pool(convolutions(x, 5)).adaptiveAvgPool2d(Extent(6)).flatten(from: 1)).relu_()
        case "fc7": features(x, mode: .evaluate)
        default: layerNames.firstIndex(of: name).map { convolutions(x, $0 + 1) }
        }
    }
}
