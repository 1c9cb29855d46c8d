internal import Backbone
internal import Datasets
internal import Foundation
internal import Probes
internal import Support
internal import Torch
internal import Training

/// Trains and tests linear classifiers into a run folder.
struct LinearProbeWorkflow {
    var options: LinearProbeOptions
    /// Nil for features files.
    var reader: LayerReader?
    var train: LinearProbeData
    var test: LinearProbeData
    /// What identifies weights and data, for `config.json`.
    var inputs: [JSON.Member]
    var isCached: Bool
    var run: String
    var resume = false
    /// Steps between checkpoints; nil for one an epoch.
    var checkpointEvery: Int?
    var progress = ProgressBar.Style.automatic

    func callAsFunction() throws -> LinearProbeResult {
        let probe = try LinearProbe(options, reader: reader, train: train)
        let config: JSON = .object(
            [
                .init("command", "probe linear"), .init("version", .string(Program.version)),
                .init("libtorch", .string(Runtime.version)),
            ] + inputs + [
                .init("layers", .array(probe.layers.map { .string("\($0.name) (\($0.pooling.text))") })),
                .init("cached", .bool(isCached)), .init("image_size", .integer(options.imageSize)),
                .init("seed", .integer(Int(truncatingIfNeeded: options.seed))),
                .init("device", .string(options.device.description)), .init("threads", .integer(Runtime.threads)),
                .init("workers", .integer(options.workers)),
            ] + (options.recipe.json.members ?? []))
        let folder = try RunFolder(
            run, resume: resume, config: config, mayDiffer: ["workers", "train.path", "test.path", "weights.path"])
        let loop = TrainingLoop(
            probe, folder: folder,
            options: LoopOptions(
                title: "probe linear", logEvery: min(50, probe.stepsPerEpoch),
                checkpointEvery: checkpointEvery ?? probe.stepsPerEpoch, progress: progress))
        Interruption.watch()
        let clock = ContinuousClock()
        let start = clock.now
        try loop.run()
        let bar = ProgressBar("test", total: test.count, unit: "images", style: progress)
        let accuracies = try probe.evaluate(test) { done in
            try Interruption.check()
            bar.update(done)
        }
        bar.finish()
        let result = LinearProbeResult(
            layers: probe.layers, accuracies: accuracies, recipe: options.recipe, isCached: isCached,
            imageSize: options.imageSize, trainCount: train.count, testCount: test.count,
            fitSeconds: (clock.now - start) / .seconds(1))
        let heads = probe.parameters.entries.map { ($0.name, $0.tensor) }
        try SafetensorsFile.write(
            heads, metadata: ["classes": train.classes.joined(separator: "\n")], to: folder.weights)
        try RunReport.drawCurve(folder, probe.layers.map { "loss_\($0.name)" }, title: "linear classifiers")
        try RunReport.write(.object((result.json.members ?? []) + inputs), to: folder)
        return result
    }
}

/// What a run was given, so that a resumed one can tell whether it is the same.
enum InputRecord {
    static func data(_ name: String, _ data: any ImageCollection) throws -> JSON.Member {
        .init(
            name,
            [
                "path": .string(data.source), "images": .integer(data.count),
                "fingerprint": .string(try data.fingerprint),
            ])
    }

    static func weights(_ path: String, _ network: PretrainedNetwork) throws -> JSON.Member {
        let description = network.description
        return .init(
            "weights",
            [
                "path": .string(path), "arch": .string(description.config.architecture.rawValue),
                "objective": .string(description.objective),
                "sha256": path == "random" ? .null : .string(SHA256.hex(try Files.read(path))),
            ])
    }

    static func features(_ name: String, _ path: String, _ table: FeatureTable) throws -> JSON.Member {
        .init(
            name,
            [
                "path": .string(path), "images": .integer(table.count),
                "sha256": .string(SHA256.hex(try Files.read(path))),
                "protocol": table.protocolJSON,
            ])
    }
}
