internal import Backbone
internal import Datasets
internal import Foundation
internal import Pretrain
internal import Support
internal import Torch
internal import Training

/// Trains a backbone into a run folder: weights, curve and results.
struct PretrainWorkflow {
    var options: PretrainOptions
    var data: any ImageCollection
    var run: String
    var resume = false
    /// Steps between checkpoints; nil for one an epoch.
    var checkpointEvery: Int?
    var recipeName = ""
    var progress = ProgressBar.Style.automatic

    struct Outcome {
        var weights: String
        var results: JSON
    }

    func callAsFunction() throws -> Outcome {
        let fingerprint = try data.fingerprint
        let config: JSON = .object(
            [
                .init("command", "pretrain"), .init("version", .string(Program.version)),
                .init("libtorch", .string(Runtime.version)), .init("recipe", .string(recipeName)),
                .init(
                    "data",
                    ["path": .string(data.source), "images": .integer(data.count), "fingerprint": .string(fingerprint)]),
            ] + (options.json.members ?? []))
        let training = try Pretraining(options, data: data)
        let folder = try RunFolder(
            run, resume: resume, config: config, mayDiffer: PretrainOptions.mayDiffer.union(["data.path"]))
        let steps = training.stepsPerEpoch
        let loop = TrainingLoop(
            training, folder: folder,
            options: LoopOptions(
                title: "pretrain", logEvery: min(50, steps), checkpointEvery: checkpointEvery ?? steps,
                progress: progress))
        Interruption.watch()
        let outcome = try loop.run()
        let details: JSON = [
            "data": .string((data.source as NSString).lastPathComponent), "images": .integer(data.count),
            "data_fingerprint": .string(fingerprint), "epochs": .integer(options.recipe.epochs),
            "recipe": .string(recipeName), "version": .string(Program.version),
            "seed": .integer(Int(truncatingIfNeeded: options.seed)),
        ]
        try WeightFile.write(training.parameters, training.description(details: details), to: folder.weights)
        try RunReport.drawCurve(
            folder, ["loss"], title: "\(options.objective.rawValue), \(options.architecture.rawValue)")
        let results: JSON = [
            "objective": .string(options.objective.rawValue), "arch": .string(options.architecture.rawValue),
            "epochs": .integer(options.recipe.epochs), "steps": .integer(outcome.steps),
            "images": .integer(data.count), "images_per_second": .number(outcome.imagesPerSecond),
            "seconds": .number(outcome.seconds), "loss": outcome.lastValues["loss"].map { .number($0) } ?? .null,
            "weights": .string(folder.weights),
        ]
        try RunReport.write(results, to: folder)
        return Outcome(weights: folder.weights, results: results)
    }
}
