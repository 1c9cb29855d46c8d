internal import Backbone
internal import Datasets
internal import Foundation
internal import Imaging
internal import Probes
internal import Support
internal import Torch
internal import Training

/// Fine-tunes from each start, on each share of the labels, with each seed; every one is a run of its own, so that an
/// interrupted probe goes on in the middle of the one it was at.
struct SemiSupervisedWorkflow {
    var options: ClassifierOptions
    var weights: SafetensorsFile
    /// The objective of the weights, and what they are compared with.
    var starts: [String]
    var fractions: [LabelFraction]
    var seeds: [UInt64]
    var train: any ImageCollection
    var test: any ImageCollection
    /// What identifies weights and data, for `config.json`.
    var inputs: [JSON.Member]
    var run: String
    var resume = false

    static let random = "random"

    func callAsFunction() throws -> SemiSupervisedResult {
        // Whatever a class is short of is found before the first hour of training.
        let subsets = try fractions.map { fraction in
            try seeds.map { try fraction.indices(of: train, seed: $0) }
        }
        let folder = try RunFolder(
            run, resume: resume, config: config([]),
            mayDiffer: ["workers", "train.path", "test.path", "weights.path"])
        Interruption.watch()
        let clock = ContinuousClock()
        let begin = clock.now
        var runs: [SemiSupervisedResult.Run] = []
        for start in starts {
            for (fraction, subsets) in zip(fractions, subsets) {
                for (seed, indices) in zip(seeds, subsets) {
                    runs.append(try one(start, fraction, seed, indices, in: folder))
                }
            }
        }
        let result = SemiSupervisedResult(
            runs: runs, recipe: options.recipe, architecture: options.config.architecture.rawValue,
            imageSize: options.imageSize, trainCount: train.count, testCount: test.count,
            fitSeconds: (clock.now - begin) / .seconds(1))
        try result.plot.render().write(to: folder.file("curve.png"))
        try RunReport.write(.object((result.json.members ?? []) + inputs), to: folder)
        return result
    }

    /// Every value that shapes the result.
    private func config(_ more: [JSON.Member]) -> JSON {
        .object(
            [
                .init("command", "probe semi"), .init("version", .string(Program.version)),
                .init("libtorch", .string(Runtime.version)),
            ] + inputs + [
                .init("starts", .array(starts.map { .string($0) })),
                .init("fractions", .array(fractions.map { .number($0.share) })),
                .init("seeds", .array(seeds.map { .integer(Int(truncatingIfNeeded: $0)) })),
                .init("image_size", .integer(options.imageSize)),
                .init("precision", .string(options.precision.rawValue)),
                .init("device", .string(options.device.description)), .init("threads", .integer(Runtime.threads)),
                .init("workers", .integer(options.workers)),
            ] + (options.recipe.json.members ?? []) + more)
    }

    private func one(
        _ start: String, _ fraction: LabelFraction, _ seed: UInt64, _ indices: [Int], in parent: RunFolder
    ) throws -> SemiSupervisedResult.Run {
        let name = "\(start)-\((fraction.share * 100).fixed(2))-seed\(seed)"
        let folder = try RunFolder(
            parent.file(name), resume: parent.isResumed,
            config: config([.init("run", .string(name)), .init("labels", .integer(indices.count))]),
            mayDiffer: ["workers", "train.path", "test.path", "weights.path"])
        if folder.isResumed, Files.exists(folder.file("result.json")) {
            return try read(folder.file("result.json"), start, fraction, seed, indices.count)
        }
        var options = options
        options.seed = seed
        let training = try ClassifierTraining(
            options, data: train.subset(indices), weights: start == Self.random ? nil : weights)
        try TrainingLoop(
            training, folder: folder,
            options: LoopOptions(
                title: "\(start), \(fraction.text), seed \(seed)", logEvery: min(50, training.totalSteps),
                checkpointEvery: max(training.stepsPerEpoch, training.totalSteps / 20))
        ).run()
        let accuracy = try training.evaluate(test) { _ in try Interruption.check() }
        let run = SemiSupervisedResult.Run(
            start: start, fraction: fraction, seed: seed, labelCount: indices.count, top1: accuracy.top1 ?? 0,
            top5: accuracy.top5)
        try RunReport.write(run.json, to: folder)
        // Dozens of runs with a network and its velocities each would fill a disk.
        try? FileManager.default.removeItem(atPath: TrainingLoop.checkpointPath(folder))
        return run
    }

    /// The result of a run that was complete before.
    private func read(
        _ path: String, _ start: String, _ fraction: LabelFraction, _ seed: UInt64, _ labelCount: Int
    ) throws -> SemiSupervisedResult.Run {
        let json = try JSON.read(path)
        guard let top1 = json["top1"]?.doubleValue else {
            throw InputError(path, "holds no result", remedy: "remove the file to train that run again")
        }
        return SemiSupervisedResult.Run(
            start: start, fraction: fraction, seed: seed, labelCount: labelCount, top1: top1,
            top5: json["top5"]?.doubleValue)
    }
}
