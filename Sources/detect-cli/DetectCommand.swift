internal import Boxes
internal import Datasets
internal import Detection
internal import Foundation
internal import Imaging
internal import Support
internal import Torch
internal import Training
internal import VOCData

/// Finds objects in images, or in a whole image set.
struct DetectCommand: Command {
    static let name = "detect"
    static let summary = "finds objects in images or in a VOC image set: JSON and pictures, or comp4 files and mAP"
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
    let compute: ComputeOptions
    let seed: Option<UInt64>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        model = parser.required("model", "RUN", "a run folder of finetune, or its model file")
        out = parser.required("out", "DIR", "the folder that receives detections and pictures")
        images = parser.positionals("IMG", "images, or folders of images", minimum: 0)
        parser.group("Image set")
        devkit = parser.optional("devkit", "DIR", "the folder that holds VOC2007/, instead of images")
        set = parser.option("set", "NAME", "the image set", default: "test")
        proposals = parser.optional(
            "proposals", "FILE", "proposals of the image set", shown: "made in the output folder")
        pictures = parser.option("pictures", "N", "images of the set to draw", default: 12, .between(0, 1_000_000))
        fullPrecision = parser.fullPrecision()
        parser.group("Filter")
        filter = FilterOptions(parser)
        pictureScore = parser.option(
            "picture-score", "P", "least probability of a box that is drawn", default: 0.3, .between(0, 1))
        loading = LoadingOptions(parser)
        compute = ComputeOptions(parser)
        seed = parser.seed()
        json = parser.json()
    }

    func run() throws {
        guard images.value.isEmpty == (devkit.value != nil) else {
            throw UsageError(
                images.value.isEmpty ? "there is nothing to look at" : "images and --devkit exclude each other",
                remedy: "give images, or --devkit DIR --set NAME")
        }
        try compute.activate()
        Interruption.watch()
        let detector = try Detector(run: model.value, device: compute.device.value, precision: compute.precision.value)
        detector.filter = filter.value
        try Files.makeFolder(out.value)
        if let devkit = devkit.value {
            try detectSet(detector, devkit)
        } else {
            try detectImages(detector)
        }
    }

    private func detectSet(_ detector: Detector, _ devkit: String) throws {
        let images = try VOCSet(
            devkit, set: set.value, limit: loading.limit.value, classes: detector.config.classes, policy: .keep,
            threads: loading.workers.value)
        let proposes = detector.config.head == .faster
        let file = try proposes ? nil : proposals.value ?? makeProposals(images, limit: detector.config.proposals)
        var workflow = DetectionWorkflow(detector: detector, set: images, proposals: file, out: out.value)
        workflow.pictures = pictures.value
        workflow.fullPrecision = fullPrecision.value
        workflow.pictureThreshold = pictureScore.value
        workflow.workers = loading.workers.value
        let outcome = try workflow()
        print(outcome.evaluation.table, terminator: "")
        print("\(outcome.secondsPerImage.fixed(3)) s an image; comp4 files: \(out.value)")
        try json.write(
            [
                "map": outcome.evaluation.meanAveragePrecision.map { .number($0) } ?? .null,
                "images": .integer(images.ids.count),
                "seconds_per_image": .number(outcome.secondsPerImage), "evaluation": outcome.evaluation.json,
                "files": .array(outcome.files.map { .string($0) }),
            ])
    }

    private func makeProposals(_ images: VOCSet, limit: Int) throws -> String {
        let path = "\(out.value)/\(images.name).proposals"
        _ = try ProposalWorkflow(
            set: images, out: path, source: .selectiveSearch(.fast, seed: seed.value), limit: limit,
            workers: loading.workers.value)()
        return path
    }

    private func detectImages(_ detector: Detector) throws {
        let paths = try Array(images.value.flatMap(expand).prefix(loading.limit.value ?? .max))
        let search = SelectiveSearch(.fast, seed: seed.value)
        let bar = ProgressBar("detect", total: paths.count, unit: "images")
        var results: [JSON] = []
        // The contact sheet has a name of its own.
        var names: Set<String> = ["sheet"]
        var drawn: [Image] = []
        for (i, source) in paths.enumerated() {
            try Interruption.check()
            let image = try Image.read(source)
            let stem = ((source as NSString).lastPathComponent as NSString).deletingPathExtension
            // Images of equal name from different folders must not overwrite each other.
            let name = names.insert(stem).inserted ? stem : "\(stem)-\(i + 1)"
            names.insert(name)
            let boxes =
                detector.config.head == .faster
                ? []
                : search.boxes(
                    in: image, key: SelectiveSearch.key(stem), maximumCount: detector.config.proposals,
                    threads: Runtime.threads)
            let found = detector.detect(image, proposals: boxes)
            let path = "\(out.value)/\(name).png"
            let picture = DetectionPicture.draw(
                found, classes: detector.config.classes, on: image, minimumScore: pictureScore.value)
            try picture.write(to: path)
            if drawn.count < DetectionWorkflow.sheetPictures { drawn.append(picture) }
            let strong = found.filter { $0.score >= pictureScore.value }
            bar.message(
                "\(source): "
                    + (strong.isEmpty
                        ? "nothing above \(pictureScore.value)"
                        : strong.map { "\(detector.config.classes[$0.classIndex]) \($0.score.fixed(2))" }.joined(
                            separator: ", ")))
            results.append(Self.json(source, image.size, found, detector.config.classes, path))
            bar.update(i + 1)
        }
        bar.finish()
        if drawn.count > 1 { try DetectionPicture.sheet(drawn).write(to: "\(out.value)/sheet.png") }
        let all: JSON = [
            "box_format": "x0, y0, x1, y1 in pixels from the top left corner; x1 and y1 are exclusive",
            "images": .array(results),
        ]
        try Files.writeAtomically(all.pretty, to: "\(out.value)/detections.json")
        print("\(paths.count) images: \(out.value)/detections.json")
        try json.write(all)
    }

    /// The images in a folder, or the path itself.
    private func expand(_ path: String) throws -> [String] {
        guard Files.isFolder(path) else { return [path] }
        let found = try Files.list(path).filter {
            ["jpg", "jpeg", "png"].contains(($0 as NSString).pathExtension.lowercased())
        }
        guard !found.isEmpty else {
            throw InputError(path, "holds no JPEG or PNG images", remedy: "give images or a folder of them")
        }
        return found.map { "\(path)/\($0)" }
    }

    private static func json(
        _ path: String, _ size: ImageSize, _ detections: [Detection], _ classes: [String], _ picture: String
    ) -> JSON {
        [
            "image": .string(path), "width": .integer(size.width), "height": .integer(size.height),
            "picture": .string(picture),
            "detections": .array(
                detections.map { detection in
                    let box = detection.box
                    return [
                        "class": .string(classes[detection.classIndex]), "score": .number(detection.score),
                        "box": .array([box.minX, box.minY, box.maxX, box.maxY].map { .number($0) }),
                    ]
                }),
        ]
    }
}
