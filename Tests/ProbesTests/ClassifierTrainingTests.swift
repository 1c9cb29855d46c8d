import Backbone
import Foundation
import Imaging
import Probes
import Reporting
import Support
import TestSupport
import Testing
import Torch
import Training

@Suite(.tags(.training), .tiered, .serialized) struct ClassifierTrainingTests {
    private func options(epochs: Int, batch: Int = 8) -> ClassifierOptions {
        var recipe = ClassifierRecipe.semiSupervised
        recipe.stretch(toEpochs: epochs)
        recipe.batch = batch
        recipe.optimization.learningRate = 0.05
        recipe.augmentation.cropScale = 0.5
        return ClassifierOptions(recipe: recipe, description: smallNetwork().description, classes: 2)
    }

    /// A weight file of ResNet-18 with a projection, or with a last layer of ten classes.
    private func writeWeights(_ path: String, architecture: Architecture = .resnet18, classes: Int? = nil) throws {
        let scope = Scope(seed: 11)
        let config = NetworkConfig(architecture, stem: .cifar, classes: classes)
        let network = config.makeNetwork(scope)
        if classes == nil { _ = Linear(scope / "projection", in: network.featureCount, out: 8) }
        try WeightFile.write(
            scope.parameters,
            WeightDescription(config: config, normalization: .cifar10, imageSize: 16, objective: "instance"), to: path)
    }

    // Stopped after 4 of 6 steps, between two epochs of three steps and in the second.
    @Test func aResumedRunEndsWithTheSameBits() throws {
        try withTemporaryFolder { folder in
            let data = ShadedImages(count: 24)
            func task() throws -> ClassifierTraining {
                try ClassifierTraining(options(epochs: 2), data: data, weights: nil)
            }
            let (whole, half, resumed) = (try task(), try task(), try task())
            try train(whole, in: "\(folder)/whole")
            try train(half, in: "\(folder)/parts", stopAfter: 4)
            #expect(bits(half) != bits(whole))
            try train(resumed, in: "\(folder)/parts", resume: true)
            #expect(bits(resumed) == bits(whole))
            let test = ShadedImages(count: 10, firstImage: 50)
            #expect(try resumed.evaluate(test) == whole.evaluate(test))
        }
    }

    @Test func learnsWhatCanBeTold() throws {
        try withTemporaryFolder { folder in
            let training = try ClassifierTraining(options(epochs: 6), data: ShadedImages(count: 24), weights: nil)
            try train(training, in: "\(folder)/run")
            let accuracy = try training.evaluate(ShadedImages(count: 30, firstImage: 70))
            #expect(accuracy.count == 30 && accuracy.top1 == 1)
        }
    }

    @Test(arguments: [nil, 10]) func startsFromTheBackboneOfAFile(classes: Int?) throws {
        try withTemporaryFolder { folder in
            try writeWeights("\(folder)/w.safetensors", classes: classes)
            let file = try SafetensorsFile(path: "\(folder)/w.safetensors")
            let data = ShadedImages(count: 8)
            let started = try ClassifierTraining(options(epochs: 1), data: data, weights: file)
            let random = try ClassifierTraining(options(epochs: 1), data: data, weights: nil)
            func values(_ task: ClassifierTraining, _ name: String) -> [Float]? { task.parameters[name]?.floats }
            #expect(values(started, "layer3.0.conv1.weight") == file.tensor("layer3.0.conv1.weight")?.floats)
            #expect(values(started, "layer3.0.conv1.weight") != values(random, "layer3.0.conv1.weight"))
            // The last layer is new, and the same whatever the rest began with.
            #expect(started.parameters["fc.weight"]?.shape == [2, 512])
            #expect(values(started, "fc.weight") == values(random, "fc.weight"))
        }
    }

    @Test func weightsOfAnotherNetworkAreRefused() throws {
        try withTemporaryFolder { folder in
            try writeWeights("\(folder)/w.safetensors", architecture: .resnet50)
            let file = try SafetensorsFile(path: "\(folder)/w.safetensors")
            let error = #expect(throws: InputError.self) {
                try ClassifierTraining(options(epochs: 1), data: ShadedImages(count: 8), weights: file)
            }
            #expect(error?.problem.hasPrefix("does not fit the network: ") == true)
            let single = #expect(throws: InputError.self) {
                try ClassifierTraining(options(epochs: 1), data: ShadedImages(count: 1), weights: nil)
            }
            #expect(single?.problem == "leaves 1 image to train on")
        }
    }

    @Test func fewerImagesThanABatchMakeOneStep() throws {
        let training = try ClassifierTraining(
            options(epochs: 5, batch: 256), data: ShadedImages(count: 6), weights: nil)
        #expect(training.stepsPerEpoch == 1 && training.totalSteps == 5)
        #expect(try training.forward(step: 0).images == 6)
    }

    @Test func theRecipeIsTheAuthors() {
        let recipe = ClassifierRecipe.semiSupervised
        #expect(
            recipe.epochs == 70 && recipe.optimization.learningRate == 0.01
                && recipe.optimization.milestones == [30, 60])
        var short = recipe
        short.stretch(toEpochs: 7)
        #expect(short.optimization.milestones == [3, 6] && short.epochs == 7)
    }

    @Test func theResultGathersSeeds() throws {
        func run(_ start: String, _ share: Double, _ seed: UInt64, _ top1: Double) -> SemiSupervisedResult.Run {
            SemiSupervisedResult.Run(
                start: start, fraction: LabelFraction(share), seed: seed, labelCount: Int(share * 100), top1: top1,
                top5: top1 + 0.1)
        }
        let result = SemiSupervisedResult(
            runs: [
                run("instance", 0.1, 0, 0.5), run("instance", 0.1, 1, 0.7), run("instance", 0.2, 0, 0.8),
                run("instance", 0.2, 1, 0.8), run("random", 0.1, 0, 0.2), run("random", 0.1, 1, 0.3),
                run("random", 0.2, 0, 0.4), run("random", 0.2, 1, 0.2),
            ], recipe: .semiSupervised, architecture: "resnet18", imageSize: 32, trainCount: 100, testCount: 50,
            fitSeconds: 3)
        let curve = try #require(result.json["curve"]?.arrayValue)
        #expect(curve.map { $0["start"]?.stringValue } == ["instance", "instance", "random", "random"])
        let first = curve[0]
        #expect(abs(first["top1"]!.doubleValue! - 0.6) < 1e-12 && first["labels"] == 10)
        #expect(first["top1_min"] == 0.5 && first["top1_max"] == 0.7 && first["runs"]?.arrayValue?.count == 2)
        #expect(result.json["top1"] == 0.8)
        guard case .figures(let figures) = try #require(result.report.sections[0].blocks.last),
            case .line(let plot, _) = figures[0]
        else {
            Issue.record("the report does not end with a curve")
            return
        }
        #expect(plot.series.map(\.name) == ["instance", "random"])
        #expect(plot.series[1].x == [10, 20] && abs(plot.series[1].y[0] - 25) < 1e-9)
        for text in ["10 %", "20 %", "60.00", "50.00", "70.00", "2 seeds", "lr 0.01, x0.1 at epochs 30, 60 of 70"] {
            #expect(result.report.text.contains(text), "\(text)")
        }
    }
}
