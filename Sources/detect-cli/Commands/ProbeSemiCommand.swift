internal import Backbone
internal import Datasets
internal import Experiments
internal import Imaging
internal import Probes
internal import Support
internal import Training
internal import VOCData

/// Fine-tuning with a few labels, beside random weights.
struct ProbeSemiCommand: Command {
    static let name = "probe semi"
    static let summary = "fine-tunes on shares of the labels, beside random weights"
    static let isShared = true
    static let example =
        "detect-cli probe semi --weights runs/instance/weights.safetensors --train images/train --test images/val --run runs/semi"

    let weights: Option<String>
    let train: Option<String>
    let test: Option<String>
    let fractions: Option<[Double]>
    let seeds: Option<Int>
    let noBaseline: Option<Bool>
    let imageSize: Option<Int?>
    let settings: Settings<ClassifierRecipe>
    let loading: LoadingOptions
    let badImages: Option<BadImageChoice>
    let missing: Option<MissingPolicy>
    let compute: ComputeOptions
    let processes: ProcessOptions
    let runOptions: RunOptions
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        weights = parser.required("weights", "FILE", "safetensors or a .pth of PyTorch")
        train = parser.required("train", "DIR", "labelled images to take shares of: one folder a class")
        test = parser.required("test", "DIR", "labelled images to test on, of the same classes")
        fractions = parser.option(
            "fractions", "F,F", "shares of the labels", default: [0.01, 0.02, 0.05, 0.1, 0.2],
            Requirement("with every share above 0 and at most 1, none twice") {
                !$0.isEmpty && $0.allSatisfy { $0 > 0 && $0 <= 1 } && Set($0).count == $0.count
            })
        seeds = parser.option(
            "seeds", "N", "draws of each share, with seeds from --seed on", default: 3, .between(1, 100))
        noBaseline = parser.flag("no-random", "leave out the same from random weights")
        settings = parser.settings([("Training", ClassifierRecipe.settings)]) { .semiSupervised }
        imageSize = parser.networkInput()
        loading = LoadingOptions(parser)
        badImages = parser.badImages()
        missing = parser.onMissing(default: .skip)
        compute = ComputeOptions(parser)
        processes = ProcessOptions(parser)
        runOptions = RunOptions(parser)
        results = parser.results()
    }

    func run() throws {
        let world = try processes.join(compute)
        if weights.value == WeightSource.random {
            throw UsageError("--weights random is the comparison", remedy: "give the weights to compare with it")
        }
        func images(_ path: String) throws -> any ImageCollection {
            try DataSource.readable(
                DataSource.open(path, limit: loading.limit.value, missing: missing.value), badImages.value.policy,
                workers: loading.workers.value)
        }
        let (train, test) = (try images(train.value), try images(test.value))
        try train.checkLabels(against: test)
        let start = try WeightSource.file(weights.value).open()
        var recipe = ClassifierRecipe.semiSupervised
        try settings.apply(to: &recipe)
        var options = ClassifierOptions(
            recipe: recipe, description: start.description, classes: train.classes.count)
        options.imageSize = imageSize.value(or: options.imageSize)
        options.workers = loading.workers.value
        options.device = compute.place.device
        options.precision = compute.precision.value
        let first = runOptions.seed.value
        var run = SemiSupervisedRun(
            options, from: start, fractions: fractions.value.map { LabelFraction($0) },
            seeds: (0..<UInt64(seeds.value)).map { first &+ $0 }, train: train, test: test,
            inputs: [
                try InputRecord.weights(start.source, start.description), try InputRecord.data("train", train),
                try InputRecord.data("test", test),
            ], folder: runOptions.folder.value)
        run.world = world
        run.comparesRandom = !noBaseline.value
        run.resume = runOptions.resume.value
        let result = try run()
        try results.deliver(result.report, .object((result.json.members ?? []) + run.inputs))
        print("curve: \(runOptions.folder.value)/curve.png")
        Program.sayReport(runOptions.folder.value)
    }
}
