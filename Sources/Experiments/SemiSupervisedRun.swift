internal import Graphics
internal import Backbone
public import Datasets
public import Distributed
internal import Foundation
internal import Imaging
public import Probes
internal import Reporting
public import Support
internal import Torch
internal import Training

/// Fine-tunes from each start, on each share of the labels, with each seed; every one is a run of its own, so that an
/// interrupted probe goes on in the middle of the one it was at.
public struct SemiSupervisedRun {
    public var options: ClassifierOptions
    public var weights: StartingWeights
    /// Whether the same is done from random weights, to compare.
    public var comparesRandom = true
    public var fractions: [LabelFraction]
    public var seeds: [UInt64]
    public var train: any ImageCollection
    public var test: any ImageCollection
    /// What identifies weights and data, for `config.json` and the results.
    public var inputs: [JSON.Member]
    /// The run folder.
    public var folder: String
    public var resume = false
    public var progress = ProgressBar.Style.automatic
    /// The processes that train together.
    public var world = World.alone

    public init(
        _ options: ClassifierOptions, from weights: StartingWeights, fractions: [LabelFraction], seeds: [UInt64],
        train: any ImageCollection, test: any ImageCollection, inputs: [JSON.Member], folder: String
    ) {
        self.options = options
        self.weights = weights
        self.fractions = fractions
        self.seeds = seeds
        self.train = train
        self.test = test
        self.inputs = inputs
        self.folder = folder
    }

    /// Trains what is missing, or throws `InterruptedError` with everything saved.
    public func callAsFunction() throws -> SemiSupervisedResult {
        try options.config.architecture.require(imageSize: options.imageSize)
        // Whatever a class is short of is found before the first hour of training.
        let subsets = try fractions.map { fraction in
            try seeds.map { try fraction.indices(of: train, seed: $0) }
        }
        let session = try RunSession(
            folder, command: "probe semi", resume: resume, settings: settings([]), mayDiffer: InputRecord.mayDiffer,
            world: world)
        Interruption.watch()
        let watch = Stopwatch()
        var runs: [SemiSupervisedResult.Run] = []
        for start in starts {
            for (fraction, subsets) in zip(fractions, subsets) {
                for (seed, indices) in zip(seeds, subsets) {
                    runs.append(try one(start, fraction, seed, indices, in: session.folder))
                }
            }
        }
        try world.leaveToLeader()
        let result = SemiSupervisedResult(
            runs: runs, recipe: options.recipe, architecture: options.config.architecture.rawValue,
            imageSize: options.imageSize, trainCount: train.count, testCount: test.count, fitSeconds: watch.seconds)
        try result.report.picture?.write(to: session.file("curve.png"))
        try session.write(.object((result.json.members ?? []) + inputs))
        return result
    }

    /// What the trainings start from: the weights, by what they learnt from, and random ones.
    private var starts: [String] {
        let own = weights.objective == WeightSource.random ? "weights" : weights.objective
        return [own] + (comparesRandom ? [WeightSource.random] : [])
    }

    /// Every value that shapes the result.
    private func settings(_ more: [JSON.Member]) -> [JSON.Member] {
        inputs + [
            .init("starts", .array(starts.map { .string($0) })),
            .init("fractions", .array(fractions.map { .number($0.share) })),
            .init("seeds", .array(seeds.map { .integer(Int(truncatingIfNeeded: $0)) })),
            .init("image_size", .integer(options.imageSize)),
            .init("precision", .string(options.precision.rawValue)),
            .init("device", .string(options.device.description)), .init("threads", .integer(Runtime.threads)),
            .init("workers", .integer(options.workers)),
        ] + (world.size > 1 ? [.init("processes", .integer(world.size))] : []) + (options.recipe.json.members ?? [])
            + more
    }

    private func one(
        _ start: String, _ fraction: LabelFraction, _ seed: UInt64, _ indices: [Int], in parent: RunFolder
    ) throws -> SemiSupervisedResult.Run {
        let name = "\(start)-\((fraction.share * 100).fixed(2))-seed\(seed)"
        let session = try RunSession(
            parent.file(name), command: "probe semi", resume: parent.isResumed,
            settings: settings([.init("run", .string(name)), .init("labels", .integer(indices.count))]),
            mayDiffer: InputRecord.mayDiffer, world: world)
        let done = try world.leaders {
            session.folder.isResumed && Files.exists(session.file("result.json"))
                ? try Files.readText(session.file("result.json")) : ""
        }
        if !done.isEmpty {
            return try read(JSON.parse(done.utf8), session.file("result.json"), start, fraction, seed, indices.count)
        }
        var options = options
        options.seed = seed
        let training = try ClassifierTraining(
            options, data: train.subset(indices), weights: start == WeightSource.random ? nil : weights.file,
            world: world)
        var loopOptions = LoopOptions(
            title: "\(start), \(fraction.text), seed \(seed)", logEvery: min(50, training.totalSteps),
            checkpointEvery: max(training.stepsPerEpoch, training.totalSteps / 20), progress: progress)
        loopOptions.world = world
        try TrainingLoop(training, folder: session.folder, options: loopOptions).run()
        // The leader tests; the others wait for it where the next training begins.
        let accuracy =
            world.isLeader
            ? try training.evaluate(test) { _ in try Interruption.check() } : TopAccuracy(classes: test.classes.count)
        let run = SemiSupervisedResult.Run(
            start: start, fraction: fraction, seed: seed, labelCount: indices.count, top1: accuracy.top1 ?? 0,
            top5: accuracy.top5)
        guard world.isLeader else { return run }
        try session.write(run.json)
        // Dozens of runs with a network and its velocities each would fill a disk.
        try? FileManager.default.removeItem(atPath: TrainingLoop.checkpointPath(session.folder))
        return run
    }

    /// The result of a run that was complete before.
    private func read(
        _ json: JSON, _ path: String, _ start: String, _ fraction: LabelFraction, _ seed: UInt64, _ labelCount: Int
    ) throws -> SemiSupervisedResult.Run {
        guard let top1 = json["top1"]?.doubleValue else {
            throw InputError(path, "holds no result", remedy: "remove the file to train that run again")
        }
        return SemiSupervisedResult.Run(
            start: start, fraction: fraction, seed: seed, labelCount: labelCount, top1: top1,
            top5: json["top5"]?.doubleValue)
    }
}
