import Backbone
import Datasets
import Foundation
import Imaging
import Probes
import Reporting
import Support
import TestSupport
import Testing
import Torch
import Training

/// Noise on a bright ground in class `light`, on a dark one in `dark`; equal for equal numbers.
struct ShadedImages: ImageCollection {
    let count: Int
    var firstImage = 0
    var classes = ["dark", "light"]
    var source = "shades"

    func name(_ i: Int) -> String { "\(firstImage + i).png" }
    func label(_ i: Int) -> Int? { i % 2 }

    func data(_ i: Int) throws -> Data {
        var random = RandomStream(8, UInt64(firstImage + i))
        let size = ImageSize(width: 16, height: 16)
        let ground = i % 2 == 0 ? 40 : 180
        return try Image(
            size: size, pixels: (0..<size.pixelCount * 3).map { _ in UInt8(ground + random.integer(below: 60)) }
        ).encodedPNG()
    }
}

/// Every bit that training has left.
func bits(_ task: some TrainingTask) -> [String: Data] {
    var bits: [String: Data] = [:]
    for entry in task.parameters.entries { bits[entry.name] = entry.tensor.detach().withBytes { Data($0) } }
    for (name, tensor) in task.optimizer.state { bits["velocity." + name] = tensor.withBytes { Data($0) } }
    return bits
}

/// Runs a task to its end, or to `stopAfter` as an interruption would.
func train(_ task: any TrainingTask, in folder: String, resume: Bool = false, stopAfter: Int? = nil) throws {
    let run = try RunFolder(folder, resume: resume, config: [:])
    let loop = TrainingLoop(
        task, folder: run,
        options: LoopOptions(
            title: "test", logEvery: 2, checkpointEvery: 1000, progress: .quiet, stopAfter: stopAfter))
    if stopAfter == nil {
        try loop.run()
    } else {
        #expect(throws: InterruptedError.self) { try loop.run() }
    }
}

@Suite(.tags(.training), .tiered, .serialized) struct LinearProbeTests {
    private func options(epochs: Int = 3, workers: Int = 2) -> LinearProbeOptions {
        var recipe = LinearRecipe.layers
        recipe.stretch(toEpochs: epochs)
        recipe.batch = 8
        recipe.augmentation.cropScale = 0.5
        var options = LinearProbeOptions(recipe: recipe, imageSize: 16)
        options.workers = workers
        return options
    }

    private func reader(_ layers: [String], _ pooling: PoolingRule = .average) throws -> LayerReader {
        try LayerReader(smallNetwork(), layers: layers, pooling: pooling, imageSize: 16, precision: .fp32)
    }

    private func cached(_ data: any ImageCollection, _ reader: LayerReader) throws -> CachedLayers {
        try CachedLayers(data, reader, imageSize: 16, batch: 8, workers: 2, onBadImage: .stop) { _ in }
    }

    // Stopped after 5 of 9 steps, in the middle of the second of three epochs.
    @Test(arguments: [false, true]) func aResumedRunEndsWithTheSameBits(isCached: Bool) throws {
        try withTemporaryFolder { folder in
            let data = ShadedImages(count: 24)
            let reader = try reader(["conv1", "layer2"])
            let source: LinearProbeData = isCached ? .cached(try cached(data, reader)) : .images(data)
            let whole = try LinearProbe(options(), reader: reader, train: source)
            try train(whole, in: "\(folder)/whole")
            let half = try LinearProbe(options(), reader: reader, train: source)
            try train(half, in: "\(folder)/parts", stopAfter: 5)
            #expect(bits(half) != bits(whole))
            let resumed = try LinearProbe(
                options(workers: 1), reader: try self.reader(["conv1", "layer2"]), train: source)
            try train(resumed, in: "\(folder)/parts", resume: true)
            #expect(bits(resumed) == bits(whole))
            #expect(bits(whole)["layer2.bn.running_mean"] != nil && bits(whole)["velocity.conv1.fc.weight"] != nil)
            let log = try MetricsLog.read("\(folder)/whole/metrics.jsonl")
            #expect(log.allSatisfy { $0["loss_conv1"] != nil && $0["loss_layer2"] != nil })
        }
    }

    /// Classifiers that are trained side by side do not know of each other.
    @Test func eachLayerIsTrainedAsItWouldBeAlone() throws {
        try withTemporaryFolder { folder in
            let data = ShadedImages(count: 16)
            let together = try LinearProbe(
                options(), reader: reader(["conv1", "layer1", "layer3"]), train: .images(data))
            try train(together, in: "\(folder)/together")
            for layer in ["conv1", "layer3"] {
                let alone = try LinearProbe(options(), reader: reader([layer]), train: .images(data))
                try train(alone, in: "\(folder)/\(layer)")
                for (name, value) in bits(alone) { #expect(bits(together)[name] == value, "\(name)") }
            }
        }
    }

    @Test(arguments: [false, true]) func learnsWhatCanBeTold(isCached: Bool) throws {
        try withTemporaryFolder { folder in
            let (data, test) = (ShadedImages(count: 48), ShadedImages(count: 20, firstImage: 100))
            let reader = try reader(["conv1", "layer1"])
            func source(_ data: ShadedImages) throws -> LinearProbeData {
                isCached ? .cached(try cached(data, reader)) : .images(data)
            }
            let probe = try LinearProbe(options(epochs: 10), reader: reader, train: try source(data))
            try train(probe, in: "\(folder)/run")
            var reports: [Int] = []
            let accuracies = try probe.evaluate(try source(test)) { reports.append($0) }
            #expect(accuracies.map(\.count) == [20, 20] && reports == [8, 16, 20])
            // Grey level alone tells the classes, and every layer has it.
            #expect(accuracies.allSatisfy { $0.top1 == 1 && $0.top5 == nil })
        }
    }

    /// Three steps of softmax regression on two features, in Double, with weight decay and Nesterov's momentum.
    @Test func stepsAreThoseOfSoftmaxRegression() throws {
        try withTemporaryFolder { folder in
            let rows: [[Double]] = [[1, 2], [0, -1], [3, 0.5], [-2, 1]]
            let labels = [0, 1, 2, 1]
            let table = FeatureTable(
                features: rows.flatMap { $0.map(Float.init) }, dimension: 2, labels: labels,
                names: (0..<4).map(String.init), classes: ["a", "b", "c"])
            var recipe = LinearRecipe.layers
            recipe.batch = 4
            recipe.epochs = 3
            recipe.optimization.milestones = [2]
            recipe.normalizesBatch = false
            recipe.optimization.learningRate = 0.5
            recipe.optimization.weightDecay = 0.1
            let probe = try LinearProbe(
                LinearProbeOptions(recipe: recipe, imageSize: 16), reader: nil,
                train: .cached(try CachedLayers(table, path: "table")))
            let weight = try #require(probe.parameters["features.fc.weight"])
            let bias = try #require(probe.parameters["features.fc.bias"])
            var w = (0..<3).map { k in (0..<2).map { weight.detach().doubles[k * 2 + $0] } + [bias.detach().doubles[k]]
            }
            var v = w.map { $0.map { _ in 0.0 } }
            try train(probe, in: "\(folder)/run")
            for step in 0..<3 {
                var gradient = [[Double]](repeating: [0, 0, 0], count: 3)
                for (row, label) in zip(rows, labels) {
                    let x: [Double] = [row[0], row[1], 1]
                    let powers: [Double] = w.map { exp($0[0] * x[0] + $0[1] * x[1] + $0[2] * x[2]) }
                    let sum = powers[0] + powers[1] + powers[2]
                    for k in 0..<3 {
                        let error: Double = powers[k] / sum - (k == label ? 1 : 0)
                        for d in 0..<3 { gradient[k][d] += error * x[d] / 4 }
                    }
                }
                let rate = step < 2 ? 0.5 : 0.05
                for k in 0..<3 {
                    for d in 0..<3 {
                        let g = gradient[k][d] + 0.1 * w[k][d]
                        v[k][d] = 0.9 * v[k][d] + g
                        w[k][d] -= rate * (g + 0.9 * v[k][d])
                    }
                }
            }
            // Three steps in float32.
            for k in 0..<3 {
                for d in 0..<2 { #expect(abs(weight.detach().doubles[k * 2 + d] - w[k][d]) < 1e-5) }
                #expect(abs(bias.detach().doubles[k] - w[k][2]) < 1e-5)
            }
        }
    }

    @Test func recipesAreThePublishedOnes() {
        let (layers, last) = (LinearRecipe.layers, LinearRecipe.last)
        #expect(
            layers.epochs == 28 && layers.optimization.learningRate == 0.01
                && layers.optimization.milestones == [8, 16, 24])
        #expect(
            layers.optimization.isNesterov && layers.normalizesBatch && layers.optimization.weightDecay == 5e-4
                && layers.batch == 256)
        #expect(last.epochs == 100 && last.optimization.learningRate == 30 && last.optimization.milestones == [60, 80])
        #expect(
            !last.optimization.isNesterov && !last.normalizesBatch && last.optimization.weightDecay == 0
                && last.pooling == .average)
    }

    @Test func mismatchedDataAreRefused() throws {
        let data = ShadedImages(count: 16)
        let reader = try reader(["conv1"])
        let few = #expect(throws: InputError.self) {
            try LinearProbe(options(), reader: reader, train: .images(ShadedImages(count: 7)))
        }
        #expect(few?.problem == "has only 7 images for batches of 8")
        let single = #expect(throws: InputError.self) {
            try LinearProbe(options(), reader: reader, train: .images(ShadedImages(count: 16, classes: ["dark"])))
        }
        #expect(single?.problem.contains("fewer than two classes") == true)
        let probe = try LinearProbe(options(), reader: reader, train: .images(data))
        let other = #expect(throws: InputError.self) {
            try probe.evaluate(.images(ShadedImages(count: 4, classes: ["dark", "grey"], source: "others")))
        }
        #expect(other?.subject == "others" && other?.problem == "has other classes than shades")
        let wide = try self.reader(["layer2"])
        let cachedProbe = try LinearProbe(options(), reader: nil, train: .cached(try cached(data, reader)))
        let dimensions = #expect(throws: InputError.self) { try cachedProbe.evaluate(.cached(try cached(data, wide))) }
        #expect(dimensions?.problem.contains("features of [128] dimensions, the training set of [64]") == true)
        let unlabelled = FeatureTable(
            features: [1, 2], dimension: 1, labels: [0, -1], names: ["x", "y"], classes: [])
        let error = #expect(throws: InputError.self) { try CachedLayers(unlabelled, path: "f.safetensors") }
        #expect(error?.description.hasPrefix("f.safetensors: y has no label") == true)
    }

    @Test func unknownLayersAreNamed() {
        let error = #expect(throws: InputError.self) { try reader(["conv1", "conv7"]) }
        #expect(error?.subject == "the layer conv7" && error?.remedy.contains("layer4") == true)
    }

    @Test func theResultSaysHowItWasMade() throws {
        var (good, bad) = (TopAccuracy(classes: 7), TopAccuracy(classes: 7))
        good.add(Tensor([Float(1), 0, 0, 0, 0, 0, 0], shape: [1, 7]), [0])
        bad.add(Tensor([Float(1), 0, 0, 0, 0, 0, 0], shape: [1, 7]), [6])
        let layers = try reader(["conv1", "layer4"]).layers
        let result = LinearProbeResult(
            layers: layers, accuracies: [bad, good], recipe: .layers, isCached: false, imageSize: 16, trainCount: 10,
            testCount: 1, classCount: 7, fitSeconds: 2)
        let json = result.json
        #expect(json["top1"] == 1.0 && json["layer"] == "layer4" && json["n_train"] == 10 && json["fit_seconds"] == 2.0)
        #expect(json["n_classes"] == 7)
        #expect(json["layers"]?.arrayValue?.map { $0["top1"]?.doubleValue } == [0, 1])
        let text = try #require(json["protocol"]?.stringValue)
        for part in [
            "lr 0.01", "8, 16, 24 of 28", "batch 256", "Nesterov", "weight decay 0.0005", "batch norm", "mirrored",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(["layer4", "100.00", text].allSatisfy(result.report.text.contains))
    }
}
