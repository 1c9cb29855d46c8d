public import Torch

/// AlexNet as torchvision has it (Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014).
public final class AlexNet: StackedNetwork {
    public let trunkChannels: Int
    public var trunkStride: Int { 4 * form.stemStride }
    public let regionSize = 6
    public let takesAnyRegionSize = false
    public let featureCount: Int
    public let layerNames = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    public var hasBatchNorm: Bool { form.isNormalized }
    public var trunkStages: [[String]] {
        Self.places.map { ["features.\($0)."] + (form.isNormalized ? ["norms.\($0)."] : []) }
    }
    public var mapChannels: Int { trunkChannels }

    /// Where torchvision has conv1 to conv5.
    private static let places = [0, 3, 6, 8, 10]

    private let form: TrainingForm
    /// Those of the form, by their places.
    private let norms: [Int: BatchNorm2d]
    private let convolutions: [ConvUnit]
    private let dropout: Dropout
    private let fc6: LinearUnit
    private let fc7: LinearUnit
    private let fc8: LinearUnit?

    public convenience init(_ scope: Scope, classes: Int? = 1000, form: TrainingForm = TrainingForm()) {
        self.init(scope, classes: classes, form: form, part: .whole)
    }

    init(_ scope: Scope, classes: Int?, form: TrainingForm, part: NetworkPart) {
        self.form = form
        let width = { $0 / part.divisor }
        trunkChannels = width(256)
        featureCount = width(4096)
        // torchvision leaves torch's default initialisation, with which deep features are hardly more than their biases:
        // those of different images are nearly equal, and instance discrimination never gets to tell them apart.
        let he = Initializer.kaimingNormalFanOut
        let features = scope / "features"
        let layers = [
            Conv2d(
                features / 0, in: part.inputs.count, out: width(64), kernel: 11, stride: form.stemStride, padding: 2,
                initializer: he),
            Conv2d(features / 3, in: width(64), out: width(192), kernel: 5, padding: 2, initializer: he),
            Conv2d(features / 6, in: width(192), out: width(384), kernel: 3, padding: 1, initializer: he),
            Conv2d(features / 8, in: width(384), out: width(256), kernel: 3, padding: 1, initializer: he),
            Conv2d(features / 10, in: width(256), out: width(256), kernel: 3, padding: 1, initializer: he),
        ]
        norms = Dictionary(
            uniqueKeysWithValues: form.isNormalized
                ? zip(Self.places, layers).map { ($0, BatchNorm2d(scope / "norms" / $0, $1.weight.size(0))) } : [])
        convolutions = zip(Self.places, layers).map { [norms] in ConvUnit($1, norms[$0]) }
        let classifier = scope / "classifier"
        dropout = Dropout(0.5, generator: scope.trainingGenerator)
        fc6 = LinearUnit(Linear(classifier / 1, in: width(256) * 6 * 6, out: width(4096), initializer: he))
        fc7 = LinearUnit(Linear(classifier / 4, in: width(4096), out: width(4096), initializer: he))
        fc8 = classes.map { LinearUnit(Linear(classifier / 6, in: width(4096), out: $0)) }
    }

    private init(freezing network: AlexNet, _ precision: Precision, trunkOnly: Bool) {
        form = TrainingForm()
        norms = [:]
        trunkChannels = network.trunkChannels
        featureCount = network.featureCount
        convolutions = network.convolutions.enumerated().map { index, unit in
            unit.frozen(precision, stride: index == 0 ? TrainingForm.publishedStride : nil)
        }
        dropout = network.dropout
        fc6 = network.fc6.frozen(precision, isShared: trunkOnly)
        fc7 = network.fc7.frozen(precision, isShared: trunkOnly)
        fc8 = network.fc8?.frozen(precision, isShared: trunkOnly)
    }

    /// At the published stride, as the weights that are written out.
    public func frozen(_ precision: Precision, trunkOnly: Bool) -> any Network {
        AlexNet(freezing: self, precision, trunkOnly: trunkOnly)
    }

    var stack: [StackedLayer] {
        let trunk = zip(trunkStages, convolutions).enumerated().map { index, layer in
            StackedLayer(layer.0[0], layer.1.plain, prepare: index == 1 || index == 2 ? pool : { $0 })
        }
        return trunk + [
            StackedLayer("classifier.1.", fc6.plain) { [self] in region($0).flatten(from: 1) },
            StackedLayer("classifier.4.", fc7.plain),
        ] + (fc8.map { [StackedLayer("classifier.6.", $0.plain)] } ?? [])
    }

    public func trunk(_ x: Tensor, stages: Range<Int>, mode: Mode) -> Tensor {
        stages.reduce(x) { convolution($1, $0, mode: mode) }
    }

    /// One convolution with its ReLU; pooling before conv2 and conv3.
    private func convolution(_ index: Int, _ x: Tensor, mode: Mode) -> Tensor {
        convolutions[index](
            index == 1 || index == 2 ? pool(x) : x, mode: mode, then: form.leak == 0 ? .relu : .leakyReLU(form.leak))
    }

    private func pool(_ x: Tensor) -> Tensor { x.maxPool2d(Extent(3), stride: Extent(2)) }

    /// The whole image as one region: [N, C, h, w] → [N, C, 6, 6].
    private func region(_ x: Tensor) -> Tensor { pool(x).adaptiveAvgPool2d(Extent(regionSize)) }

    public func denseMap(_ x: Tensor, mode: Mode) -> Tensor { trunk(x, mode: mode) }

    public func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor {
        let x = fc6(dropout(x.flatten(from: 1), mode: mode), relu: true)  // [R, 9216] → [R, 4096]
        return fc7(dropout(x, mode: mode), relu: true)
    }

    public func lastMap(_ x: Tensor, mode: Mode) -> Tensor { pool(denseMap(x, mode: mode)) }

    public func exported(_ entries: [Parameters.Entry]) -> [Parameters.Entry] {
        if norms.isEmpty { return entries }
        var folded: [String: Tensor] = [:]
        for (unit, place) in zip(convolutions, Self.places) {
            let (weight, bias) = unit.folded!
            folded["features.\(place).weight"] = weight
            folded["features.\(place).bias"] = bias
        }
        return entries.filter { !$0.name.hasPrefix("norms.") }.map { entry in
            folded[entry.name].map { .init(name: entry.name, tensor: $0, isBuffer: false) } ?? entry
        }
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
