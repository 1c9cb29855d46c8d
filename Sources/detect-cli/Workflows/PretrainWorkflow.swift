internal import Backbone
internal import Datasets
internal import Foundation
internal import Imaging
internal import Pretrain
internal import Support
internal import Torch
internal import Training

/// Trains a backbone into a run folder: weights, memory bank, curves and results.
struct PretrainWorkflow {
    var options: PretrainOptions
    var data: any ImageCollection
    var run: String
    var resume = false
    /// Captures one step and replays it.
    var capturesSteps = false
    /// Steps between checkpoints; nil for one an epoch.
    var checkpointEvery: Int?
    var recipeName = ""
    /// Epochs between kNN probes; 0 for none.
    var knnEvery = 0
    var knnTest: (any ImageCollection)?
    var knnNeighbors = PretrainMonitor.Neighbors.bank
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
                .init(
                    "knn",
                    [
                        "every_epochs": .integer(knnEvery), "test": knnTest.map { .string($0.source) } ?? .null,
                        "neighbors": .string(knnNeighbors.rawValue),
                    ]),
            ] + (capturesSteps ? [.init("cuda_graph", true)] : []) + (options.json.members ?? []))
        let training = try Pretraining(options, data: data)
        let monitor =
            knnEvery > 0
            ? try PretrainMonitor(
                training, data: data, test: knnTest, neighbors: knnNeighbors, workers: options.workers) : nil
        let folder = try RunFolder(
            run, resume: resume, config: config, mayDiffer: PretrainOptions.mayDiffer.union(["data.path"]))
        let steps = training.stepsPerEpoch
        let loop = TrainingLoop(
            training, folder: folder,
            options: LoopOptions(
                title: "pretrain", gradientClip: options.recipe.gradientClip, logEvery: min(50, steps),
                checkpointEvery: checkpointEvery ?? steps, progress: progress,
                shown: [
                    ("loss", "loss"), ("positive_similarity", "pos"), ("negative_similarity", "neg"), ("z", "Z"),
                    ("knn_top1", "kNN"), ("lr", "lr"), ("images_per_second", "img/s"),
                ],
                evaluation: monitor.map { monitor in
                    .init(every: knnEvery * steps) { [("knn_top1", try monitor.measure())] }
                }, capturesSteps: capturesSteps))
        Interruption.watch()
        let outcome = try loop.run()
        let details: JSON = [
            "data": .string((data.source as NSString).lastPathComponent), "images": .integer(data.count),
            "data_fingerprint": .string(fingerprint), "epochs": .integer(options.recipe.epochs),
            "recipe": .string(recipeName), "version": .string(Program.version),
            "seed": .integer(Int(truncatingIfNeeded: options.seed)),
        ]
        try WeightFile.write(training.parameters, training.description(details: details), to: folder.weights)
        if let bank = training.instance?.bank { try write(bank, to: folder.file("bank.safetensors")) }
        try drawCurves(folder)
        var results: [JSON.Member] = [
            .init("objective", .string(options.objective.rawValue)),
            .init("arch", .string(options.architecture.rawValue)), .init("epochs", .integer(options.recipe.epochs)),
            .init("steps", .integer(outcome.steps)), .init("images", .integer(data.count)),
            .init("images_per_second", .number(outcome.imagesPerSecond)), .init("seconds", .number(outcome.seconds)),
            .init("loss", outcome.lastValues["loss"].map { .number($0) } ?? .null),
            .init("weights", .string(folder.weights)),
        ]
        if let monitor, let top1 = outcome.lastValues["knn_top1"] {
            results.append(.init("knn", ["top1": .number(top1), "protocol": .string(monitor.protocolText)]))
        }
        try RunReport.write(.object(results), to: folder)
        return Outcome(weights: folder.weights, results: .object(results))
    }

    /// The memory bank as a feature file, so that probes and retrieval can use it without the images.
    private func write(_ bank: MemoryBank, to path: String) throws {
        let names = (0..<data.count).map(data.name).joined(separator: "\n")
        let description: JSON = [
            "protocol": [
                "arch": .string(options.architecture.rawValue), "objective": .string(options.objective.rawValue),
                "layer": .string(PretrainedNetwork.embeddingLayer), "source": "memory bank", "l2_normalized": true,
                "image_size": .integer(options.recipe.imageSize), "data": .string(data.source),
            ],
            "classes": .array(data.classes.map { .string($0) }),
        ]
        var tensors: [(name: String, tensor: Tensor)] = [("features", bank.rows)]
        if !data.classes.isEmpty { tensors.append(("labels", Tensor((0..<data.count).map { data.label($0) ?? -1 }))) }
        tensors.append(("names", Tensor(Array(names.utf8))))
        try SafetensorsFile.write(tensors, metadata: ["features": description.line], to: path)
    }

    /// One picture of everything that was measured; the loss alone, too.
    private func drawCurves(_ folder: RunFolder) throws {
        let title = "\(options.objective.rawValue), \(options.architecture.rawValue)"
        try RunReport.drawCurve(folder, ["loss"], title: title)
        let panels: [(names: [String], title: String)] = [
            (["loss"], "loss"), (["positive_similarity", "negative_similarity"], "similarity"), (["z"], "Z"),
            (["knn_top1"], "kNN top-1"), (["lr"], "learning rate"), (["images_per_second"], "images/s"),
        ]
        let plots = try panels.compactMap { names, title in
            try RunReport.plot(folder, names, title: title, yLabel: title)?.render(
                size: ImageSize(width: 640, height: 400))
        }
        try Image.grid(plots, columns: min(3, plots.count)).write(to: folder.file("curves.png"))
    }
}
