internal import Backbone
internal import Datasets
internal import Distributed
internal import Experiments
internal import Imaging
internal import Pretrain
internal import Support
internal import Torch
internal import Training
internal import VOCData

/// Trains a backbone: by instance discrimination, or as one of its baselines.
struct PretrainCommand: Command {
    static let name = "pretrain"
    static let summary = "trains a backbone without labels, by one of several methods, or with them"
    static let isShared = true
    static let example = """
        detect-cli pretrain --data images --arch resnet50 --method instance --run runs/instance
        detect-cli pretrain --data images --arch resnet50 --method moco-v2 --help
        """

    let data: Option<String>
    let set: Option<String?>
    let architecture: Option<Architecture>
    let method: Option<MethodName>
    let recipe: Option<PretrainRecipe.Name>
    let settings: Settings<PretrainOptions>
    let scalesLearningRate: Option<Bool>
    let capturesSteps: Option<Bool>
    let checkpointEvery: Option<Int?>
    let knnEvery: Option<Int>
    let knnTest: Option<String?>
    let knnNeighbors: Option<PretrainMonitor.Neighbors?>
    let samplesEvery: Option<Int>
    let initial: Option<String?>
    let sweep: Option<Sweep?>
    let loading: LoadingOptions
    let badImages: Option<BadImageChoice>
    let missing: Option<MissingPolicy>
    let compute: ComputeOptions
    let processes: ProcessOptions
    let synchronizesBatchNorm: Option<Bool>
    let runOptions: RunOptions
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        data = parser.required("data", "PATH", DataSource.help)
        set = parser.dataSet()
        architecture = parser.requiredChoice("arch", "the network")
        method = parser.choice("method", "how it learns", default: .instance, aliases: ["objective"])
        recipe = parser.choice("recipe", "where all other settings come from", default: .imagenet)
        let (architecture, method, recipe) = (architecture, method, recipe)
        settings = parser.settings(PretrainOptions.settings) {
            // Help is asked for before there is an architecture.
            PretrainOptions(
                architecture.isGiven ? architecture.value : .resnet50, method.value, recipe: recipe.value)
        }
        initial = parser.optional(
            "init", "FILE", "weights to begin with in place of random ones", shown: "random weights")
        scalesLearningRate = parser.flag(
            "scale-lr", "multiply the learning rate by the batch over the recipe's batch")
        capturesSteps = parser.flag(
            "cuda-graph", "capture one step and have the GPU replay it: a ResNet with --device cuda")
        checkpointEvery = parser.checkpointEvery()
        parser.group("While it runs")
        knnEvery = parser.option(
            "knn-every", "N", "epochs between kNN probes of labelled data; 0 for none", default: 10, .atLeast(0))
        knnTest = parser.optional(
            "knn-test", "PATH", "labelled images for that probe",
            shown: "up to 2,000 of the training images, left out of the voters")
        knnNeighbors = parser.optionalChoice(
            "knn-neighbors", "what votes: the memory bank, or the training images anew",
            shown: "bank where the method has one")
        samplesEvery = parser.option(
            "samples-every", "N",
            "epochs between pictures of what the network is given and answers, samples.png; 0 for the end",
            default: 0, .atLeast(0))
        sweep = parser.optional(
            "sweep", "NAME=V,V",
            "one run for each value of a setting with a number, or of images: negatives, dim, temperature, lr, …",
            shown: "a single run")
        loading = LoadingOptions(parser)
        badImages = parser.badImages()
        missing = parser.onMissing(default: .skip)
        compute = ComputeOptions(parser)
        processes = ProcessOptions(parser)
        synchronizesBatchNorm = parser.synchronizesBatchNorm()
        runOptions = RunOptions(parser)
        results = parser.results()
    }

    func run() throws {
        var options = try options()
        let world = try processes.join(compute)
        options.device = compute.place.device
        func readable(_ images: any ImageCollection) throws -> any ImageCollection {
            try DataSource.readable(images, badImages.value.policy, workers: loading.workers.value)
        }
        let images = try DataSource.open(data.value, set: set.value, limit: loading.limit.value, missing: missing.value)
        var run = PretrainRun(options, data: try readable(images), folder: runOptions.folder.value)
        run.resume = runOptions.resume.value
        run.capturesSteps = capturesSteps.value
        run.checkpointEvery = checkpointEvery.value
        run.recipeName = recipe.value.rawValue
        run.knnEvery = knnEvery.value
        run.knnTest = try knnTest.value.map {
            try readable(DataSource.open($0, set: CIFARBinary.isFound(in: $0) ? "test" : nil, missing: missing.value))
        }
        run.knnNeighbors = knnNeighbors.value
        run.samplesEvery = samplesEvery.value
        run.initial = initial.value
        run.world = world
        run.announce = Program.announce
        if capturesSteps.value, world.size > 1 {
            throw UsageError("--cuda-graph captures the steps of a single process", remedy: "leave it out")
        }
        if sweep.value != nil, world.size > 1 {
            throw UsageError(
                "--sweep has no meaning for several processes, which make one run together",
                remedy: "start the runs one by one")
        }
        if let sweep = sweep.value { return try self.sweep(sweep, run) }
        let outcome = try run()
        try results.deliver(outcome.report, outcome.json)
        Program.sayReport(runOptions.folder.value)
    }

    private func sweep(_ sweep: Sweep, _ base: PretrainRun) throws {
        let run = SweepRun(sweep, base: base)
        if let refusal = run.refusal { throw UsageError("--sweep: \(refusal.problem)", remedy: refusal.remedy) }
        let outcome = try run(announce: Program.announce)
        try results.deliver(outcome.report, outcome.json)
        print("picture: \(outcome.picture)")
        Program.sayReport(runOptions.folder.value)
    }

    private func options() throws(UsageError) -> PretrainOptions {
        var options = PretrainOptions(architecture.value, method.value, recipe: recipe.value)
        let published = options.recipe.batch
        try settings.apply(to: &options)
        try refuseWhatHasNoMeaning()
        if scalesLearningRate.value {
            options.recipe.optimization.learningRate *= Double(options.recipe.batch) / Double(published)
            guard options.recipe.optimization.learningRate.isFinite else {
                throw UsageError("--scale-lr makes the learning rate infinite", remedy: "give a smaller --lr")
            }
        }
        do {
            try architecture.value.require(imageSize: options.recipe.imageSize)
        } catch {
            throw UsageError(error.problem, remedy: error.remedy)
        }
        options.seed = runOptions.seed.value
        options.workers = loading.workers.value
        options.synchronizesBatchNorm = synchronizesBatchNorm.value
        options.precision = compute.precision.value
        return options
    }

    /// Options that would have no effect are mistakes; each is refused with the reason.
    private func refuseWhatHasNoMeaning() throws(UsageError) {
        if capturesSteps.value, compute.device.value == .cpu {
            throw UsageError(
                "--cuda-graph has no meaning on the CPU", remedy: "leave it out, or give --device cuda")
        }
        if capturesSteps.value, !architecture.value.isResidual {
            throw UsageError(
                "--cuda-graph cannot capture \(architecture.value.rawValue), whose dropout draws anew in each step",
                remedy: "leave it out, or use a ResNet")
        }
        if scalesLearningRate.value, !settings.isGiven("batch") {
            throw UsageError("--scale-lr has no meaning without --batch", remedy: "leave it out")
        }
    }
}
