internal import Backbone
internal import Detection
internal import Imaging
internal import Pretrain
internal import Probes
internal import Support
internal import Synchronization
internal import Torch
internal import Training
internal import VOCData

/// The whole story on a data set drawn for it: pretrain without labels and with them, probe, fine-tune a detector from
/// each, and compare with random weights, everything else being equal.
struct DemoWorkflow {
    var out: String
    var seed: UInt64 = 0
    var device = Device.cpu
    var precision = Precision.fp32
    var workers = 2
    var decision = DemoDecision(.medium, reason: "by default")

    /// What detectors start from.
    private enum Start: String, CaseIterable { case random, supervised, instance }

    /// Pieces of work beside each other.
    private var lanes: Int { device == .cpu ? min(2, Runtime.threads) : 1 }
    /// Of the second piece: two bars would write over each other.
    private var second: ProgressBar.Style { lanes > 1 ? .quiet : .automatic }

    private let began = ContinuousClock().now
    private var settings: DemoSettings { decision.size.settings }

    private static let architecture = Architecture.resnet20x2
    private static let sceneShortSide = 120
    private static let neighbors = 20
    private static let temperature = 0.1
    private static let proposals = 100
    private static let pictures = 12
    /// Least score of a detection that is drawn.
    private static let pictureThreshold = 0.5

    func callAsFunction() throws -> JSON {
        try Files.makeFolder(out)
        try Files.writeAtomically(decision.json.pretty, to: decisionFile)
        step("size \(decision.size.rawValue): \(decision.reason)")
        step("drawing \(settings.objects) single objects and \(settings.scenes) scenes")
        let drawing = try SyntheticDevkit(
            images: settings.scenes, seed: seed, imageSize: ImageSize(width: 160, height: Self.sceneShortSide),
            trainFraction: 0.5, validationFraction: 0.3, objectLimit: 4, extents: 0.25...0.8, style: .plain)
        try drawing.writeClassification(
            to: "\(out)/objects", imagesPerClass: settings.classificationImages,
            validationPerClass: settings.validationImages, side: 80, threads: workers)
        try drawing.write(to: "\(out)/VOCdevkit", threads: workers)

        let train = try VOCSet(
            "\(out)/VOCdevkit", set: "trainval", classes: drawing.classes, policy: .clip, threads: workers)
        let test = try VOCSet(
            "\(out)/VOCdevkit", set: "test", limit: settings.testScenes, classes: drawing.classes, policy: .keep,
            threads: workers)
        step("region proposals of \(train.ids.count) training and \(test.ids.count) test scenes")
        for set in [train, test] {
            _ = try ProposalWorkflow(
                set: set, out: proposals(set), source: .selectiveSearch(.fast, seed: seed), limit: Self.proposals,
                workers: workers)()
        }
        step("pretraining by instance discrimination, without labels")
        let beside = "on the labels of the same images, to compare; fine-tuning a Fast R-CNN from random weights"
        step("\(lanes > 1 ? "beside it, training" : "then training") \(beside)")
        let evaluations = Mutex<[String: EvaluationResult]>([:])
        @Sendable func detector(_ start: Start, _ progress: ProgressBar.Style) throws {
            let evaluation = try finetune(start, train, test, progress)
            evaluations.withLock { $0[start.rawValue] = evaluation }
        }
        try Lanes.run(
            lanes,
            [
                { try pretrain(.instance, .automatic) },
                {
                    try pretrain(.supervised, second)
                    try detector(.random, second)
                },
            ])
        step("fine-tuning from the weights of both")
        try Lanes.run(lanes, [{ try detector(.instance, .automatic) }, { try detector(.supervised, second) }])
        step("kNN probes")
        let rows = try Start.allCases.map { start in
            let network = try weights(start).map { try PretrainedNetwork(path: $0, device: device) } ?? randomNetwork
            guard let evaluation = evaluations.withLock({ $0[start.rawValue] }) else {
                preconditionFailure("no detector from \(start.rawValue) weights")
            }
            return Comparison.Row(start: start.rawValue, evaluation, probes: [("kNN top-1", try knn(network))])
        }
        let comparison = Comparison(rows)
        try drawPictures(comparison, test)
        let seconds = (ContinuousClock().now - began) / .seconds(1)
        print("\n\(comparison.table)\n")
        print(protocolText(train, test))
        print(
            "\(seconds.fixed(0)) s, \(lanes) threads at work. Pictures: \(out)/detections.png, \(out)/ap.png, \(out)/instance/loss.png, \(out)/voc-instance/loss.png"
        )
        let results = json(comparison, seconds: seconds)
        try Files.writeAtomically(results.pretty, to: "\(out)/result.json")
        return results
    }

    @Sendable private func step(_ text: String) {
        print("· \(text)")
        Program.flush()
    }

    // MARK: Size

    private var decisionFile: String { "\(out)/size.json" }

    /// The size asked for; that of a demo begun in the same folder; or what a short trial says.
    func decide(_ choice: DemoChoice) throws -> DemoDecision {
        switch choice {
        case .given(let size): return DemoDecision(size, reason: "as --size says")
        case .within(let minutes):
            if Files.exists(decisionFile) {
                guard let size = try JSON.read(decisionFile)["size"]?.stringValue.flatMap(DemoSize.init(rawValue:))
                else {
                    throw InputError(decisionFile, "names no size", remedy: "choose another --out")
                }
                return DemoDecision(size, reason: "as the demo in \(out) was begun")
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

    private var recipe: Recipe {
        var recipe = Recipe.imagenet
        recipe.batch = 32
        // At this size objects are as large as in the scenes.
        recipe.imageSize = 48
        // With so few images the sum over all of them costs nothing and needs no noise samples.
        recipe.loss = .softmax
        recipe.temperature = 0.1
        recipe.learningRate = 0.01
        recipe.schedule = .cosine
        recipe.weightDecay = 5e-4
        recipe.cropScale = 0.3
        // Colour says nothing about these classes.
        recipe.grayscale = 0.5
        return recipe
    }

    private var network: NetworkConfig { NetworkConfig(Self.architecture, stem: recipe.stem) }

    private var randomNetwork: PretrainedNetwork {
        PretrainedNetwork(
            random: network, normalization: recipe.normalization, imageSize: recipe.imageSize, seed: seed,
            device: device)
    }

    private func pretrainOptions(_ objective: Objective) -> PretrainOptions {
        var recipe = recipe
        recipe.epochs = objective == .supervised ? settings.supervisedEpochs : settings.instanceEpochs
        var options = PretrainOptions(architecture: Self.architecture, objective: objective, recipe: recipe)
        options.seed = seed
        options.workers = workers
        options.device = device
        options.precision = precision
        return options
    }

    private func pretrain(_ objective: Objective, _ progress: ProgressBar.Style) throws {
        let data = try DataSource.open("\(out)/objects/train")
        var workflow = PretrainWorkflow(
            options: pretrainOptions(objective), data: data, run: "\(out)/\(objective.rawValue)", resume: true,
            recipeName: "demo")
        workflow.progress = progress
        _ = try workflow()
    }

    private func knn(_ network: PretrainedNetwork) throws -> Double {
        func features(_ split: String) throws -> LabeledFeatures {
            var extractor = try FeatureExtractor(network, layer: "avgpool")
            extractor.workers = workers
            let table = try extractor.extract(DataSource.open("\(out)/objects/\(split)"))
            return try LabeledFeatures(
                features: table.features, dimension: table.dimension, labels: table.labels, source: split)
        }
        let probe = KNNProbe(neighborCounts: [Self.neighbors], temperature: Self.temperature)
        return try probe.evaluate(train: features("train"), test: features("val"), threads: Runtime.threads).accuracies[
            0
        ].top1
    }

    private func proposals(_ set: VOCSet) -> String { "\(out)/\(set.name).proposals" }

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
        options.batchNorm = .train
        options.frozenStages = 0
        options.seed = seed
        options.workers = workers
        options.device = device
        options.precision = precision
        return options
    }

    /// nil for random ones.
    private func weights(_ start: Start) -> String? {
        start == .random ? nil : "\(out)/\(start.rawValue)/weights.safetensors"
    }

    private func finetune(_ start: Start, _ train: VOCSet, _ test: VOCSet, _ progress: ProgressBar.Style) throws
        -> EvaluationResult
    {
        let options = fineTuneOptions(classes: train.classes)
        var workflow = FineTuneWorkflow(
            options: options, train: train, test: test, run: "\(out)/voc-\(start.rawValue)", resume: true)
        if let weights = weights(start) {
            workflow.weights = (weights, try SafetensorsFile(path: weights), start.rawValue)
        }
        workflow.progress = progress
        workflow.trainProposals = proposals(train)
        workflow.testProposals = proposals(test)
        workflow.checkpointEvery = max(1, settings.iterations / 2)
        workflow.pictures = Self.pictures
        workflow.pictureThreshold = Self.pictureThreshold
        workflow.picturesShowObjects = true
        guard let evaluation = try workflow().evaluation else { preconditionFailure("a test set was given") }
        return evaluation
    }

    // MARK: Report

    /// Each scene twice: as the detector from random weights sees it, and the one from instance discrimination.
    private func drawPictures(_ comparison: Comparison, _ test: VOCSet) throws {
        let starts = ["random", "instance"]
        let pictures = try test.ids.prefix(Self.pictures).map { id in
            let pair = try starts.map { start in
                try Image.read("\(out)/voc-\(start)/detections/\(id).png").titled(start)
            }
            return Image.grid(pair, columns: 2, gap: 2)
        }
        try Image.grid(pictures, columns: 3, gap: 8).write(to: "\(out)/detections.png")
        try comparison.picture.write(to: "\(out)/ap.png")
    }

    /// What was done, so that the figures can be read and repeated.
    private func protocolText(_ train: VOCSet, _ test: VOCSet) -> String {
        let options = fineTuneOptions(classes: train.classes)
        return """
            \(Self.architecture.rawValue), \(precision.rawValue), size \(decision.size.rawValue), seed \(seed). Pretraining: \(recipe.imageSize)-pixel crops of \(DemoSettings.classes * settings.classificationImages) single objects, \(settings.instanceEpochs) epochs without labels, \(settings.supervisedEpochs) with them.
            kNN: pooled features, K = \(Self.neighbors), τ = \(Self.temperature), these images vote, \(DemoSettings.classes * settings.validationImages) others are classified.
            mAP: Fast R-CNN, \(options.iterations) steps of \(options.imagesPerStep) × \(options.sampler.regionsPerImage) regions on \(train.ids.count) scenes, VOC 2007 11-point AP at IoU > .5 on \(test.ids.count) others. All three alike: every layer and all
            batch norm trained, learning rate \(options.learningRate) along a cosine (finetune --freeze-stages 0 --batch-norm train --schedule cosine).
            A demonstration on drawn pictures: small, short, and one seed.
            """
    }

    private func json(_ comparison: Comparison, seconds: Double) -> JSON {
        [
            "seconds": .number(seconds), "lanes": .integer(lanes),
            "precision": .string(precision.rawValue), "seed": .integer(Int(truncatingIfNeeded: seed)),
            "size": decision.json,
            "knn": ["k": .integer(Self.neighbors), "temperature": .number(Self.temperature), "layer": "avgpool"],
            "rows": comparison.json,
        ]
    }
}

extension Image {
    /// With a line of text above it.
    fileprivate func titled(_ text: String) -> Image {
        let scale = 2
        let height = Image.textSize(text, scale: scale).height + 4 * scale
        var picture = Image(size: ImageSize(width: width, height: self.height + height), color: .white)
        picture.paste(self, x: 0, y: height)
        picture.drawText(text, x: scale, y: scale, color: .black, scale: scale)
        return picture
    }
}
