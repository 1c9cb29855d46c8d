internal import Graphics
internal import Proposals
internal import Backbone
internal import Detection
internal import Imaging
internal import Pretrain
internal import Probes
public import Reporting
public import Support
internal import Synchronization
public import Torch
internal import Training
internal import VOCData

/// The whole story on a data set drawn for it: pretrain without labels and with them, probe, fine-tune a detector from
/// each, and compare with random weights, everything else being equal.
public struct DemoRun: Sendable {
    /// The folder to work in; an interrupted demo goes on there.
    public var folder: String
    public var seed: UInt64 = 0
    public var device = Device.cpu
    public var precision = Precision.fp32
    public var workers = 2
    public var decision = DemoDecision(.medium, reason: "by default")
    /// Receives the name of each step before it starts.
    public var announce: @Sendable (String) -> Void = { _ in }

    public init(folder: String) { self.folder = folder }

    /// What the demo came to.
    public struct Outcome: Sendable {
        public var comparison: Comparison
        public var decision: DemoDecision
        public var seconds: Double
        /// Pieces of work beside each other.
        public var lanes: Int
        /// What was done, so that the figures can be read and repeated.
        public var protocolText: String
        /// Files worth a look.
        public var pictures: [String]
        public var json: JSON

        /// The comparison, and how it was made.
        public var report: Report {
            var report = comparison.report()
            report.title = "Demonstration"
            report.sections.append(
                .init([
                    .paragraph(protocolText),
                    .paragraph(
                        "\(seconds.fixed(0)) s, \(lanes.counted("thread")) at work. Pictures: \(pictures.joined(separator: ", "))"
                    ),
                ]))
            return report
        }
    }

    /// What detectors start from.
    private enum Start: String, CaseIterable { case random, supervised, instance }

    /// Pieces of work beside each other.
    private var lanes: Int { device == .cpu ? min(2, Runtime.threads) : 1 }
    /// Of the second piece: two bars would write over each other.
    private var second: ProgressBar.Style { lanes > 1 ? .quiet : .automatic }

    private var settings: DemoSettings { decision.size.settings }

    private static let architecture = Architecture.resnet20x2
    private static let sceneShortSide = 120
    private static let neighbors = 20
    private static let temperature = 0.1
    private static let proposals = 100
    private static let pictures = 12
    /// Least score of a detection that is drawn.
    private static let pictureThreshold = 0.5

    /// Does what is missing, or throws `InterruptedError` with everything saved.
    public func callAsFunction() throws -> Outcome {
        let watch = Stopwatch()
        try Files.makeFolder(folder)
        try Files.writeAtomically(decision.json.pretty, to: decisionFile)
        announce("size \(decision.size.rawValue): \(decision.reason)")
        announce("drawing \(settings.objects) single objects and \(settings.scenes) scenes")
        let drawing = try SyntheticDevkit(
            images: settings.scenes, seed: seed, imageSize: ImageSize(width: 160, height: Self.sceneShortSide),
            trainFraction: 0.5, validationFraction: 0.3, objectLimit: 4, extents: 0.25...0.8, style: .plain)
        try drawing.writeClassification(
            to: "\(folder)/objects", imagesPerClass: settings.classificationImages,
            validationPerClass: settings.validationImages, side: 80, threads: workers)
        try drawing.write(to: "\(folder)/VOCdevkit", threads: workers)

        let train = try VOCSet(
            "\(folder)/VOCdevkit", set: "trainval", classes: drawing.classes, policy: .clip, threads: workers)
        let test = try VOCSet(
            "\(folder)/VOCdevkit", set: "test", limit: settings.testScenes, classes: drawing.classes, policy: .keep,
            threads: workers)
        announce("region proposals of \(train.ids.count) training and \(test.ids.count) test scenes")
        for set in [train, test] {
            var run = ProposalRun(set, to: proposals(set))
            run.source = .selectiveSearch(.fast, seed: seed)
            run.limit = Self.proposals
            run.workers = workers
            _ = try run()
        }
        announce("pretraining by instance discrimination, without labels")
        let beside = "on the labels of the same images, to compare; fine-tuning a Fast R-CNN from random weights"
        announce("\(lanes > 1 ? "beside it, training" : "then training") \(beside)")
        try Lanes.run(
            lanes,
            [
                { try pretrain(.instance, .automatic) },
                {
                    try pretrain(.supervised, second)
                    try finetune(.random, train, test, second)
                },
            ])
        announce("fine-tuning from the weights of both")
        try Lanes.run(
            lanes,
            [
                { try finetune(.instance, train, test, .automatic) },
                { try finetune(.supervised, train, test, second) },
            ])
        announce("kNN probes")
        let rows = try Start.allCases.map { start in
            var row = Comparison.Row(
                try RunRecord(run(start)), probes: [("kNN top-1", try knn(network(start)))])
            // Of the last start of the program alone; a demo that goes on would tell others.
            row.details = []
            return row
        }
        let comparison = Comparison(rows)
        try drawPictures(comparison, test)
        let seconds = watch.seconds
        let results = json(comparison, seconds: seconds)
        try Files.writeAtomically(results.pretty, to: "\(folder)/result.json")
        return Outcome(
            comparison: comparison, decision: decision, seconds: seconds, lanes: lanes,
            protocolText: protocolText(train, test),
            pictures: ["detections.png", "ap.png", "instance/loss.png", "voc-instance/loss.png"].map {
                "\(folder)/\($0)"
            }, json: results)
    }

    // MARK: Size

    private var decisionFile: String { "\(folder)/size.json" }

    /// The size asked for; that of a demo begun in the same folder; or what a short trial says.
    public func decide(_ choice: DemoChoice) throws -> DemoDecision {
        switch choice {
        case .given(let size): return DemoDecision(size, reason: "as chosen")
        case .within(let minutes):
            if Files.exists(decisionFile) {
                guard let size = try JSON.read(decisionFile)["size"]?.stringValue.flatMap(DemoSize.init(rawValue:))
                else {
                    throw InputError(decisionFile, "names no size", remedy: "choose another folder")
                }
                return DemoDecision(size, reason: "as the demo in \(folder) was begun")
            }
            let (pretraining, fineTuning) = (
                pretrainOptions(.instance), fineTuneOptions(classes: SyntheticDevkit.allClasses)
            )
            let trials = Mutex<[DemoTrial]>([])
            // As many at a time as there will be; the slower one counts.
            try Lanes.run(
                lanes,
                (0..<lanes).map { _ in
                    {
                        let trial = DemoTrial(pretraining, fineTuning)
                        trials.withLock { $0.append(trial) }
                    }
                })
            return DemoDecision(
                DemoTrial(slowestOf: trials.withLock { $0 }, lanes: lanes), batch: recipe.batch, minutes: minutes)
        }
    }

    // MARK: Stages

    private var recipe: PretrainRecipe { recipe(.instance) }

    private func recipe(_ method: MethodName) -> PretrainRecipe {
        var recipe = method.method.recipe(.imagenet)
        recipe.batch = 32
        // At this size objects are as large as in the scenes.
        recipe.imageSize = 48
        // With so few images the sum over all of them costs nothing and needs no noise samples.
        if method == .instance {
            recipe.instance.loss = .softmax
            recipe.instance.temperature = 0.1
        }
        recipe.optimization.learningRate = 0.01
        recipe.optimization.schedule = .cosine
        recipe.optimization.weightDecay = 5e-4
        recipe.augmentation.cropScale = 0.3
        // Colour says nothing about these classes.
        recipe.augmentation.color?.grayscale = 0.5
        return recipe
    }

    private var network: NetworkConfig { NetworkConfig(Self.architecture, stem: recipe.stem) }

    private func source(_ start: Start) -> WeightSource {
        start == .random
            ? .random(Self.architecture, stem: recipe.stem) : .file("\(folder)/\(start.rawValue)/weights.safetensors")
    }

    private func network(_ start: Start) throws -> PretrainedNetwork {
        try source(start).network(imageSize: recipe.imageSize, seed: seed, device: device)
    }

    private func pretrainOptions(_ method: MethodName) -> PretrainOptions {
        var recipe = recipe(method)
        recipe.epochs = method == .supervised ? settings.supervisedEpochs : settings.instanceEpochs
        var options = PretrainOptions(architecture: Self.architecture, method: method, recipe: recipe)
        options.seed = seed
        options.workers = workers
        options.device = device
        options.precision = precision
        return options
    }

    private func pretrain(_ method: MethodName, _ progress: ProgressBar.Style) throws {
        var run = PretrainRun(
            pretrainOptions(method), data: try DataSource.open("\(folder)/objects/train"),
            folder: "\(folder)/\(method.rawValue)")
        run.resume = true
        run.recipeName = "demo"
        run.progress = progress
        _ = try run()
    }

    private func knn(_ network: PretrainedNetwork) throws -> Double {
        var extractor = try FeatureExtractor(network, layer: "avgpool")
        extractor.workers = workers
        var run = KNNRun(
            .images(
                train: try DataSource.open("\(folder)/objects/train"),
                test: try DataSource.open("\(folder)/objects/val"), extractor),
            probe: KNNProbe(neighborCounts: [Self.neighbors], temperature: Self.temperature))
        run.threads = Runtime.threads
        run.progress = .quiet
        return try run().result.accuracies[0].top1
    }

    private func proposals(_ set: VOCSet) -> String { "\(folder)/\(set.name).proposals" }

    private func fineTuneOptions(classes: [String]) -> FineTuneOptions {
        var detector = DetectorConfig(network: network, normalization: recipe.normalization, classes: classes)
        detector.shortSide = Self.sceneShortSide
        detector.longSide = 2 * Self.sceneShortSide
        detector.proposals = Self.proposals
        detector.regionSize = 6
        var options = FineTuneOptions(detector: detector)
        options.iterations = settings.iterations
        options.schedule = .cosine
        options.warmUpSteps = settings.iterations / 10
        options.learningRate = 0.01
        options.gradientClip = 10
        options.sampler.regionsPerImage = 64
        // The same for all: random weights have no statistics that could be kept.
        options.trainAll()
        options.seed = seed
        options.workers = workers
        options.device = device
        options.precision = precision
        return options
    }

    /// The run folder of a detector.
    private func run(_ start: Start) -> String { "\(folder)/voc-\(start.rawValue)" }

    private func finetune(_ start: Start, _ train: VOCSet, _ test: VOCSet, _ progress: ProgressBar.Style) throws {
        var run = FineTuneRun(
            fineTuneOptions(classes: train.classes), from: try source(start).open(), train: train, test: test,
            folder: run(start))
        run.resume = true
        run.progress = progress
        run.trainProposals = proposals(train)
        run.testProposals = proposals(test)
        run.checkpointEvery = max(1, settings.iterations / 2)
        run.output.pictures = Self.pictures
        run.output.pictureScore = Self.pictureThreshold
        run.output.showsObjects = true
        _ = try run()
    }

    // MARK: Report

    /// Each scene twice: as the detector from random weights sees it, and the one from instance discrimination.
    private func drawPictures(_ comparison: Comparison, _ test: VOCSet) throws {
        let starts = ["random", "instance"]
        let pictures = try test.ids.prefix(Self.pictures).map { id in
            let pair = try starts.map { start in
                ImageSheet.Tile(try Image.read("\(folder)/voc-\(start)/detections/\(id).png"), caption: start)
            }
            return ImageSheet.Tile(ImageSheet(pair, columns: 2, gap: 2).drawing.image())
        }
        try ImageSheet(pictures, columns: 3, gap: 8).drawing.write(to: "\(folder)/detections.png")
        try comparison.report().picture?.write(to: "\(folder)/ap.png")
    }

    /// What was done, so that the figures can be read and repeated.
    private func protocolText(_ train: VOCSet, _ test: VOCSet) -> String {
        let options = fineTuneOptions(classes: train.classes)
        return """
            \(Self.architecture.rawValue), \(precision.rawValue), size \(decision.size.rawValue), seed \(seed). Pretraining: \(recipe.imageSize)-pixel crops of \(DemoSettings.classes * settings.classificationImages) single objects, \(settings.instanceEpochs) epochs without labels, \(settings.supervisedEpochs) with them.
            kNN: pooled features, K = \(Self.neighbors), τ = \(Self.temperature), these images vote, \(DemoSettings.classes * settings.validationImages) others are classified.
            mAP: Fast R-CNN, \(options.iterations) steps of \(options.imagesPerStep) × \(options.sampler.regionsPerImage) regions on \(train.ids.count) scenes, VOC 2007 11-point AP at IoU > .5 on \(test.ids.count) others. All three alike: every layer and all
            batch norm trained, learning rate \(options.learningRate) along a cosine (finetune --train-all --schedule cosine).
            A demonstration on drawn pictures: small, short, and one seed.
            """
    }

    private func json(_ comparison: Comparison, seconds: Double) -> JSON {
        [
            "seconds": .number(seconds), "lanes": .integer(lanes),
            "precision": .string(precision.rawValue), "seed": .integer(Int(truncatingIfNeeded: seed)),
            "size": decision.json,
            "knn": ["k": .integer(Self.neighbors), "temperature": .number(Self.temperature), "layer": "avgpool"],
            "rows": comparison.json, "differences": comparison.differencesJSON,
        ]
    }
}
