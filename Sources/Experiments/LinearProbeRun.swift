public import Datasets
public import Distributed
public import Probes
public import Support
internal import Torch
internal import Training

/// Trains and tests linear classifiers into a run folder.
public struct LinearProbeRun {
    /// What is learnt from and measured on.
    public enum Source {
        /// Layers of a network, read anew with random crops in every epoch, or once into memory.
        case images(train: any ImageCollection, test: any ImageCollection, LayerReader, cache: Cache?)
        /// Feature files.
        case files(train: String, test: String)
    }

    /// Layers kept in memory.
    public struct Cache: Hashable, Sendable {
        /// Most memory they may take, in bytes.
        public var byteLimit: Double
        /// Images that are read at once.
        public var batch = 64

        public init(byteLimit: Double) { self.byteLimit = byteLimit }
    }

    public var options: LinearProbeOptions
    public var source: Source
    /// What identifies weights and data, for `config.json` and the results.
    public var inputs: [JSON.Member]
    /// The run folder.
    public var folder: String
    public var resume = false
    /// Steps between checkpoints; nil for one an epoch.
    public var checkpointEvery: Int?
    public var progress = ProgressBar.Style.automatic
    /// The processes that share the images.
    public var world = World.alone

    public init(_ options: LinearProbeOptions, source: Source, inputs: [JSON.Member], folder: String) {
        self.options = options
        self.source = source
        self.inputs = inputs
        self.folder = folder
    }

    /// Trains and tests, or throws `InterruptedError` with everything saved.
    public func callAsFunction() throws -> LinearProbeResult {
        Interruption.watch()
        let (train, test, reader, isCached) = try read()
        // What is in memory one process learns from alone.
        if isCached { try world.leaveToLeader() }
        let world = isCached ? .alone : world
        let probe = try LinearProbe(options, reader: reader, train: train, world: world)
        let session = try RunSession(
            folder, command: "probe linear", resume: resume, settings: settings(probe, isCached: isCached),
            mayDiffer: InputRecord.mayDiffer, world: world)
        var loopOptions = LoopOptions(
            title: "probe linear", logEvery: min(50, probe.stepsPerEpoch),
            checkpointEvery: checkpointEvery ?? probe.stepsPerEpoch, progress: progress)
        loopOptions.world = world
        let watch = Stopwatch()
        try TrainingLoop(probe, folder: session.folder, options: loopOptions).run()
        try world.leaveToLeader()
        let bar = ProgressBar("test", total: test.count, unit: "images", style: progress)
        let accuracies = try probe.evaluate(test) { done in
            try Interruption.check()
            bar.update(done)
        }
        bar.finish()
        let result = LinearProbeResult(
            layers: probe.layers, accuracies: accuracies, recipe: options.recipe, isCached: isCached,
            imageSize: options.imageSize, trainCount: train.count, testCount: test.count,
            classCount: train.classes.count, fitSeconds: watch.seconds)
        let heads = probe.parameters.entries.map { ($0.name, $0.tensor) }
        try SafetensorsFile.write(
            heads, metadata: ["classes": train.classes.joined(separator: "\n")], to: session.folder.weights)
        try session.drawCurve(probe.layers.map { "loss_\($0.name)" }, title: "linear classifiers")
        try session.write(.object((result.json.members ?? []) + inputs))
        return result
    }

    /// What papers say of linear classifiers on the same layers of the same network.
    public func published(beside result: LinearProbeResult) -> [PublishedTable] {
        PublishedTable.beside([.init(probe: .object((result.json.members ?? []) + inputs))].compactMap { $0 })
    }

    private func settings(_ probe: LinearProbe, isCached: Bool) -> [JSON.Member] {
        inputs + [
            .init("layers", .array(probe.layers.map { .string("\($0.name) (\($0.pooling.text))") })),
            .init("cached", .bool(isCached)), .init("image_size", .integer(options.imageSize)),
            .init("seed", .integer(Int(truncatingIfNeeded: options.seed))),
            .init("device", .string(options.device.description)), .init("threads", .integer(Runtime.threads)),
            .init("workers", .integer(options.workers)),
        ] + (world.size > 1 && !isCached ? [.init("processes", .integer(world.size))] : [])
            + (options.recipe.json.members ?? [])
    }

    // MARK: Data

    private func read() throws -> (
        train: LinearProbeData, test: LinearProbeData, reader: LayerReader?, isCached: Bool
    ) {
        switch source {
        case .files(let train, let test):
            func layers(_ path: String) throws -> LinearProbeData {
                .cached(try CachedLayers(FeatureTable(path: path), path: path))
            }
            return (try layers(train), try layers(test), nil, true)
        case .images(let train, let test, let reader, nil):
            return (.images(train), .images(test), reader, false)
        case .images(let train, let test, let reader, let cache?):
            try requireRoom(reader, count: train.count + test.count, in: cache)
            return (
                .cached(try layers(of: train, reader, cache, title: "features (train)")),
                .cached(try layers(of: test, reader, cache, title: "features (test)")), reader, true
            )
        }
    }

    private func requireRoom(_ reader: LayerReader, count: Int, in cache: Cache) throws {
        let needed = Double(CachedLayers.byteCount(reader.layers, count: count))
        guard needed <= cache.byteLimit else {
            throw InputError(
                "the cache of layers",
                "would take \(needed.byteText) of memory for \(count.counted("image")), its limit is \(cache.byteLimit.byteText)",
                remedy: "do without it, name fewer layers, or raise the limit")
        }
    }

    private func layers(of data: any ImageCollection, _ reader: LayerReader, _ cache: Cache, title: String) throws
        -> CachedLayers
    {
        let bar = ProgressBar(title, total: data.count, unit: "images", style: progress)
        defer { bar.finish() }
        return try CachedLayers(
            data, reader, imageSize: options.imageSize, batch: cache.batch, workers: options.workers,
            onBadImage: options.onBadImage, world: world
        ) { done in
            try Interruption.check()
            bar.update(done)
        }
    }
}
