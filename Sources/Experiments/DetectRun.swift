internal import Graphics
public import Boxes
public import Datasets
public import Detection
public import Distributed
internal import Foundation
public import Imaging
internal import Proposals
public import Reporting
public import Support
internal import Torch
internal import Training
public import VOCData

/// Runs a detector over an image set: comp4 files, pictures and average precisions.
public struct DetectRun {
    public var detector: Detector
    public var set: VOCSet
    /// nil for Faster R-CNN, which proposes its own regions.
    public var proposals: String?
    /// The folder that receives files and pictures.
    public var folder: String
    public var output = Output()
    public var workers = 2
    public var metric = VOCEvaluator.Metric.voc07
    public var iouThreshold = 0.5
    public var progress = ProgressBar.Style.automatic
    /// The processes that share the images.
    public var world = World.alone

    /// How detections are drawn and written.
    public struct Output: Hashable, Sendable {
        /// Pictures of the first images; 0 for none.
        public var pictures = 0
        /// Least score of a detection that is drawn.
        public var pictureScore = 0.3
        /// Shows on them where the objects are, too.
        public var showsObjects = false
        /// Writes all digits instead of the three and one decimals of the official files.
        public var fullPrecision = false

        public init() {}
    }

    /// Most pictures on the contact sheet.
    static let sheetPictures = 24

    public init(_ detector: Detector, on set: VOCSet, proposals: String?, folder: String) {
        self.detector = detector
        self.set = set
        self.proposals = proposals
        self.folder = folder
    }

    public struct Outcome {
        /// nil for a set without annotations.
        public var evaluation: EvaluationResult?
        public var secondsPerImage: Double
        /// The comp4 files.
        public var files: [String]
        /// Where they are.
        public var folder: String

        static let unlabelled = "the set has no annotations: mAP is left out"

        public var report: Report {
            var report = evaluation?.report ?? Report("Detections", [.paragraph(Self.unlabelled)])
            report.append(.paragraph("\(secondsPerImage.fixed(3)) s an image; comp4 files: \(folder)"))
            return report
        }
    }

    /// Goes on where an interrupted test was; throws `InterruptedError` with everything found so far saved.
    public func callAsFunction() throws -> Outcome {
        if world.isLeader { try Files.makeFolder(folder) }
        try DetectionFile.requireFileNames(set: set.name, classes: detector.config.classes, folder: folder)
        let (detections, secondsPerImage, journal) = try detect()
        guard let journal else { throw PartDone() }
        let files = try DetectionFile.write(
            detections, ids: set.ids, classes: detector.config.classes, set: set.name, to: folder,
            fullPrecision: output.fullPrecision)
        journal.remove()
        try draw(detections)
        return Outcome(
            evaluation: try evaluate(), secondsPerImage: secondsPerImage, files: files, folder: folder)
    }

    /// From the files, so that the printed figure is what anyone gets who evaluates them.
    private func evaluate() throws -> EvaluationResult? {
        if set.isUnlabelled { return nil }
        let evaluator = try set.evaluator(
            classes: detector.config.classes, metric: metric, iouThreshold: iouThreshold)
        return try evaluator.evaluate(
            folder: folder, set: set.name, unknownImages: set.isAnnotated ? .stop : .ignore, threads: workers)
    }

    /// What was found, with the journal that holds it until the files are written.
    private func detect() throws -> (
        detections: [[Detection]], secondsPerImage: Double, journal: DetectionJournal?
    ) {
        let data = try set.with(proposals: proposals)
        var test = DetectionTest(data)
        test.workers = workers
        test.world = world
        let journal =
            !world.isLeader
            ? nil
            : try DetectionJournal(
                "\(folder)/\(set.name).partial",
                what: [
                    "detector": .string(detector.fingerprint), "filter": detector.filter.json,
                    "proposals": data.proposals?.header.options ?? .null,
                    "seed": data.proposals.map { .string("\($0.header.seed)") } ?? .null,
                    "method": data.proposals.map { .string($0.header.method) } ?? .null,
                    "turned_by_exif": .integer(set.turnedCount ?? 0),
                ], classCount: detector.config.classes.count)
        let known = journal?.found.count ?? 0
        let bar = ProgressBar(
            "detect", total: set.ids.count, unit: "images", start: known, style: world.isLeader ? progress : .quiet)
        let watch = Stopwatch()
        let detections = try test.run(detector, journal: journal) { done in
            bar.update(done)
            if world.any(Interruption.isRequested), done < set.ids.count {
                bar.finish()
                throw InterruptedError(
                    "stopped after \(done) of \(set.ids.count.counted("image")); the same command goes on")
            }
        }
        bar.finish()
        return (detections, watch.seconds / Double(max(1, set.ids.count - known)), journal)
    }

    private func draw(_ detections: [[Detection]]) throws {
        var drawn: [Drawing] = []
        var pictures = PictureNames(folder, inputs: (0..<set.ids.count).map(set.images.path))
        for i in 0..<min(output.pictures, set.ids.count) {
            let picture = DetectionPicture.draw(
                detections[i], classes: detector.config.classes, on: try set.image(i),
                minimumScore: output.pictureScore, objects: output.showsObjects ? set.objects[i].map(\.box) : [])
            try picture.write(to: pictures.path(set.ids[i], number: i + 1))
            if drawn.count < Self.sheetPictures { drawn.append(picture) }
        }
        if !drawn.isEmpty { try DetectionPicture.sheet(drawn).write(to: pictures.path("sheet", number: 0)) }
    }
}

/// Finds objects in single images: pictures, and one JSON file for all.
public struct ImageDetectionRun {
    public var detector: Detector
    /// Paths of images.
    public var images: [String]
    /// The folder that receives pictures and `detections.json`.
    public var folder: String
    /// Least score of a detection that is drawn.
    public var pictureScore = 0.3
    /// Of the proposals that Fast R-CNN looks at.
    public var seed: UInt64 = 0
    public var onBadImage = BadImagePolicy.stop
    /// Whether images are turned as their EXIF orientation says.
    public var turnsByEXIF = true
    public var progress = ProgressBar.Style.automatic

    public init(_ detector: Detector, images: [String], folder: String) {
        self.detector = detector
        self.images = images
        self.folder = folder
    }

    /// The JPEG and PNG images in a folder, or the path itself, and what else the folder holds, a line for each kind.
    ///
    /// - Throws: `InputError` for a folder without images.
    public static func images(at path: String) throws -> (images: [String], notes: [String]) {
        guard Files.isFolder(path) else { return ([path], []) }
        var passedOver = PassedOver()
        var found: [String] = []
        for name in try Files.list(path) {
            if ["jpg", "jpeg", "png"].contains(name.fileExtension.lowercased()) {
                found.append("\(path)/\(name)")
            } else {
                passedOver.add(Files.isFolder("\(path)/\(name)") ? .folders : .otherFiles, name)
            }
        }
        guard !found.isEmpty else {
            throw InputError(path, "holds no JPEG or PNG images", remedy: "give images or a folder of them")
        }
        return (found, passedOver.notes(in: path))
    }

    /// What was found in one image.
    public struct Found: Sendable {
        public var image: String
        public var size: ImageSize
        /// Best first.
        public var detections: [Detection]
        /// The picture file.
        public var picture: String
    }

    public struct Outcome: Sendable {
        public var classes: [String]
        public var found: [Found]

        /// Every detection: its class, probability and box.
        public var report: Report {
            let corners = ["x0", "y0", "x1", "y1"].map { Table.Column.number($0, decimals: 1) }
            let rows = found.flatMap { found in
                found.detections.map { detection -> [Table.Cell] in
                    let box = detection.box
                    return [.text(found.image), .text(classes[detection.classIndex]), .number(detection.score)]
                        + [box.minX, box.minY, box.maxX, box.maxY].map { .number($0) }
                }
            }
            return Report(
                "Detections",
                [.table(Table([.text("image"), .text("class"), .number("score", decimals: 3)] + corners, rows))])
        }

        public var json: JSON {
            [
                "box_format": "x0, y0, x1, y1 in pixels from the top left corner; x1 and y1 are exclusive",
                "images": .array(
                    found.map { found in
                        [
                            "image": .string(found.image), "width": .integer(found.size.width),
                            "height": .integer(found.size.height), "picture": .string(found.picture),
                            "detections": .array(
                                found.detections.map { detection in
                                    let box = detection.box
                                    return [
                                        "class": .string(classes[detection.classIndex]),
                                        "score": .number(detection.score),
                                        "box": .array([box.minX, box.minY, box.maxX, box.maxY].map { .number($0) }),
                                    ]
                                }),
                        ]
                    }),
            ]
        }
    }

    /// Throws `InputError` naming the image that cannot be read, with what was found before it in `detections.json`.
    public func callAsFunction() throws -> Outcome {
        try Files.makeFolder(folder)
        let classes = detector.config.classes
        let bar = ProgressBar("detect", total: images.count, unit: "images", style: progress)
        var pictures = PictureNames(folder, inputs: images)
        var drawn: [Drawing] = []
        var outcome = Outcome(classes: classes, found: [])
        do {
            for (i, source) in images.enumerated() {
                try Interruption.check()
                let (read, problem) = try onBadImage.read(ImageDecoding(turnsByEXIF: turnsByEXIF)) {
                    try Image.read(source, decoding: $0)
                }
                if let problem { onBadImage.report(problem) }
                bar.update(i + 1)
                guard let image = read else { continue }
                let stem = source.fileName.fileStem
                let detections = detector.detect(image, proposals: proposals(image, stem))
                let path = pictures.path(stem, number: i + 1)
                let picture = DetectionPicture.draw(
                    detections, classes: classes, on: image, minimumScore: pictureScore)
                try picture.write(to: path)
                if drawn.count < DetectRun.sheetPictures { drawn.append(picture) }
                bar.message("\(source): \(text(detections))")
                outcome.found.append(Found(image: source, size: image.size, detections: detections, picture: path))
            }
        } catch {
            bar.finish()
            // A bad image among thousands does not cost the rest.
            if !outcome.found.isEmpty { try write(outcome) }
            throw error
        }
        bar.finish()
        guard !outcome.found.isEmpty else {
            throw InputError(images.first ?? folder, "no image could be read", remedy: "fetch them again")
        }
        if drawn.count > 1 { try DetectionPicture.sheet(drawn).write(to: pictures.path("sheet", number: 0)) }
        try write(outcome)
        return outcome
    }

    private func write(_ outcome: Outcome) throws {
        try Files.writeAtomically(outcome.json.pretty, to: "\(folder)/detections.json")
    }

    private func proposals(_ image: Image, _ stem: String) -> [Box] {
        detector.config.kind == .faster
            ? []
            : SelectiveSearch(.fast, seed: seed).boxes(
                in: image, key: SelectiveSearch.key(stem), maximumCount: detector.config.proposals,
                threads: Runtime.threads)
    }

    private func text(_ detections: [Detection]) -> String {
        let strong = detections.filter { $0.score >= pictureScore }
        if strong.isEmpty { return "nothing above \(pictureScore)" }
        return strong.map { "\(detector.config.classes[$0.classIndex]) \($0.score.fixed(2))" }.joined(separator: ", ")
    }
}
