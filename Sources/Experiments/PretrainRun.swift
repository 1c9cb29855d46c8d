internal import Graphics
public import Backbone
public import Datasets
public import Distributed
internal import Foundation
internal import Imaging
public import Pretrain
internal import Probes
public import Reporting
public import Support
internal import Torch
internal import Training

/// Trains a backbone into a run folder: weights, memory bank, curves and results.
public struct PretrainRun {
    public var options: PretrainOptions
    public var data: any ImageCollection
    /// The run folder.
    public var folder: String
    public var resume = false
    /// Captures one step and replays it.
    public var capturesSteps = false
    /// Steps between checkpoints; nil for one an epoch.
    public var checkpointEvery: Int?
    /// Where the settings came from, for the record.
    public var recipeName = ""
    /// Epochs between kNN probes; 0 for none.
    public var knnEvery = 0
    public var knnTest: (any ImageCollection)?
    /// What votes; nil for the memory bank where the method has one, else images.
    public var knnNeighbors: PretrainMonitor.Neighbors?
    /// Epochs between two pictures of what the network is given and answers; 0 for one at the end.
    public var samplesEvery = 0
    /// Weights that the network begins with in place of random ones; what they fitted is reported.
    public var initial: String?
    /// Told what became of the initial weights, and of embeddings that collapse.
    public var announce: (String) -> Void = { _ in }
    public var progress = ProgressBar.Style.automatic
    /// The processes that train together.
    public var world = World.alone

    public init(_ options: PretrainOptions, data: any ImageCollection, folder: String) {
        self.options = options
        self.data = data
        self.folder = folder
    }

    /// What a training came to.
    public struct Outcome: Sendable {
        /// The weight file.
        public var weights: String
        public var method: MethodName
        public var architecture: Architecture
        public var epochs: Int
        public var steps: Int
        public var images: Int
        /// Of all processes, since the run was begun or resumed.
        public var imagesPerSecond: Double
        public var seconds: Double
        /// The mean over the last steps; nil when none was logged.
        public var loss: Double?
        /// Accuracy in [0, 1] and how it was measured.
        public var knn: (top1: Double, protocolText: String)?

        /// What was measured on the way, over the steps.
        public var curves: [Figure]

        public var report: Report {
            let table = Table(
                [
                    .number("images"), .number("epochs"), .number("images/s", decimals: 1),
                    .number("final loss", decimals: 4), .percent("kNN top-1 %", decimals: 1),
                ],
                [
                    [
                        .integer(images), .integer(epochs), .number(imagesPerSecond), .number(loss),
                        .number(knn?.top1),
                    ]
                ], notes: (knn.map { [$0.protocolText] } ?? []) + ["weights: \(weights)"])
            return Report(
                "Pretraining of \(architecture.rawValue), \(method.rawValue)", [.table(table), .figures(curves)])
        }

        public var json: JSON {
            .object(
                [
                    .init("objective", .string(method.rawValue)), .init("arch", .string(architecture.rawValue)),
                    .init("epochs", .integer(epochs)), .init("steps", .integer(steps)),
                    .init("images", .integer(images)), .init("images_per_second", .number(imagesPerSecond)),
                    .init("seconds", .number(seconds)), .init("loss", JSON(loss)),
                    .init("weights", .string(weights)),
                ]
                    + (knn.map {
                        [.init("knn", ["top1": .number($0.top1), "protocol": .string($0.protocolText)])]
                    } ?? []))
        }
    }

    /// Trains to the end, or throws `InterruptedError` with everything saved.
    public func callAsFunction() throws -> Outcome {
        let fingerprint = try data.fingerprint
        let training = try Pretraining(options, data: data, world: world)
        // The loop gives the others what the leader begins with.
        if let initial, world.isLeader, !(resume && Files.exists("\(folder)/config.json")) {
            try begin(training, with: initial)
        }
        let monitor =
            knnEvery > 0
            ? try PretrainMonitor(
                training, data: data, test: knnTest, neighbors: knnNeighbors, workers: options.workers) : nil
        if world.isLeader, resume {
            try RunSession.checkProcesses(RunSession.processes(in: folder), world, training.dependsOnProcesses, folder)
        }
        let session = try RunSession(
            folder, command: "pretrain", resume: resume, settings: settings(fingerprint, training),
            mayDiffer: PretrainOptions.mayDiffer.union(["data.path", "processes"]), world: world)
        if world.size > 1 {
            let part = options.recipe.batch / world.size
            announce(
                "\(world.size) processes: each has \(part.counted("image")) of a step's \(options.recipe.batch), and "
                    + Runtime.threads.counted("thread"))
        }
        let loop = TrainingLoop(
            training, folder: session.folder, options: loopOptions(monitor, training, session))
        Interruption.watch()
        let trained = try loop.run()
        try training.remeasureStatistics()
        let curves = world.isLeader ? try write(training, session, fingerprint) : []
        let outcome = Outcome(
            weights: session.folder.weights, method: options.method, architecture: options.architecture,
            epochs: options.recipe.epochs, steps: trained.steps, images: data.count,
            imagesPerSecond: trained.imagesPerSecond, seconds: trained.seconds, loss: trained.lastValues["loss"],
            knn: monitor.flatMap { monitor in trained.lastValues["knn_top1"].map { ($0, monitor.protocolText) } },
            curves: curves)
        if world.isLeader { try session.write(outcome.json) }
        try world.barrier()
        return outcome
    }

    /// What a training leaves, but its results.
    private func write(_ training: Pretraining, _ session: RunSession, _ fingerprint: String) throws -> [Figure] {
        // Without images of its own at the end of a run that was complete, or that draws none on the way.
        try writeSamples(training, session)
        try WeightFile.write(
            training.exported, training.description(details: details(fingerprint)), to: session.folder.weights)
        if case .bank(let view) = training.method.probe { try write(view.bank, to: session.file("bank.safetensors")) }
        return try drawCurves(session)
    }

    private func begin(_ training: Pretraining, with path: String) throws {
        let opened = try WeightFile.open(path)
        let description = opened.description
        if let note = opened.note { announce(note) }
        guard description.config.architecture == options.architecture, description.config.stem == options.recipe.stem
        else {
            throw InputError(
                path, "holds \(description.config), but \(options.network(classes: nil)) is trained",
                remedy: "use weights of the same network and stem")
        }
        let (own, taken) = (options.recipe.normalization.space, description.normalization.space)
        guard own == taken else {
            throw InputError(
                path, "takes \(taken.rawValue), but \(options.method.rawValue) learns from \(own.rawValue)",
                remedy: "use weights that were trained on the same colours")
        }
        let report = try training.load(opened.file.tensors(), from: path)
        announce(
            "begun with \(path): \(report.loaded.count.counted("tensor")) loaded, \(report.missing.count) stay random"
                + (report.unexpected.isEmpty ? "" : ", \(report.unexpected.count) left out"))
    }

    private func settings(_ fingerprint: String, _ training: Pretraining) -> [JSON.Member] {
        let neighbors = knnNeighbors ?? .usual(training.method)
        return [
            .init("recipe", .string(recipeName)),
            .init(
                "data",
                ["path": .string(data.source), "images": .integer(data.count), "fingerprint": .string(fingerprint)]),
            .init(
                "knn",
                [
                    "every_epochs": .integer(knnEvery), "test": knnTest.map { .string($0.source) } ?? .null,
                    "neighbors": .string(neighbors.rawValue),
                ]),
        ] + (world.size > 1 ? [.init("processes", .integer(world.size))] : [])
            + (initial.map { [.init("init", .string($0))] } ?? []) + (capturesSteps ? [.init("cuda_graph", true)] : [])
            + (options.json.members ?? [])
    }

    /// Spread of embeddings below which a method is taken to have collapsed, when it stays there for so many log lines: a fresh
    /// network says nearly the same of all images, too.
    private static let collapsedSpread = 0.3
    private static let collapsedLines = 5

    private func loopOptions(
        _ monitor: PretrainMonitor?, _ training: Pretraining, _ session: RunSession
    ) -> LoopOptions {
        var options = loopOptions(steps: training.stepsPerEpoch, monitor)
        options.world = world
        if samplesEvery > 0 {
            options.visit = .init(every: samplesEvery * training.stepsPerEpoch) {
                try writeSamples(training, session)
            }
        }
        var lines = 0
        options.onLog = { [announce] values in
            guard let spread = values["embedding_spread"] else { return }
            lines = spread < Self.collapsedSpread ? lines + 1 : 0
            if lines == Self.collapsedLines {
                announce(
                    "warning: the embeddings of all images are alike (spread \(spread.fixed(2)) of 1): features have collapsed "
                        + "unless it rises again; use larger batches or another learning rate")
            }
        }
        return options
    }

    private func loopOptions(steps: Int, _ monitor: PretrainMonitor?) -> LoopOptions {
        LoopOptions(
            title: "pretrain", gradientClip: options.recipe.optimization.gradientClip, logEvery: min(50, steps),
            checkpointEvery: checkpointEvery ?? steps, progress: progress,
            shown: [
                ("loss", "loss"), ("discriminator_loss", "D"), ("positive_similarity", "pos"),
                ("negative_similarity", "neg"), ("z", "Z"),
                ("task_accuracy", "acc"), ("knn_top1", "kNN"), ("lr", "lr"), ("images_per_second", "img/s"),
            ],
            evaluation: monitor.map { monitor in
                .init(every: knnEvery * steps) { [("knn_top1", try monitor.measure())] }
            }, capturesSteps: capturesSteps)
    }

    /// Images in the picture of what the network is given.
    private static let sampleCount = 8

    /// What the network is given and what it answers, for the same few images each time.
    private func writeSamples(_ training: Pretraining, _ session: RunSession) throws {
        let rows = try training.samples(of: Self.sampleCount)
        if !rows.isEmpty { try SampleSheet.draw(rows).write(to: session.file("samples.png")) }
    }

    /// What the weight file says about the run.
    private func details(_ fingerprint: String) -> JSON {
        [
            "data": .string(data.source.fileName), "images": .integer(data.count),
            "data_fingerprint": .string(fingerprint), "epochs": .integer(options.recipe.epochs),
            "recipe": .string(recipeName), "version": .string(Toolkit.version),
            "seed": .integer(Int(truncatingIfNeeded: options.seed)),
        ]
    }

    /// The memory bank as a feature file, so that probes and retrieval can use it without the images.
    private func write(_ bank: MemoryBank, to path: String) throws {
        let images = 0..<data.count
        try FeatureLayout.write(
            bank.rows, labels: data.classes.isEmpty ? nil : images.map { data.label($0) ?? -1 },
            names: images.map(data.name), classes: data.classes,
            protocolJSON: [
                "arch": .string(options.architecture.rawValue), "objective": .string(options.method.rawValue),
                "layer": .string(PretrainedNetwork.embeddingLayer), "source": "memory bank", "l2_normalized": true,
                "image_size": .integer(options.recipe.imageSize), "data": .string(data.source),
            ], to: path)
    }

    /// One picture of everything that was measured; the loss alone, too.
    private func drawCurves(_ session: RunSession) throws -> [Figure] {
        let title = "\(options.method.rawValue), \(options.architecture.rawValue)"
        try session.drawCurve(["loss"], title: title)
        let panels: [(names: [String], title: String)] = [
            (["loss", "discriminator_loss"], "loss"), (["real_score", "generated_score"], "D on pairs"),
            (["positive_similarity", "negative_similarity"], "similarity"),
            (["z", "z_l", "z_ab"], "Z"), (["plain_loss", "color_loss", "lightness_loss"], "parts of the loss"),
            (["embedding_spread"], "spread of embeddings"), (["task_accuracy"], "accuracy of the task"),
            (["knn_top1"], "kNN top-1"), (["lr"], "learning rate"), (["images_per_second"], "images/s"),
        ]
        let curves = try panels.compactMap { names, title in
            try session.plot(names, title: title, yLabel: title).map {
                Figure.line($0, size: ImageSize(width: 640, height: 400))
            }
        }
        try Drawing.grid(curves.map(\.drawing), columns: min(3, curves.count)).write(to: session.file("curves.png"))
        return curves
    }
}
