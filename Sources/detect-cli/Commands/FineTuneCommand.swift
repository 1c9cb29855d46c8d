internal import Backbone
internal import Detection
internal import Experiments
internal import Support
internal import Training
internal import VOCData

/// Fine-tunes a Fast or Faster R-CNN on a VOC devkit and tests it.
struct FineTuneCommand: Command {
    static let name = "finetune"
    static let summary = "fine-tunes a Fast or Faster R-CNN on a VOC devkit from given or random weights, and tests it"
    static let isShared = true
    static let example = """
        detect-cli finetune --devkit VOCdevkit --weights runs/instance/weights.safetensors --run runs/voc
        detect-cli finetune --devkit VOCdevkit --weights resnet50.safetensors --head faster --run runs/c4
        detect-cli finetune --devkit VOCdevkit --train-set 2007:trainval,2012:trainval --test-set 2007:test \\
            --weights resnet50.safetensors --recipe voc07-c4-moco --run runs/moco
        """

    let devkit: Option<String>
    let trainSet: Option<String>
    let testSet: Option<String>
    let weights: WeightOptions
    let recipe: Option<DetectionRecipe>
    let head: Option<DetectorKind?>
    let proposals: Option<String?>
    let testProposals: Option<String?>
    let classes: Option<String?>
    let sets: SetOptions
    let imagesPerStep: Option<Int?>
    let settings: Settings<FineTuneOptions>
    let checkpointEvery: Option<Int>
    let logEvery: Option<Int>
    let evaluateEvery: Option<Int?>
    let evaluationImages: Option<Int>
    let profiles: Option<Bool>
    let filter: FilterOptions
    let pictures: Option<Int>
    let testLimit: Option<Int?>
    let fullPrecision: Option<Bool>
    let loading: LoadingOptions
    let reading: ImageOptions
    let compute: ComputeOptions
    let processes: ProcessOptions
    let synchronizesBatchNorm: Option<Bool>
    let runOptions: RunOptions
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        devkit = parser.devkit()
        trainSet = parser.option(
            "train-set", "NAME",
            "the image set to train on, or several of different years: 2007:trainval,2012:trainval", default: "trainval"
        )
        testSet = parser.option("test-set", "NAME", "the image set to test on, or \"none\"", default: "test")
        weights = WeightOptions(parser, default: WeightSource.random, takesArchitecture: true)
        recipe = parser.choice(
            "recipe",
            "voc07: Fast and Faster R-CNN as published; voc07-c4-moco: Faster R-CNN on ResNet-C4 as self-supervised "
                + "weights are compared today (all layers trained, several scales, 24,000 steps of 16 images; with fewer "
                + "images a step the rate falls and the steps rise in proportion)",
            default: .voc07)
        head = parser.optionalChoice(
            "head", "fast: regions from proposals; faster: from a region proposal network",
            shown: "the recipe's: fast; faster of voc07-c4-moco")
        parser.group("Proposals")
        proposals = parser.optional(
            "proposals", "FILE", "proposals of the training set", shown: "made in the run folder")
        testProposals = parser.optional(
            "test-proposals", "FILE", "proposals of the test set", shown: "made in the run folder")
        parser.group("Annotations")
        classes = parser.classNames()
        imagesPerStep = parser.optional(
            "images-per-step", "N", "images a step", shown: "the recipe's: 2; 16 of voc07-c4-moco", .between(1, 1024))
        let (weights, recipe, head, perStep) = (weights, recipe, head, imagesPerStep)
        settings = parser.settings(FineTuneOptions.settings) {
            // Help is asked for before weights are looked at.
            let architecture = weights.knownArchitecture ?? .resnet50
            return recipe.value.options(
                DetectorConfig(network: NetworkConfig(architecture), normalization: .imagenet, classes: []),
                head.value(or: recipe.value.usualKind), isPretrained: !weights.isRandom, imagesPerStep: perStep.value)
        }
        parser.group("While it runs")
        checkpointEvery = parser.checkpointEvery(default: 1000)
        logEvery = parser.option("log-every", "N", "steps between lines of the metrics", default: 20, .atLeast(1))
        evaluateEvery = parser.optional(
            "eval-every", "N", "steps between looks at some test images; the best detector so far is kept, too",
            shown: "never", .atLeast(1))
        evaluationImages = parser.option(
            "eval-images", "N", "test images of such a look", default: 100, .atLeast(1))
        profiles = parser.flag("profile", "print where the time of a step and of a test image goes")
        parser.group("Test")
        filter = FilterOptions(parser)
        pictures = parser.option(
            "pictures", "N", "test images to draw detections on", default: 12, .between(0, 100_000))
        testLimit = parser.optional("test-limit", "N", "test on the first N images only", .atLeast(1))
        fullPrecision = parser.fullPrecision()
        loading = LoadingOptions(parser)
        reading = ImageOptions(parser)
        compute = ComputeOptions(parser)
        processes = ProcessOptions(parser)
        synchronizesBatchNorm = parser.synchronizesBatchNorm()
        runOptions = RunOptions(parser)
        results = parser.results()
        sets = SetOptions(parser, missing: .skip, badAnnotations: .clip, seed: runOptions.seed)
    }

    func run() throws {
        let world = try processes.join(compute)
        var run = try fineTuning()
        run.world = world
        let outcome = try run()
        try results.deliver(outcome.report, outcome.json)
        Program.sayReport(runOptions.folder.value)
    }

    private func fineTuning() throws -> FineTuneRun {
        // Before the data, which take longer to read.
        let start = try weights.open()
        var options = try options(start.detector(classes: []), isPretrained: !start.isRandom)
        let names = try classes.value.map(VOCClasses.read)
        let threads = loading.workers.value
        func turned(_ options: VOCSet.Options) -> VOCSet.Options {
            var options = options
            options.turnsByEXIF = reading.turnsByEXIF
            return options
        }
        let train = try reading.read(
            VOCSet(
                devkit.value, set: trainSet.value,
                turned(sets.options(threads: threads, limit: loading.limit.value, classes: names))),
            threads: threads)
        let test =
            testSet.value == "none"
            ? nil
            : try reading.read(
                VOCSet(
                    devkit.value, set: testSet.value,
                    turned(
                        sets.testOptions(
                            threads: threads, limit: testLimit.value, classes: train.classes, keepsBoxes: true))),
                threads: threads)
        options.detector.classes = train.classes
        var run = FineTuneRun(options, from: start, train: train, test: test, folder: runOptions.folder.value)
        run.resume = runOptions.resume.value
        run.trainProposals = proposals.value
        run.testProposals = testProposals.value
        run.checkpointEvery = checkpointEvery.value
        run.logEvery = logEvery.value
        run.output.pictures = pictures.value
        run.output.showsObjects = true
        run.output.fullPrecision = fullPrecision.value
        run.filter = filter.value(or: recipe.value.filter)
        run.looks = evaluateEvery.value.map { .init(every: $0, images: evaluationImages.value) }
        run.profiles = profiles.value
        return run
    }

    /// The recipe's settings with what was chosen otherwise.
    private func options(_ detector: DetectorConfig, isPretrained: Bool) throws(UsageError) -> FineTuneOptions {
        let kind = head.value(or: recipe.value.usualKind)
        if recipe.value == .c4MoCo, !detector.network.architecture.isResidual || kind != .faster {
            throw UsageError(
                "--recipe voc07-c4-moco is for Faster R-CNN on ResNets", remedy: "leave --recipe or --head out")
        }
        if kind == .faster, proposals.isGiven || testProposals.isGiven {
            throw UsageError("Faster R-CNN takes no proposals", remedy: "leave --proposals and --test-proposals out")
        }
        if settings.isGiven("train-all"), settings.isGiven("batch-norm") || settings.isGiven("freeze-stages") {
            throw UsageError(
                "--train-all decides about batch norm and stages", remedy: "leave --batch-norm and --freeze-stages out")
        }
        var options = recipe.value.options(
            detector, kind, isPretrained: isPretrained, imagesPerStep: imagesPerStep.value)
        try settings.apply(to: &options)
        options.seed = runOptions.seed.value
        options.synchronizesBatchNorm = synchronizesBatchNorm.value
        options.workers = loading.workers.value
        options.device = compute.place.device
        options.precision = compute.precision.value
        return options
    }
}
