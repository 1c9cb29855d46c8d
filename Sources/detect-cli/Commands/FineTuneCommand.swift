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
    let head: Option<DetectorHead?>
    let proposals: Option<String?>
    let testProposals: Option<String?>
    let maxProposals: Option<Int?>
    let classes: Option<String?>
    let badAnnotations: Option<BadAnnotationPolicy>
    let trainsOnDifficult: Option<Bool>
    let scale: Option<Int?>
    let maxSide: Option<Int?>
    let iterations: Option<Int?>
    let learningRate: Option<Double?>
    let schedule: Option<Schedule?>
    let milestones: Option<[Int]?>
    let warmUp: Option<Int?>
    let imagesPerStep: Option<Int?>
    let rois: Option<Int?>
    let roiSize: Option<Int?>
    let roi: Option<RegionOperator?>
    let anchorScales: Option<[Double]?>
    let clip: Option<Double?>
    let batchNorm: Option<BatchNormMode?>
    let freezing: Option<Int?>
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
    let compute: ComputeOptions
    let runOptions: RunOptions
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        devkit = parser.required("devkit", "DIR", "the folder that holds VOC2007/")
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
        maxProposals = parser.optional(
            "max-proposals", "N", "most proposals of an image that are looked at",
            shown: "the recipe's: 2000; 300 of faster, 1000 of voc07-c4-moco", .between(1, 100_000))
        parser.group("Annotations")
        classes = parser.optional("classes", "FILE", "class names, one a line", shown: "those of the annotations")
        badAnnotations = parser.choice(
            "on-bad-annotation", "what to do with boxes out of the frame, inverted or without area", default: .clip)
        trainsOnDifficult = parser.flag("train-difficult", "train on objects marked difficult, too")
        parser.group("Training")
        scale = parser.optional(
            "scale", "N", "short side of the input in pixels", shown: "the recipe's: 600; 480 to 800 of voc07-c4-moco",
            .between(32, 4096))
        maxSide = parser.optional(
            "max-side", "N", "longest side of the input in pixels", shown: "the recipe's: 1000 or 1333",
            .between(32, 8192))
        iterations = parser.optional(
            "iterations", "N", "steps", shown: "the recipe's: 40,000; 70,000 of faster", .between(1, 100_000_000))
        learningRate = parser.optional(
            "lr", "RATE", "learning rate", shown: "the recipe's: 0.001, or 0.02 for 16 images", .above(0))
        schedule = parser.optionalChoice("schedule", "how the learning rate falls", shown: "step")
        milestones = parser.optional(
            "milestones", "N,N", "steps at which the learning rate falls to a tenth",
            shown: "the recipe's; three quarters of given iterations")
        warmUp = parser.optional(
            "warmup", "N", "steps in which the learning rate rises to its full value",
            shown: "the recipe's: 0; 100 of voc07-c4-moco", .atLeast(0))
        imagesPerStep = parser.optional(
            "images-per-step", "N", "images a step", shown: "the recipe's: 2; 16 of voc07-c4-moco", .between(1, 1024))
        rois = parser.optional(
            "rois", "N", "regions of an image a step", shown: "the recipe's: 64; 128 of faster, 512 of voc07-c4-moco",
            .between(4, 4096))
        roiSize = parser.optional(
            "roi-size", "N", "cells a side that a region is pooled to, for ResNets", shown: "7; 14 of faster",
            .between(1, 64))
        roi = parser.optionalChoice(
            "roi", "ROI max pooling, or ROI align", shown: "the recipe's: pool; align of voc07-c4-moco")
        anchorScales = parser.optional(
            "anchor-scales", "S,S",
            "sides of the anchors in cells of the map, of faster: 8,16,32 are 128 to 512 pixels",
            shown: "the recipe's: 8,16,32; 2,4,8,16,32 of voc07-c4-moco")
        clip = parser.optional("clip", "NORM", "largest norm of the gradient", shown: "none", .above(0))
        batchNorm = parser.optionalChoice(
            "batch-norm", "keep the statistics of the weights, or train",
            shown: "the recipe's: frozen; train from random weights and of voc07-c4-moco")
        freezing = parser.optional(
            "freeze-stages", "N", "stages of the network, from the input on, that keep their weights",
            shown: "the recipe's: 1 of AlexNet, 2 of VGG16 and ResNets; 0 of random weights and of voc07-c4-moco",
            .between(0, 5))
        checkpointEvery = parser.option(
            "checkpoint-every", "N", "steps between checkpoints", default: 1000, .atLeast(1))
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
        compute = ComputeOptions(parser)
        runOptions = RunOptions(parser)
        json = parser.json()
    }

    func run() throws {
        try compute.activate()
        let run = try fineTuning()
        let outcome = try run()
        print(outcome.profileText, terminator: "")
        if let test = outcome.test { print(test.evaluation.table, terminator: "") }
        print(
            "trained \(outcome.iterations) steps at \(outcome.imagesPerSecond.fixed(2)) images/s; model: \(outcome.model)"
        )
        try json.write(outcome.json)
    }

    private func fineTuning() throws -> FineTuneRun {
        if milestones.isGiven, schedule.value(or: .step) != .step {
            throw UsageError("--milestones has no meaning without --schedule step", remedy: "leave one of them out")
        }
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
        let start = try weights.open()
        var run = FineTuneRun(
            try options(start.detector(classes: train.classes), isPretrained: !start.isRandom), from: start,
            train: train, test: test, folder: runOptions.folder.value)
        run.resume = runOptions.resume.value
        run.trainProposals = proposals.value
        run.testProposals = testProposals.value
        run.checkpointEvery = checkpointEvery.value
        run.logEvery = logEvery.value
        run.output.pictures = pictures.value
        run.output.fullPrecision = fullPrecision.value
        run.filter = filter.value(or: recipe.value.filter)
        run.looks = evaluateEvery.value.map { .init(every: $0, images: evaluationImages.value) }
        run.profiles = profiles.value
        return run
    }

    /// The recipe's settings with what was chosen otherwise.
    private func options(_ detector: DetectorConfig, isPretrained: Bool) throws -> FineTuneOptions {
        let architecture = detector.network.architecture
        let head = head.value(or: recipe.value == .c4MoCo ? .faster : .fast)
        if recipe.value == .c4MoCo, !architecture.isResidual || head != .faster {
            throw UsageError(
                "--recipe voc07-c4-moco is for Faster R-CNN on ResNets", remedy: "leave --recipe or --head out")
        }
        if head == .faster, proposals.isGiven || testProposals.isGiven {
            throw UsageError("Faster R-CNN takes no proposals", remedy: "leave --proposals and --test-proposals out")
        }
        var options = recipe.value.options(
            detector, head, isPretrained: isPretrained, imagesPerStep: imagesPerStep.value)
        if let side = scale.value {
            options.detector.shortSide = side
            options.shortSides = []
        }
        options.detector.longSide = max(maxSide.value(or: options.detector.longSide), options.detector.shortSide)
        options.detector.proposals = maxProposals.value(or: options.detector.proposals)
        options.detector.regionOperator = roi.value(or: options.detector.regionOperator)
        if let size = roiSize.value {
            guard architecture.isResidual else {
                throw UsageError(
                    "--roi-size is fixed for \(architecture.rawValue)", remedy: "leave it out, or use a ResNet")
            }
            options.detector.regionSize = size
        }
        if let scales = anchorScales.value {
            guard options.detector.regionProposals != nil else {
                throw UsageError("--anchor-scales needs --head faster", remedy: "leave it out")
            }
            guard scales.allSatisfy({ $0 > 0 && $0 <= 1000 }), scales.count <= 16 else {
                throw UsageError(
                    "--anchor-scales cannot hold that", remedy: "give up to 16 numbers above 0, up to 1000")
            }
            options.detector.regionProposals?.scales = scales
        }
        if let steps = iterations.value {
            options.iterations = steps
            options.milestones = [steps * 3 / 4]
            options.warmUpSteps = min(options.warmUpSteps, steps / 10)
        }
        options.schedule = schedule.value(or: options.schedule)
        options.milestones = milestones.value(or: options.milestones)
        options.warmUpSteps = warmUp.value(or: options.warmUpSteps)
        options.learningRate = learningRate.value(or: options.learningRate)
        options.sampler.regionsPerImage = rois.value(or: options.sampler.regionsPerImage)
        options.gradientClip = clip.value
        options.batchNorm = batchNorm.value(or: options.batchNorm)
        options.frozenStages = try frozenStages(architecture, otherwise: options.frozenStages)
        options.trainsOnDifficult = trainsOnDifficult.value
        options.seed = runOptions.seed.value
        options.workers = loading.workers.value
        options.device = compute.device.value
        options.precision = compute.precision.value
        return options
    }

    private func frozenStages(_ architecture: Architecture, otherwise: Int) throws -> Int {
        guard let stages = freezing.value else { return otherwise }
        guard stages <= architecture.trunkStageCount else {
            throw UsageError(
                "--freeze-stages \(stages): \(architecture.rawValue) has \(architecture.trunkStageCount) stages",
                remedy: "give a smaller number")
        }
        return stages
    }
}
