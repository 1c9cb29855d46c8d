internal import Experiments
internal import Probes
internal import Support
internal import VOCData

/// Linear SVMs on frozen features of PASCAL VOC.
struct ProbeVOCSVMCommand: Command {
    static let name = "probe voc07-svm"
    static let summary = "measures features by the average precision of linear SVMs on PASCAL VOC"
    static let isShared = true
    static let example = """
        detect-cli probe voc07-svm --weights runs/instance/weights.safetensors --devkit VOCdevkit
        detect-cli probe voc07-svm --weights random --arch resnet18 --devkit VOCdevkit --layer layer4 --shots 1,2,4,8
        """

    let devkit: Option<String>
    let trainSet: Option<String>
    let testSet: Option<String>
    let classes: Option<[String]?>
    let costs: Option<[Double]>
    let shots: Option<[Int]?>
    let samples: Option<Int>
    let features: FeatureOptions
    let sets: SetOptions
    let svm: SVMOptions
    let outTrain: Option<String?>
    let outTest: Option<String?>
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        devkit = parser.devkit()
        trainSet = parser.option("train-set", "NAME", "the image set to learn from", default: "trainval")
        testSet = parser.option("test-set", "NAME", "the image set to measure on", default: "test")
        classes = parser.optional("classes", "NAME,NAME", "only these", shown: "all with image sets of their own")
        features = FeatureOptions(parser)
        sets = SetOptions(
            parser, missing: .skip, badAnnotations: .keep, declaredMissing: features.missing, seed: features.seed)
        svm = SVMOptions(parser, maximumIterations: 2000)
        costs = parser.option(
            "c", "C,C", "costs to choose from", default: VOCSVMProbe.standardCosts, SVMOptions.positiveCosts)
        parser.group("Low-shot")
        shots = parser.optional(
            "shots", "K,K", "also with only K positive images a class, as 1,2,4,8,16,32,64,96",
            Requirement("with every K at least 1") { !$0.isEmpty && $0.allSatisfy { $0 >= 1 } })
        samples = parser.option("samples", "N", "independent draws for each K", default: 5, .between(1, 1000))
        parser.group("Results")
        outTrain = parser.output(
            parser.optional("out-train", "FILE", "write the features of the training images there, too"))
        outTest = parser.output(parser.optional("out-test", "FILE", "write the features of the test images there, too"))
        results = parser.results()
    }

    func run() throws {
        try features.join()
        Interruption.watch()
        var run = VOCSVMRun(devkit.value)
        run.trainSet = trainSet.value
        run.testSet = testSet.value
        run.classes = classes.value
        run.options = sets.options(
            threads: features.loading.workers.value, limit: features.loading.limit.value)
        run.probe = VOCSVMProbe(costs: costs.value)
        run.probe.svm = svm.svm(seed: features.seed.value)
        run.probe.normalizes = !svm.raw.value
        run.lowShot = shots.value.map { ($0, samples.value) }
        run.trainFeatures = outTrain.value
        run.testFeatures = outTest.value
        run.threads = features.compute.threads.value
        try run(features.extractor()) { outcome in
            try results.deliver(outcome.report, outcome.json, from: outcome.lowShot == nil ? 0 : 1)
        }
    }
}
