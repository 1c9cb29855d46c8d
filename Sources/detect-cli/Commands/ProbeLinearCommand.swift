internal import Backbone
internal import Datasets
internal import Experiments
internal import Imaging
internal import Probes
internal import Reporting
internal import Support
internal import Torch
internal import Training

/// Linear classifiers on the layers of a frozen network.
struct ProbeLinearCommand: Command {
    static let name = "probe linear"
    static let summary = "trains linear classifiers on layers of a frozen network, all in one pass"
    static let isShared = true
    static let example = """
        detect-cli probe linear --weights runs/instance/weights.safetensors --train images/train --test images/val --run runs/linear
        detect-cli probe linear --train-features train.safetensors --test-features test.safetensors --recipe last --run runs/last
        """

    let train: Option<String?>
    let test: Option<String?>
    let trainFeatures: Option<String?>
    let testFeatures: Option<String?>
    let layers: Option<[String]?>
    let cached: Option<Bool>
    let cacheLimit: Option<Double>
    let recipe: Option<LinearRecipe.Name>
    let settings: Settings<LinearRecipe>
    let checkpointEvery: Option<Int?>
    let features: FeatureOptions
    let folder: Option<String>
    let resume: Option<Bool>
    let omitsPublished: Option<Bool>
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        train = parser.optional("train", "DIR", "labelled images to train on: one folder a class")
        test = parser.optional("test", "DIR", "labelled images to test on, of the same classes")
        trainFeatures = parser.optional("train-features", "FILE", "features to train on instead of images")
        testFeatures = parser.optional("test-features", "FILE", "features to test on")
        layers = parser.optional(
            "layers", "NAME,NAME", "the layers to probe",
            shown: "all convolutional stages; for the recipe last, the last")
        cached = parser.flag("cached", "read the layers once and train on them in memory: fast, without augmentation")
        cacheLimit = parser.option("cache-limit", "GB", "memory that --cached may take", default: 4, .above(0))
        recipe = parser.choice("recipe", "where all other settings come from", default: .layers)
        let recipe = recipe
        settings = parser.settings([("Training", LinearRecipe.settings)]) { LinearRecipe.named(recipe.value) }
        checkpointEvery = parser.checkpointEvery()
        features = FeatureOptions(parser)
        parser.group("Run")
        folder = parser.runFolder("results")
        resume = parser.resume()
        omitsPublished = parser.omitsPublished()
        results = parser.results()
    }

    func run() throws {
        let world = try features.join()
        var run = trainFeatures.isGiven ? try fromFeatures() : try fromImages()
        run.resume = resume.value
        run.world = world
        run.checkpointEvery = checkpointEvery.value
        let result = try run()
        let published = omitsPublished.value ? [] : run.published(beside: result)
        var report = result.report
        report.sections += published.sections
        try results.deliver(report, .object((result.json.members ?? []) + run.inputs + published.members))
        Program.sayReport(folder.value)
    }

    private func options(imageSize: Int) throws(UsageError) -> LinearProbeOptions {
        var settled = LinearRecipe.named(recipe.value)
        try settings.apply(to: &settled)
        var options = LinearProbeOptions(recipe: settled, imageSize: imageSize)
        options.seed = features.seed.value
        options.workers = features.loading.workers.value
        options.device = features.compute.place.device
        return options
    }

    private func fromFeatures() throws -> LinearProbeRun {
        guard let trainPath = trainFeatures.value, let testPath = testFeatures.value, !train.isGiven, !test.isGiven,
            !features.weights.isGiven, !layers.isGiven
        else {
            throw UsageError(
                "--train-features goes with --test-features only",
                remedy: "give both, and leave --weights, --layers, --train and --test out")
        }
        let (train, test) = (try FeatureTable(path: trainPath), try FeatureTable(path: testPath))
        return LinearProbeRun(
            try options(imageSize: train.protocolJSON["image_size"]?.intValue ?? 0),
            source: .files(train: trainPath, test: testPath),
            inputs: [
                try InputRecord.features("train", trainPath, train), try InputRecord.features("test", testPath, test),
            ], folder: folder.value)
    }

    private func fromImages() throws -> LinearProbeRun {
        guard let trainPath = train.value, let testPath = test.value else {
            throw UsageError(
                "--\(train.isGiven ? "test" : "train") is missing",
                remedy: "give --weights, --train and --test, or --train-features and --test-features")
        }
        if testFeatures.isGiven {
            throw UsageError("--test-features goes with --train-features", remedy: "give --test instead")
        }
        if features.layer.isGiven {
            throw UsageError("--layer is not for several layers", remedy: "give --layers NAME,NAME")
        }
        func images(_ path: String) throws -> any ImageCollection {
            try DataSource.readable(
                features.images(path), features.badImages.value.policy,
                workers: features.loading.workers.value)
        }
        let (train, test) = (try images(trainPath), try images(testPath))
        try train.checkLabels(against: test)
        let network = try features.network()
        let options = try options(imageSize: features.imageSize.value ?? network.description.imageSize)
        let reader = try LayerReader(
            network, layers: layers.value ?? network.probedLayers(recipe.value), pooling: options.recipe.pooling,
            imageSize: options.imageSize, precision: features.compute.precision.value)
        var cache: LinearProbeRun.Cache?
        if cached.value {
            cache = .init(byteLimit: cacheLimit.value * 1e9)
            cache?.batch = features.batch.value
        }
        return LinearProbeRun(
            options, source: .images(train: train, test: test, reader, cache: cache),
            inputs: [
                try InputRecord.weights(features.weights.source(), network.description),
                try InputRecord.data("train", train), try InputRecord.data("test", test),
            ], folder: folder.value)
    }
}

extension PretrainedNetwork {
    /// The layers that a recipe probes when none are named: all convolutional stages, or the last layer.
    func probedLayers(_ recipe: LinearRecipe.Name) -> [String] {
        switch recipe {
        case .layers: network.layerNames.filter { $0.hasPrefix("conv") || $0.hasPrefix("layer") }
        case .last: [network.layerNames.last!]
        }
    }
}
