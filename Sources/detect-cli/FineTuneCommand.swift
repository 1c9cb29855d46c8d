internal import Backbone
internal import Detection
internal import Support
internal import Torch
internal import VOCData

/// Fine-tunes a Fast R-CNN on a VOC devkit and tests it.
struct FineTuneCommand: Command {
    static let name = "finetune"
    static let summary = "fine-tunes a Fast R-CNN on a VOC devkit from given or random weights, and tests it"
    static let example =
        "detect-cli finetune --devkit VOCdevkit --arch alexnet --weights runs/instance/weights.safetensors --run runs/voc"

    enum Head: String, CaseIterable { case fast }

    let devkit: Option<String>
    let trainSet: Option<String>
    let testSet: Option<String>
    let architecture: Option<Architecture?>
    let weights: Option<String>
    let stem: Option<Stem>
    let head: Option<Head>
    let proposals: Option<String?>
    let testProposals: Option<String?>
    let maxProposals: Option<Int>
    let classes: Option<String?>
    let badAnnotations: Option<BadAnnotationPolicy>
    let trainsOnDifficult: Option<Bool>
    let scale: Option<Int>
    let maxSide: Option<Int>
    let iterations: Option<Int>
    let learningRate: Option<Double>
    let milestones: Option<[Int]?>
    let imagesPerStep: Option<Int>
    let rois: Option<Int>
    let roiSize: Option<Int?>
    let roi: Option<RegionOperator>
    let clip: Option<Double?>
    let batchNorm: Option<BatchNormMode?>
    let freezing: Option<Int?>
    let checkpointEvery: Option<Int>
    let evaluateEvery: Option<Int?>
    let evaluationImages: Option<Int>
    let profiles: Option<Bool>
    let filter: FilterOptions
    let pictures: Option<Int>
    let testLimit: Option<Int?>
    let fullPrecision: Option<Bool>
    let loading: LoadingOptions
    let compute: ComputeOptions
    let runOptions: RunOptions
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        devkit = parser.required("devkit", "DIR", "the folder that holds VOC2007/")
        trainSet = parser.option("train-set", "NAME", "the image set to train on", default: "trainval")
        testSet = parser.option("test-set", "NAME", "the image set to test on, or \"none\"", default: "test")
        architecture = parser.optionalChoice("arch", "the network", shown: "what the weights hold")
        weights = parser.option("weights", "FILE", "backbone weights with torchvision's names", default: "random")
        stem = parser.choice("stem", "how a ResNet takes its input in, for random weights", default: .imagenet)
        head = parser.choice("head", "the detector on top", default: .fast)
        parser.group("Proposals")
        proposals = parser.optional(
            "proposals", "FILE", "proposals of the training set", shown: "made in the run folder")
        testProposals = parser.optional(
            "test-proposals", "FILE", "proposals of the test set", shown: "made in the run folder")
        maxProposals = parser.option(
            "max-proposals", "N", "most proposals of an image", default: 2000, .between(1, 100_000))
        parser.group("Annotations")
        classes = parser.optional("classes", "FILE", "class names, one a line", shown: "those of the annotations")
        badAnnotations = parser.choice(
            "on-bad-annotation", "what to do with boxes out of the frame, inverted or without area", default: .clip)
        trainsOnDifficult = parser.flag("train-difficult", "train on objects marked difficult, too")
        parser.group("Training")
        scale = parser.option("scale", "N", "short side of the input in pixels", default: 600, .between(32, 4096))
        maxSide = parser.option(
            "max-side", "N", "longest side of the input in pixels", default: 1000, .between(32, 8192))
        iterations = parser.option("iterations", "N", "steps", default: 40_000, .between(1, 100_000_000))
        learningRate = parser.option("lr", "RATE", "learning rate", default: 0.001, .above(0))
        milestones = parser.optional(
            "milestones", "N,N", "steps at which the learning rate falls to a tenth",
            shown: "three quarters of the iterations")
        imagesPerStep = parser.option("images-per-step", "N", "images a step", default: 2, .between(1, 1024))
        rois = parser.option("rois", "N", "regions of an image a step", default: 64, .between(4, 4096))
        roiSize = parser.optional(
            "roi-size", "N", "cells a side that a region is pooled to, for ResNets", shown: "7; 6 for AlexNet",
            .between(1, 64))
        roi = parser.choice("roi", "ROI max pooling as published, or ROI align", default: .pool)
        clip = parser.optional("clip", "NORM", "largest norm of the gradient", shown: "none", .above(0))
        batchNorm = parser.optionalChoice(
            "batch-norm", "keep the statistics of the weights, or train", shown: "frozen; train from random weights")
        freezing = parser.optional(
            "freeze-stages", "N", "stages of the network, from the input on, that keep their weights",
            shown: "as published: 1 of AlexNet, 2 of VGG16 and ResNets; 0 of random weights", .between(0, 5))
        checkpointEvery = parser.option(
            "checkpoint-every", "N", "steps between checkpoints", default: 1000, .atLeast(1))
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
        compute = ComputeOptions(parser)
        runOptions = RunOptions(parser)
        json = parser.json()
    }

    func run() throws {
        try compute.activate()
        let outcome = try workflow()()
        if let evaluation = outcome.evaluation { print(evaluation.table, terminator: "") }
        let rate = outcome.results["images_per_second"]?.doubleValue ?? 0
        print("trained \(iterations.value) steps at \(rate.fixed(2)) images/s; model: \(outcome.model)")
        try json.write(outcome.results)
    }

    private func workflow() throws -> FineTuneWorkflow {
        let names = try classes.value.map(VOCClasses.read)
        let threads = loading.workers.value
        let train = try VOCSet(
            devkit.value, set: trainSet.value, limit: loading.limit.value, classes: names, policy: badAnnotations.value,
            threads: threads)
        let test =
            testSet.value == "none"
            ? nil
            : try VOCSet(
                devkit.value, set: testSet.value, limit: testLimit.value, classes: train.classes, policy: .keep,
                threads: threads)
        var start: (path: String, file: SafetensorsFile, objective: String)?
        var detector: DetectorConfig
        if weights.value == "random" {
            guard let architecture = architecture.value else {
                throw UsageError("--arch is missing", remedy: "random weights need --arch NAME")
            }
            if stem.value == .cifar, architecture == .alexnet || architecture == .vgg16 {
                throw UsageError(
                    "\(architecture.rawValue) has no CIFAR stem", remedy: "use a ResNet, or leave --stem out")
            }
            detector = DetectorConfig(
                network: NetworkConfig(architecture, stem: stem.value), normalization: .imagenet, classes: train.classes
            )
        } else {
            let (file, description) = try WeightFile.open(weights.value)
            if let wanted = architecture.value, wanted != description.config.architecture {
                throw InputError(
                    weights.value, "holds \(description.config.architecture.rawValue), not \(wanted.rawValue)",
                    remedy: "correct --arch or leave it out")
            }
            start = (weights.value, file, description.objective)
            detector = DetectorConfig(
                network: NetworkConfig(description.config.architecture, stem: description.config.stem),
                normalization: description.normalization, classes: train.classes)
        }
        detector.regionOperator = roi.value
        detector.shortSide = scale.value
        detector.longSide = max(maxSide.value, scale.value)
        detector.proposals = maxProposals.value
        if let size = roiSize.value {
            guard ![.alexnet, .vgg16].contains(detector.network.architecture) else {
                throw UsageError(
                    "--roi-size is fixed for \(detector.network.architecture.rawValue)",
                    remedy: "leave it out, or use a ResNet")
            }
            detector.regionSize = size
        }
        return FineTuneWorkflow(
            options: try options(detector, isPretrained: start != nil), train: train, test: test,
            run: runOptions.folder.value,
            resume: runOptions.resume.value, weights: start, trainProposals: proposals.value,
            testProposals: testProposals.value,
            checkpointEvery: checkpointEvery.value, pictures: pictures.value,
            fullPrecision: fullPrecision.value, filter: filter.value, evaluateEvery: evaluateEvery.value,
            evaluationImages: evaluationImages.value, profiles: profiles.value)
    }

    private func options(_ detector: DetectorConfig, isPretrained: Bool) throws -> FineTuneOptions {
        var options = FineTuneOptions(detector: detector)
        options.iterations = iterations.value
        options.milestones = milestones.value(or: [iterations.value * 3 / 4])
        options.learningRate = learningRate.value
        options.imagesPerStep = imagesPerStep.value
        options.sampler.regionsPerImage = rois.value
        options.gradientClip = clip.value
        options.batchNorm = batchNorm.value(or: isPretrained ? .frozen : .train)
        options.frozenStages = try frozenStages(detector.network.architecture, isPretrained: isPretrained)
        options.trainsOnDifficult = trainsOnDifficult.value
        options.seed = runOptions.seed.value
        options.workers = loading.workers.value
        options.device = compute.device.value
        options.precision = compute.precision.value
        return options
    }

    private func frozenStages(_ architecture: Architecture, isPretrained: Bool) throws -> Int {
        guard let stages = freezing.value else { return isPretrained ? architecture.publishedFrozenStages : 0 }
        guard stages <= architecture.trunkStageCount else {
            throw UsageError(
                "--freeze-stages \(stages): \(architecture.rawValue) has \(architecture.trunkStageCount) stages",
                remedy: "give a smaller number")
        }
        return stages
    }
}
