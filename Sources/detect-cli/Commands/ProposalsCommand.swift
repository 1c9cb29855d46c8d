internal import Graphics
internal import Boxes
internal import Detection
internal import Experiments
internal import Imaging
internal import Proposals
internal import Support
internal import VOCData

/// Region proposals of an image set: by selective search, or by the network of a Faster R-CNN.
struct ProposalsCommand: Command {
    static let name = "proposals"
    static let summary =
        "makes region proposals of a VOC image set by selective search or a Faster R-CNN, and measures their recall"
    static let isShared = true
    static let example = """
        detect-cli proposals --devkit VOCdevkit --set trainval --out trainval.proposals
        detect-cli proposals --devkit VOCdevkit --set test --model runs/faster --out rpn.proposals
        """

    let devkit: Option<String>
    let set: Option<String>
    let out: Option<String>
    let mode: Option<SelectiveSearchMode>
    let model: Option<String?>
    let limit: Option<Int>
    let picture: Option<String?>
    let pictureBoxes: Option<Int>
    let loading: LoadingOptions
    let reading: ImageOptions
    let compute: ComputeOptions
    let processes: ProcessOptions
    let seed: Option<UInt64>
    let sets: SetOptions
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        devkit = parser.devkit()
        set = parser.imageSet()
        out = parser.output(
            parser.required("out", "FILE", "the proposal file to write; a killed run goes on where it was"))
        mode = parser.choice(
            "mode", "how much is varied: fast makes 8 hierarchies of regions, quality 80", default: .fast)
        model = parser.optional(
            "model", "RUN", "a Faster R-CNN whose network proposes, as a run folder or model file",
            shown: "selective search")
        limit = parser.option("max", "N", "most boxes of an image", default: 2000, .between(1, 1_000_000))
        picture = parser.picture(
            parser.optional(
                "picture", "FILE",
                "draw the first boxes of the first images, and the objects, into a PNG, JPEG, SVG or PDF file")
        )
        pictureBoxes = parser.option("picture-boxes", "N", "boxes drawn on an image", default: 30, .between(1, 10_000))
        loading = LoadingOptions(parser)
        reading = ImageOptions(parser)
        compute = ComputeOptions(parser)
        processes = ProcessOptions(parser)
        seed = parser.seed()
        results = parser.results()
        sets = SetOptions(parser, missing: .skip, badAnnotations: .keep, seed: seed)
    }

    func run() throws {
        // Selective search needs no tensors, unless processes share the images.
        let world = try model.value == nil ? processes.joinOthers(compute) : processes.join(compute)
        Interruption.watch()
        var options = sets.testOptions(threads: loading.workers.value, limit: loading.limit.value)
        options.turnsByEXIF = reading.turnsByEXIF
        let images = try reading.read(
            VOCSet(devkit.value, set: set.value, options), threads: loading.workers.value)
        images.report()
        let source = try source()
        var run = ProposalRun(images, to: out.value)
        run.source = source
        run.world = world
        run.limit = limit.value
        run.workers = loading.workers.value
        let outcome = try run()
        try results.deliver(outcome.report, outcome.json)
        if let path = picture.value { try draw(images, to: path) }
    }

    /// What proposes.
    private func source() throws -> ProposalRun.Source {
        guard let path = model.value else { return .selectiveSearch(mode.value, seed: seed.value) }
        guard !mode.isGiven else {
            throw UsageError("--mode and --model exclude each other", remedy: "give one of them")
        }
        let detector = try Detector(run: path, device: compute.place.device, precision: compute.precision.value)
        guard detector.config.kind == .faster else {
            throw InputError(path, "is a Fast R-CNN, which proposes no regions", remedy: "give a Faster R-CNN")
        }
        return .network(detector, path: path)
    }

    private static let pictureImages = 12
    private static let boxColor = Color(red: 60, green: 130, blue: 255)
    private static let objectColor = Color(red: 40, green: 220, blue: 60)

    /// A contact sheet: the first boxes thin, the objects on top of them.
    private func draw(_ set: VOCSet, to path: String) throws {
        let file = try ProposalFile(contentsOf: out.value)
        let pictures = try set.ids.indices.prefix(Self.pictureImages).map { i in
            let (id, objects) = (set.ids[i], set.objects[i])
            var picture = Drawing(try set.image(i))
            func draw(_ box: Box, _ color: Color, width: Double) {
                picture.add(
                    .outline(
                        .init(x: box.minX, y: box.minY, width: box.maxX - box.minX, height: box.maxY - box.minY),
                        .color(color), width: width))
            }
            for box in (file.boxes(for: id) ?? []).prefix(pictureBoxes.value) { draw(box, Self.boxColor, width: 1) }
            for object in objects { draw(object.box, Self.objectColor, width: 3) }
            return picture
        }
        try DetectionPicture.sheet(pictures).write(to: path)
        print("picture: \(path)")
    }
}
