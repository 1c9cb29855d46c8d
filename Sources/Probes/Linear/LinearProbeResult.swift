internal import Imaging
public import Reporting
public import Support

/// What a linear probe measured, with the protocol.
public struct LinearProbeResult: Sendable {
    public var layers: [LayerReader.Layer]
    /// One a layer.
    public var accuracies: [TopAccuracy]
    public var recipe: LinearRecipe
    /// Trained on the middle of each image, read once, instead of random crops.
    public var isCached: Bool
    public var imageSize: Int
    public var trainCount: Int
    public var testCount: Int
    public var classCount: Int
    /// Training and test.
    public var fitSeconds: Double

    public init(
        layers: [LayerReader.Layer], accuracies: [TopAccuracy], recipe: LinearRecipe, isCached: Bool, imageSize: Int,
        trainCount: Int, testCount: Int, classCount: Int, fitSeconds: Double
    ) {
        self.layers = layers
        self.accuracies = accuracies
        self.recipe = recipe
        self.isCached = isCached
        self.imageSize = imageSize
        self.trainCount = trainCount
        self.testCount = testCount
        self.classCount = classCount
        self.fitSeconds = fitSeconds
    }

    /// One sentence that says how the numbers were made.
    public var protocolText: String {
        let images =
            isCached
            ? "no augmentation"
            : "random crops of \(recipe.augmentation.cropScale.fixed(2)) to 1 of the area, mirrored with probability \(recipe.augmentation.flip)"
        return
            "linear classifiers on frozen features, \(recipe.normalizesBatch ? "batch norm without scale and shift, " : "")"
            + "\(recipe.text); training images: \(images); test images: the middle, \(imageSize) pixels"
    }

    private var best: Int? {
        accuracies.indices.max { (accuracies[$0].top1 ?? 0, $1) < (accuracies[$1].top1 ?? 0, $0) }
    }

    /// `{"protocol", "top1", "top5" (of the best layer), "layer", "layers": [{"layer", "dimension", "pooling", "top1",
    /// "top5"}], "recipe", "n_train", "n_test", "n_classes", "fit_seconds"}`.
    public var json: JSON {
        let best = best
        return [
            "protocol": .string(protocolText), "top1": JSON(best.flatMap { accuracies[$0].top1 }),
            "top5": JSON(best.flatMap { accuracies[$0].top5 }),
            "layer": JSON(best.map { layers[$0].name }),
            "layers": .array(
                zip(layers, accuracies).map { layer, accuracy in
                    [
                        "layer": .string(layer.name), "dimension": .integer(layer.dimension),
                        "pooling": .string(layer.pooling.text), "top1": JSON(accuracy.top1),
                        "top5": JSON(accuracy.top5),
                    ]
                }), "recipe": recipe.json, "cached": .bool(isCached), "image_size": .integer(imageSize),
            "n_train": .integer(trainCount), "n_test": .integer(testCount),
            "n_classes": .integer(classCount), "fit_seconds": .number(fitSeconds),
        ]
    }

    public var report: Report {
        let table = Table(
            [.text("layer"), .number("dim"), .percent("top-1 %"), .percent("top-5 %")],
            zip(layers, accuracies).map { layer, accuracy in
                [.text(layer.name), .integer(layer.dimension), .number(accuracy.top1), .number(accuracy.top5)]
            }, notes: [protocolText, "\(trainCount) training and \(testCount.counted("test image"))"])
        let bars = BarPlot(
            title: "Linear classifiers by layer", yLabel: "top-1 %", groups: layers.map(\.name),
            series: [.init("", accuracies.map { 100 * ($0.top1 ?? .nan) })])
        return Report("Linear classifiers", [.table(table), .figure(.bars(bars))])
    }
}
