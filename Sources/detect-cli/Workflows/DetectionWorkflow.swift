internal import Boxes
internal import Detection
internal import Imaging
internal import Support
internal import Training
internal import VOCData

/// Runs a detector over an image set: comp4 files, pictures and average precisions.
struct DetectionWorkflow {
    var detector: Detector
    var set: VOCSet
    /// nil for Faster R-CNN, which proposes its own regions.
    var proposals: String?
    var out: String
    /// Pictures of the first images; 0 for none.
    var pictures = 0
    var pictureThreshold = 0.3
    /// Shows on them where the objects are, too.
    var picturesShowObjects = false
    var workers = 2
    var metric = VOCEvaluator.Metric.voc07
    var iouThreshold = 0.5
    /// Writes all digits instead of the three and one decimals of the official files.
    var fullPrecision = false
    var progress = ProgressBar.Style.automatic
    var profile: StageClock?

    /// Most pictures on the contact sheet.
    static let sheetPictures = 24

    struct Outcome {
        var evaluation: EvaluationResult
        var secondsPerImage: Double
        var files: [String]
    }

    func callAsFunction() throws -> Outcome {
        let data = try set.with(proposals: proposals)
        var test = DetectionTest(data)
        test.workers = workers
        detector.profile = profile
        try Files.makeFolder(out)
        let journal = try DetectionJournal(
            "\(out)/\(set.name).partial",
            what: [
                "detector": .string(detector.fingerprint), "filter": detector.filter.json,
                "proposals": data.proposals?.header.options ?? .null,
                "seed": data.proposals.map { .string("\($0.header.seed)") } ?? .null,
                "method": data.proposals.map { .string($0.header.method) } ?? .null,
            ], classCount: detector.config.classes.count)
        let known = journal.found.count
        let bar = ProgressBar("detect", total: set.ids.count, unit: "images", start: known, style: progress)
        let clock = ContinuousClock()
        let began = clock.now
        let detections = try test.run(detector, journal: journal) { done in
            bar.update(done)
            if Interruption.isRequested, done < set.ids.count {
                bar.finish()
                throw InterruptedError("stopped after \(done) of \(set.ids.count) images; the same command goes on")
            }
        }
        bar.finish()
        let seconds = (clock.now - began) / .seconds(1) / Double(max(1, set.ids.count - known))
        let files = try DetectionFile.write(
            detections, ids: set.ids, classes: detector.config.classes, set: set.name, to: out,
            fullPrecision: fullPrecision)
        journal.remove()
        var drawn: [Image] = []
        for i in 0..<min(pictures, set.ids.count) {
            let image = try set.image(i)
            let picture = DetectionPicture.draw(
                detections[i], classes: detector.config.classes, on: image, minimumScore: pictureThreshold,
                objects: picturesShowObjects ? set.objects[i].map(\.box) : [])
            try picture.write(to: "\(out)/\(set.ids[i]).png")
            if drawn.count < Self.sheetPictures { drawn.append(picture) }
        }
        if !drawn.isEmpty { try DetectionPicture.sheet(drawn).write(to: "\(out)/sheet.png") }
        // From the files, so that the printed figure is what anyone gets who evaluates them.
        let evaluator = try VOCEvaluator(
            set.annotations, classes: detector.config.classes, metric: metric, iouThreshold: iouThreshold)
        let result = try evaluator.evaluate(folder: out, set: set.name, threads: workers)
        return Outcome(evaluation: result, secondsPerImage: seconds, files: files)
    }
}
