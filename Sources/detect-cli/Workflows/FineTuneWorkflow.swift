internal import Backbone
internal import Datasets
internal import Detection
internal import Foundation
internal import Imaging
internal import Support
internal import Torch
internal import Training
internal import VOCData

/// Fine-tunes a detector into a run folder and tests it: model, curve, detections, pictures, average precisions.
struct FineTuneWorkflow {
    var options: FineTuneOptions
    var train: VOCSet
    /// nil to train only.
    var test: VOCSet?
    var run: String
    var resume = false
    /// What the backbone starts from; nil for random weights.
    var weights: (path: String, file: SafetensorsFile, objective: String)?
    /// Proposals of both sets; nil makes them inside the run folder.
    var trainProposals: String?
    var testProposals: String?
    var checkpointEvery = 1000
    var logEvery = 20
    var pictures = 12
    /// Least score of a detection that is drawn; nil for the usual one.
    var pictureThreshold: Double?
    /// Shows on them where the objects are, too.
    var picturesShowObjects = false
    /// Detection files with all digits; see `DetectionWorkflow`.
    var fullPrecision = false
    var filter = DetectionFilter()
    /// Steps between looks at the first `evaluationImages` of the test set; nil for none.
    var evaluateEvery: Int?
    var evaluationImages = 100
    /// Prints where the time of a step and of a test image goes.
    var profiles = false
    var progress = ProgressBar.Style.automatic

    struct Outcome {
        var model: String
        var evaluation: EvaluationResult?
        var results: JSON
    }

    func callAsFunction() throws -> Outcome {
        let config: JSON = .object(
            [
                .init("command", "finetune"), .init("version", .string(Program.version)),
                .init("libtorch", .string(Runtime.version)),
                .init("devkit", .string(train.path)), .init("train_set", .string(train.name)),
                .init("train_images", .integer(train.ids.count)),
                .init("train_fingerprint", .string(try train.images.fingerprint)),
                .init("weights", .string(weights?.path ?? "random")),
                .init("start", .string(weights?.objective ?? "random")),
            ] + (options.json.members ?? []))
        let folder = try RunFolder(
            run, resume: resume, config: config, mayDiffer: FineTuneOptions.mayDiffer.union(["devkit", "weights"]))
        Interruption.watch()
        train.reportRepairs()
        let trainPath = try proposals(train, given: trainProposals, folder)
        let training = try FineTuning(
            options, data: train.with(proposals: trainPath), weights: weights?.file.tensors(),
            weightPath: weights?.path ?? "")
        reportInitialization(training)
        let stepProfile = profiles ? StageClock(device: options.device) : nil
        training.profile = stepProfile
        var loopOptions = LoopOptions(
            title: "finetune", gradientClip: options.gradientClip, logEvery: min(logEvery, options.iterations),
            checkpointEvery: checkpointEvery, progress: progress,
            shown: [("loss", "loss"), ("roi_accuracy", "ROI accuracy"), ("map", "mAP"), ("lr", "lr")],
            profile: stepProfile)
        loopOptions.evaluation = try earlyEvaluation(training, folder)
        let outcome = try TrainingLoop(training, folder: folder, options: loopOptions).run()
        let model = folder.file("model.safetensors")
        try training.writeModel(to: model)
        try RunReport.drawCurve(
            folder, ["loss", "classification_loss", "box_loss", "rpn_objectness_loss", "rpn_box_loss"],
            title: "fine-tuning from \(weights?.objective ?? "random") weights")
        if evaluateEvery != nil {
            try RunReport.plot(
                folder, ["map"], title: "mAP on \(evaluationImages) test images", yLabel: "mAP")?.render().write(
                    to: folder.file("map.png"))
        }
        var results: [JSON.Member] = [
            .init("start", .string(weights?.objective ?? "random")),
            .init("arch", .string(options.detector.network.architecture.rawValue)),
            .init("iterations", .integer(options.iterations)),
            .init("loss", outcome.lastValues["loss"].map { .number($0) } ?? .null),
            .init("images_per_second", .number(outcome.imagesPerSecond)), .init("seconds", .number(outcome.seconds)),
            .init("model", .string(model)), .init("train_images", .integer(train.ids.count)),
        ]
        if let stepProfile {
            print("a step of \(options.imagesPerStep) images:\n\(stepProfile.table)")
            results.append(.init("step_profile_ms", stepProfile.json))
        }
        var evaluation: EvaluationResult?
        if let test {
            let detector = try Detector(path: model, device: options.device, precision: options.precision)
            detector.filter = filter
            let testProfile = profiles ? StageClock(device: options.device) : nil
            var workflow = DetectionWorkflow(
                detector: detector, set: test, proposals: try proposals(test, given: testProposals, folder),
                out: folder.file("detections"))
            workflow.pictures = pictures
            workflow.pictureThreshold = pictureThreshold ?? workflow.pictureThreshold
            workflow.picturesShowObjects = picturesShowObjects
            workflow.fullPrecision = fullPrecision
            workflow.workers = options.workers
            workflow.progress = progress
            workflow.profile = testProfile
            let tested = try workflow()
            if let testProfile {
                print("a test image (\(tested.secondsPerImage.fixed(3)) s):\n\(testProfile.table)")
                results.append(.init("test_profile_ms", testProfile.json))
            }
            evaluation = tested.evaluation
            results += [
                .init("map", tested.evaluation.meanAveragePrecision.map { .number($0) } ?? .null),
                .init("test_images", .integer(test.ids.count)),
                .init("test_seconds_per_image", .number(tested.secondsPerImage)),
                .init("evaluation", tested.evaluation.json),
            ]
        } else {
            results.append(.init("map", .null))
        }
        try RunReport.write(.object(results), to: folder)
        return Outcome(model: model, evaluation: evaluation, results: .object(results))
    }

    /// Says which fully connected layers start from random values although weights were given.
    private func reportInitialization(_ training: FineTuning) {
        let names = training.initializedLayers.map { $0.split(separator: ".").dropFirst().joined(separator: ".") }
        if names.isEmpty { return }
        FileHandle.standardError.write(
            Data("\(weights?.path ?? "the weights") have no \(names.joined(separator: ", ")): initialised\n".utf8))
    }

    /// Tests the detector as it is now on the first images of the test set, and keeps the best one so far.
    private func earlyEvaluation(_ training: FineTuning, _ folder: RunFolder) throws -> LoopOptions.Evaluation? {
        guard let every = evaluateEvery, let test else { return nil }
        let subset = test.limited(to: evaluationImages)
        let data = try subset.with(proposals: try proposals(test, given: testProposals, folder))
        let evaluator = try VOCEvaluator(subset.annotations, classes: options.detector.classes)
        let best = folder.file("best.safetensors")
        let (filter, workers) = (filter, options.workers)
        return LoopOptions.Evaluation(every: every) {
            let detector = try training.detector()
            detector.filter = filter
            var run = DetectionTest(data)
            run.workers = workers
            let detections = try run.run(detector)
            let map = try evaluator.evaluate(detections, threads: workers).meanAveragePrecision ?? 0
            let earlier = try MetricsLog.read(folder.metrics).compactMap { $0["map"]?.doubleValue }.max()
            if map > earlier ?? -1 { try training.writeModel(to: best) }
            return [("map", map)]
        }
    }

    /// The file with the proposals of a set, made where it is not given; nil when the detector proposes its own.
    private func proposals(_ set: VOCSet, given: String?, _ folder: RunFolder) throws -> String? {
        if options.detector.head == .faster { return nil }
        if let given { return given }
        let path = folder.file("\(set.name).proposals")
        var workflow = ProposalWorkflow(
            set: set, out: path, limit: options.detector.proposals, workers: options.workers)
        workflow.progress = progress
        _ = try workflow()
        return path
    }
}
