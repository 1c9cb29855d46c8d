internal import Backbone
internal import Detection
internal import Imaging
internal import Pretrain
internal import Probes
internal import Support
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
    var sizes = Sizes()

    /// How much of everything; the defaults end within minutes on two cores.
    struct Sizes {
        var classificationImages = 150
        var validationImages = 30
        var devkitImages = 560
        var imageSize = 32
        var pretrainEpochs = 40
        var supervisedEpochs = 20
        var iterations = 260
        var sceneShortSide = 224
        var regions = 32
        var proposals = 200
        var testImages = 80
    }

    private static let neighbors = 20
    private static let temperature = 0.1

    func callAsFunction() throws -> JSON {
        try Files.makeFolder(out)
        let clock = ContinuousClock()
        let began = clock.now
        step(
            "drawing \(10 * (sizes.classificationImages + sizes.validationImages)) single objects and \(sizes.devkitImages) scenes"
        )
        let drawing = try SyntheticDevkit(
            images: sizes.devkitImages, seed: seed, trainFraction: 0.5, validationFraction: 0.3, style: .studio)
        // Single objects on black, as a catalogue shows them: quickly learnt from.
        let catalogue = try SyntheticDevkit(images: 1, seed: seed, style: .plain)
        try catalogue.writeClassification(
            to: "\(out)/objects", imagesPerClass: sizes.classificationImages,
            validationPerClass: sizes.validationImages,
            side: 80, threads: workers)
        try drawing.write(to: "\(out)/VOCdevkit", threads: workers)

        step("pretraining by instance discrimination, without labels")
        let instance = try pretrain(.instance)
        step("training on the labels of the same images, to compare")
        let supervised = try pretrain(.supervised)

        let train = try VOCSet(
            "\(out)/VOCdevkit", set: "trainval", classes: drawing.classes, policy: .clip, threads: workers)
        let test = try VOCSet(
            "\(out)/VOCdevkit", set: "test", limit: sizes.testImages, classes: drawing.classes, policy: .keep,
            threads: workers)
        step("region proposals of \(train.ids.count) training and \(test.ids.count) test scenes")
        for set in [train, test] {
            _ = try ProposalWorkflow(
                set: set, out: proposals(set), source: .selectiveSearch(.fast, seed: seed), limit: sizes.proposals,
                workers: workers)()
        }
        var rows: [Comparison.Row] = []
        for (start, weights) in [("random", nil), ("supervised", supervised), ("instance", instance)]
            as [(String, String?)]
        {
            step("\(start) weights: kNN probe, then fine-tuning a Fast R-CNN")
            let network = try weights.map { try PretrainedNetwork(path: $0, device: device) } ?? randomNetwork
            let probes = [("kNN top-1", try knn(network))]
            rows.append(Comparison.Row(start: start, try finetune(start, weights, train, test), probes: probes))
        }
        let comparison = Comparison(rows)
        try drawPictures(comparison, test)
        let seconds = (clock.now - began) / .seconds(1)
        print("\n\(comparison.table)\n")
        print(protocolText(train, test))
        print(
            "\(seconds.fixed(0)) s on \(Runtime.threads) threads. Pictures: \(out)/detections.png, \(out)/ap.png, \(out)/instance/loss.png, \(out)/voc-instance/loss.png"
        )
        let results = json(comparison, seconds: seconds)
        try Files.writeAtomically(results.pretty, to: "\(out)/result.json")
        return results
    }

    private func step(_ text: String) {
        print("· \(text)")
        Program.flush()
    }

    // MARK: Stages

    private var recipe: Recipe {
        var recipe = Recipe.imagenet
        recipe.batch = 32
        recipe.imageSize = sizes.imageSize
        // With so few images the sum over all of them costs nothing and needs no noise samples.
        recipe.loss = .softmax
        recipe.temperature = 0.1
        recipe.learningRate = 0.003
        recipe.weightDecay = 5e-4
        recipe.cropScale = 0.3
        // Colour says nothing about these classes.
        recipe.grayscale = 0.5
        return recipe
    }

    private var randomNetwork: PretrainedNetwork {
        PretrainedNetwork(
            random: NetworkConfig(.resnet18), normalization: .imagenet, imageSize: sizes.imageSize, seed: seed,
            device: device)
    }

    /// Returns the path of the weights.
    private func pretrain(_ objective: Objective) throws -> String {
        var recipe = recipe
        recipe.epochs = objective == .supervised ? sizes.supervisedEpochs : sizes.pretrainEpochs
        recipe.milestones = [0.8 * Double(recipe.epochs)]
        var options = PretrainOptions(architecture: .resnet18, objective: objective, recipe: recipe)
        options.seed = seed
        options.workers = workers
        options.device = device
        options.precision = precision
        let data = try DataSource.open("\(out)/objects/train")
        let workflow = PretrainWorkflow(
            options: options, data: data, run: "\(out)/\(objective.rawValue)", resume: true, recipeName: "demo")
        return try workflow().weights
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

    private func finetune(_ start: String, _ weights: String?, _ train: VOCSet, _ test: VOCSet) throws
        -> EvaluationResult
    {
        var detector = DetectorConfig(
            network: NetworkConfig(.resnet18), normalization: .imagenet, classes: train.classes)
        detector.shortSide = sizes.sceneShortSide
        detector.longSide = 2 * sizes.sceneShortSide
        detector.proposals = sizes.proposals
        // On a small map regions are a few cells wide, and the head costs as the square of this.
        detector.regionSize = 4
        var options = FineTuneOptions(detector: detector)
        options.iterations = sizes.iterations
        options.milestones = [sizes.iterations * 4 / 5]
        options.learningRate = 0.01
        options.gradientClip = 10
        options.sampler.regionsPerImage = sizes.regions
        // The same for all: random weights have no statistics that could be kept.
        options.batchNorm = .train
        options.seed = seed
        options.workers = workers
        options.device = device
        options.precision = precision
        var workflow = FineTuneWorkflow(
            options: options, train: train, test: test, run: "\(out)/voc-\(start)", resume: true)
        if let weights { workflow.weights = (weights, try SafetensorsFile(path: weights), start) }
        workflow.trainProposals = proposals(train)
        workflow.testProposals = proposals(test)
        workflow.checkpointEvery = max(1, sizes.iterations / 2)
        // After so few steps no detection is sure of itself.
        workflow.pictureThreshold = 0.15
        guard let evaluation = try workflow().evaluation else { preconditionFailure("a test set was given") }
        return evaluation
    }

    // MARK: Report

    private func drawPictures(_ comparison: Comparison, _ test: VOCSet) throws {
        let tiles = try test.ids.prefix(12).map { try Image.read("\(out)/voc-instance/detections/\($0).png") }
        try Image.grid(tiles, columns: 4).write(to: "\(out)/detections.png")
        try comparison.picture.write(to: "\(out)/ap.png")
    }

    private func protocolText(_ train: VOCSet, _ test: VOCSet) -> String {
        """
        ResNet-18, \(precision.rawValue). kNN: pooled features, K = \(Self.neighbors), τ = \(Self.temperature), \(10 * sizes.classificationImages) images vote, \(10 * sizes.validationImages) are classified.
        mAP: Fast R-CNN, \(sizes.iterations) steps on \(train.ids.count) scenes, VOC 2007 11-point AP at IoU > .5 on \(test.ids.count) scenes.
        A demonstration on generated pictures: small, short, and one seed.
        """
    }

    private func json(_ comparison: Comparison, seconds: Double) -> JSON {
        [
            "seconds": .number(seconds), "threads": .integer(Runtime.threads),
            "precision": .string(precision.rawValue),
            "knn": ["k": .integer(Self.neighbors), "temperature": .number(Self.temperature), "layer": "avgpool"],
            "rows": comparison.json,
        ]
    }
}
