internal import Distributed
internal import Datasets
internal import Detection
internal import Experiments
internal import Proposals
internal import Support
internal import Torch
internal import VOCData

/// Finds objects in images, or in a whole image set.
struct DetectCommand: Command {
    static let name = "detect"
    static let summary = "finds objects in images or in a VOC image set: JSON and pictures, or comp4 files and mAP"
    static let isShared = true
    static let example = """
        detect-cli detect --model runs/voc --out found street.jpg harbour.jpg
        detect-cli detect --model runs/voc --out results --devkit VOCdevkit --set test
        """

    let model: Option<String>
    let out: Option<String>
    let images: Option<[String]>
    let devkit: Option<String?>
    let set: Option<String>
    let proposals: Option<String?>
    let filter: FilterOptions
    let pictureScore: Option<Double>
    let pictures: Option<Int>
    let fullPrecision: Option<Bool>
    let loading: LoadingOptions
    let reading: ImageOptions
    let compute: ComputeOptions
    let processes: ProcessOptions
    let seed: Option<UInt64>
    let sets: SetOptions
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        model = parser.required("model", "RUN", "a run folder of finetune, or its model file")
        out = parser.required("out", "DIR", "the folder that receives detections and pictures")
        images = parser.positionals("IMG", "images, or folders of images", minimum: 0)
        parser.group("Image set")
        devkit = parser.optionalDevkit(remark: "instead of images")
        set = parser.imageSet(default: "test")
        proposals = parser.optional(
            "proposals", "FILE", "proposals of the image set", shown: "made in the output folder")
        pictures = parser.option("pictures", "N", "images of the set to draw", default: 12, .between(0, 1_000_000))
        fullPrecision = parser.fullPrecision()
        parser.group("Filter")
        filter = FilterOptions(parser)
        pictureScore = parser.option(
            "picture-score", "P", "least probability of a box that is drawn", default: 0.3, .between(0, 1))
        loading = LoadingOptions(parser)
        reading = ImageOptions(parser, onPhotographs: true)
        compute = ComputeOptions(parser)
        processes = ProcessOptions(parser)
        seed = parser.seed()
        results = parser.results()
        sets = SetOptions(parser, missing: .skip, badAnnotations: .keep, seed: seed)
    }

    func run() throws {
        guard images.value.isEmpty == (devkit.value != nil) else {
            throw UsageError(
                images.value.isEmpty ? "there is nothing to look at" : "images and --devkit exclude each other",
                remedy: "give images, or --devkit DIR --set NAME")
        }
        let world = try processes.join(compute)
        if world.size > 1, devkit.value == nil {
            throw UsageError("single images are looked at by one process", remedy: "give --devkit DIR --set NAME")
        }
        Interruption.watch()
        let detector = try Detector(run: model.value, device: compute.place.device, precision: compute.precision.value)
        detector.filter = filter.value
        if world.isLeader { try Files.makeFolder(out.value) }
        if let devkit = devkit.value {
            try detectSet(detector, devkit)
        } else {
            try detectImages(detector)
        }
    }

    private func detectSet(_ detector: Detector, _ devkit: String) throws {
        var options = sets.testOptions(
            threads: loading.workers.value, limit: loading.limit.value, classes: detector.config.classes)
        options.turnsByEXIF = reading.turnsByEXIF
        let images = try reading.read(
            VOCSet(devkit, set: set.value, options), threads: loading.workers.value)
        images.report()
        // Pictures among those of a devkit would be images of it the next time.
        if Files.areSame(images.images.path(0).parentFolder, out.value) {
            throw UsageError(
                "--out \(out.value) is the folder of the devkit's images", remedy: "give another folder for the results"
            )
        }
        let proposes = detector.config.kind == .faster
        let file = try proposes ? nil : proposals.value ?? makeProposals(images, limit: detector.config.proposals)
        var run = DetectRun(detector, on: images, proposals: file, folder: out.value)
        run.output.pictures = pictures.value
        run.output.fullPrecision = fullPrecision.value
        run.output.pictureScore = pictureScore.value
        run.workers = loading.workers.value
        run.world = compute.place.world
        let outcome = try run()
        try results.deliver(
            outcome.report,
            [
                "map": JSON(outcome.evaluation?.meanAveragePrecision),
                "images": .integer(images.ids.count),
                "seconds_per_image": .number(outcome.secondsPerImage), "evaluation": outcome.evaluation?.json ?? .null,
                "files": .array(outcome.files.map { .string($0) }),
            ])
    }

    private func makeProposals(_ images: VOCSet, limit: Int) throws -> String {
        var run = ProposalRun(images, to: "\(out.value)/\(images.name).proposals")
        run.source = .selectiveSearch(.fast, seed: seed.value)
        run.limit = limit
        run.workers = loading.workers.value
        run.world = compute.place.world
        return try run.madeFile()
    }

    private func detectImages(_ detector: Detector) throws {
        let found = try images.value.map(ImageDetectionRun.images)
        for note in found.flatMap(\.notes) { Console.remark(note, label: "note") }
        let paths = found.flatMap(\.images).prefix(loading.limit.value ?? .max)
        var run = ImageDetectionRun(detector, images: Array(paths), folder: out.value)
        run.pictureScore = pictureScore.value
        run.seed = seed.value
        run.onBadImage = reading.badImages.value.policy
        run.turnsByEXIF = reading.turnsByEXIF
        let outcome = try run()
        print("\(outcome.found.count.counted("image")): \(out.value)/detections.json")
        try results.write(outcome.report, outcome.json)
    }
}
