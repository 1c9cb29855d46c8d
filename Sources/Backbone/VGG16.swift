public import Torch

/// VGG16, configuration D without batch norm (Simonyan and Zisserman, ICLR 2015), with torchvision's names.
public final class VGG16: Network {
    public let trunkChannels = 512
    public let trunkStride = 16
    public let regionSize = 7
    public let takesAnyRegionSize = false
    public let featureCount = 4096
    public let layerNames = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    public let hasBatchNorm = false
    public let frozenPrefixes = ["features.0.", "features.2.", "features.5.", "features.7."]

    /// Convolutions of the five blocks; each block ends with a 2×2 pooling.
    private let blocks: [[Conv2d]]
    private let dropout: Dropout
    private let fc6: Linear
    private let fc7: Linear
    private let fc8: Linear?

    public init(_ scope: Scope, classes: Int? = 1000) {
        var inputs = 3
        // torchvision counts every convolution, ReLU and pooling in `features`.
        var index = 0
        blocks = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]].map { widths in
            let block = widths.map { width in
                let convolution = Conv2d(
                    scope / "features" / index, in: inputs, out: width, kernel: 3, padding: 1,
                    initializer: .kaimingNormalFanOut)
                inputs = width
                index += 2
                return convolution
            }
            index += 1
            return block
        }
        let classifier = scope / "classifier"
        let normal = Initializer.normal(standardDeviation: 0.01)
        dropout = Dropout(0.5, generator: scope.generator)
        fc6 = Linear(classifier / 0, in: 512 * 7 * 7, out: 4096, initializer: normal)
        fc7 = Linear(classifier / 3, in: 4096, out: 4096, initializer: normal)
        fc8 = classes.map { Linear(classifier / 6, in: 4096, out: $0, initializer: normal) }
    }

    public func trunk(_ x: Tensor, mode: Mode) -> Tensor { convolutions(x, 5) }

    /// The first `count` blocks, without the pooling that ends the last one.
    private func convolutions(_ x: Tensor, _ count: Int) -> Tensor {
        var x = x
        for (index, block) in blocks.prefix(count).enumerated() {
            if index > 0 { x = pool(x) }
            for convolution in block { x = convolution(x).relu_() }
        }
        return x
    }

    private func pool(_ x: Tensor) -> Tensor { x.maxPool2d(Extent(2), stride: Extent(2)) }

    public func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor {
        let x = dropout(fc6(x.flatten(from: 1)).relu_(), mode: mode)  // [R, 25088] → [R, 4096]
        return dropout(fc7(x).relu_(), mode: mode)
    }

    public func features(_ x: Tensor, mode: Mode) -> Tensor {
        regionFeatures(pool(trunk(x, mode: mode)).adaptiveAvgPool2d(Extent(7)), mode: mode)
    }

    public func logits(_ x: Tensor, mode: Mode) -> Tensor {
        guard let fc8 else { preconditionFailure("this VGG16 was made without its last layer") }
        return fc8(features(x, mode: mode))
    }

    public func layer(_ name: String, _ x: Tensor) -> Tensor? {
        switch name {
        case "fc6": fc6(pool(convolutions(x, 5)).adaptiveAvgPool2d(Extent(7)).flatten(from: 1)).relu_()
        case "fc7": features(x, mode: .evaluate)
        default: layerNames.firstIndex(of: name).map { convolutions(x, $0 + 1) }
        }
    }
}
