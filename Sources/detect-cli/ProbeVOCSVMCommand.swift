internal import Datasets
internal import Imaging
internal import Probes
internal import Support
internal import Training
internal import VOCData

/// Linear SVMs on frozen features of PASCAL VOC.
struct ProbeVOCSVMCommand: Command {
    static let name = "probe voc07-svm"
    static let summary = "measures features by the average precision of linear SVMs on PASCAL VOC"
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
    let svm: SVMOptions
    let outTrain: Option<String?>
    let outTest: Option<String?>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        devkit = parser.required("devkit", "DIR", "the folder that holds VOC2007")
        trainSet = parser.option("train-set", "NAME", "the image set to learn from", default: "trainval")
        testSet = parser.option("test-set", "NAME", "the image set to measure on", default: "test")
        classes = parser.optional("classes", "NAME,NAME", "only these", shown: "all with image sets of their own")
        features = FeatureOptions(parser)
        svm = SVMOptions(parser, maximumIterations: 2000)
        costs = parser.option(
            "c", "C,C", "costs to choose from", default: VOCSVMProbe.standardCosts, SVMOptions.positiveCosts)
        parser.group("Low-shot")
        shots = parser.optional(
            "shots", "K,K", "also with only K positive images a class, as 1,2,4,8,16,32,64,96",
            Requirement("with every K at least 1") { !$0.isEmpty && $0.allSatisfy { $0 >= 1 } })
        samples = parser.option("samples", "N", "independent draws for each K", default: 5, .between(1, 1000))
        parser.group("Results")
        outTrain = parser.optional("out-train", "FILE", "write the features of the training images there, too")
        outTest = parser.optional("out-test", "FILE", "write the features of the test images there, too")
        json = parser.json()
    }

    func run() throws {
        try features.compute.activate()
        Interruption.watch()
        let kit = try Devkit(devkit.value)
        let limit = features.loading.limit.value
        let names = try classes.value ?? VOCPresence.classes(of: kit, sets: [trainSet.value, testSet.value])
        // Before the long work: what the image sets say.
        let presence = try [trainSet.value, testSet.value].map {
            try VOCPresence(kit, set: $0, classes: names, limit: limit)
        }
        var extractor = try features.extractor()
        extractor.pipeline = VOCPresence.pipeline(imageSize: extractor.imageSize)
        let tables = try zip(presence, ["features (train)", "features (test)"]).map { presence, title in
            try FeatureWorkflow.extract(presence.images, extractor, title: title)
        }
        if let path = outTrain.value { try tables[0].write(to: path) }
        if let path = outTest.value { try tables[1].write(to: path) }
        let sets = try zip(presence, tables).map { presence, table in try presence.labeled(table) }

        var probe = VOCSVMProbe(costs: costs.value)
        probe.svm = svm.svm(seed: features.seed.value)
        probe.normalizes = !svm.raw.value
        let threads = features.compute.threads.value
        let fits = names.count * probe.costs.count * (probe.folds + 1)
        let bar = SharedProgress("fits", total: fits, unit: "fits")
        let result = try probe.evaluate(train: sets[0], test: sets[1], threads: threads) { count in
            for _ in 0..<count { bar.advance() }
        }
        bar.finish()
        let made = JSON.object(
            (tables[0].protocolJSON.members ?? [])
                + [.init("resize", "short side to 256/224 of the input, then squashed to a square")])
        print(result.table + made.featureText)
        var members = result.json.members ?? []
        members.append(.init("features", made))
        members.append(.init("train_set", .string(trainSet.value)))
        members.append(.init("test_set", .string(testSet.value)))
        if let shots = shots.value {
            let bar = SharedProgress(
                "low-shot fits", total: shots.count * samples.value * names.count * probe.costs.count, unit: "fits")
            let results = try probe.evaluateLowShot(
                train: sets[0], test: sets[1], shots: shots, samples: samples.value, threads: threads
            ) { count in
                for _ in 0..<count { bar.advance() }
            }
            bar.finish()
            print(probe.lowShotTable(results, classCount: names.count), terminator: "")
            members.append(.init("low_shot", probe.lowShotJSON(results, classCount: names.count)))
        }
        try json.write(.object(members))
    }
}
