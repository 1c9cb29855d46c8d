internal import Graphics
internal import Imaging
internal import Datasets
public import Backbone
public import Detection
public import Distributed
internal import Proposals
public import Reporting
public import Support
internal import Torch
public import Training
public import VOCData

/// Fine-tunes a detector into a run folder and tests it: model, curve, detections, pictures, average precisions.
public struct FineTuneRun {
    public var options: FineTuneOptions
    public var train: VOCSet
    /// nil to train only.
    public var test: VOCSet?
    /// The run folder.
    public var folder: String
    public var resume = false
    /// What the backbone starts from.
    public var start: StartingWeights
    /// Proposals of both sets; nil makes them inside the run folder.
    public var trainProposals: String?
    public var testProposals: String?
    public var checkpointEvery = 1000
    public var logEvery = 20
    /// How detections are drawn and written.
    public var output = DetectRun.Output()
    public var filter = DetectionFilter()
    /// Looks at some of the test set while training; nil for none.
    public var looks: Looks?
    /// Measures where the time of a step and of a test image goes.
    public var profiles = false
    public var progress = ProgressBar.Style.automatic
    /// The processes that train and test together.
    public var world = World.alone

    /// The test set, looked at on the way.
    public struct Looks: Hashable, Sendable {
        /// Steps from one to the next.
        public var every: Int
        /// The first images of the set, so many.
        public var images: Int

        public init(every: Int, images: Int = 100) {
            self.every = every
            self.images = images
        }
    }

    public init(
        _ options: FineTuneOptions, from start: StartingWeights, train: VOCSet, test: VOCSet?, folder: String
    ) {
        self.options = options
        self.start = start
        self.train = train
        self.test = test
        self.folder = folder
    }

    /// What a fine-tuning came to.
    public struct Outcome {
        /// The model file.
        public var model: String
        /// What the weights learnt from.
        public var start: String
        public var architecture: Architecture
        public var iterations: Int
        public var trainImages: Int
        /// Of all processes, since the run was begun or resumed.
        public var imagesPerSecond: Double
        public var seconds: Double
        /// The mean over the last steps; nil when none was logged.
        public var loss: Double?
        /// Where the time of a step went, when asked for.
        public var stepProfile: StageClock?
        /// Where the regions came from that it was trained on; null for a detector that proposes its own.
        public var trainProposals: JSON
        /// The test; nil without a test set.
        public var test: Test?

        public struct Test {
            public var images: Int
            /// nil for a set without annotations.
            public var evaluation: EvaluationResult?
            public var secondsPerImage: Double
            public var profile: StageClock?
            /// What the figures depend on: set, filter, proposals.
            public var settings: JSON
        }

        public var json: JSON {
            var members: [JSON.Member] = [
                .init("start", .string(start)), .init("arch", .string(architecture.rawValue)),
                .init("iterations", .integer(iterations)), .init("loss", JSON(loss)),
                .init("images_per_second", .number(imagesPerSecond)), .init("seconds", .number(seconds)),
                .init("model", .string(model)), .init("train_images", .integer(trainImages)),
            ]
            if trainProposals != .null { members.append(.init("train_proposals", trainProposals)) }
            if let stepProfile { members.append(.init("step_profile_ms", stepProfile.json)) }
            if let profile = test?.profile { members.append(.init("test_profile_ms", profile.json)) }
            members.append(.init("map", JSON(test?.evaluation?.meanAveragePrecision)))
            if let test {
                members += [
                    .init("test_images", .integer(test.images)),
                    .init("test_seconds_per_image", .number(test.secondsPerImage)),
                    .init("evaluation", test.evaluation?.json ?? .null), .init("test", test.settings),
                ]
            }
            return .object(members)
        }

        /// Where the time went, when that was asked for; the test; the model.
        public var report: Report {
            var report = Report("Fine-tuning from \(start) weights", [])
            func add(_ profile: StageClock?, _ title: String) {
                guard let profile else { return }
                report.sections.append(.init("Profile", [.table(Self.table(profile, caption: "\(title):"))]))
            }
            add(stepProfile, "a step")
            add(test?.profile, "a test image (\((test?.secondsPerImage ?? 0).fixed(3)) s)")
            if let test {
                report.sections +=
                    test.evaluation?.report.sections ?? [.init([.paragraph(DetectRun.Outcome.unlabelled)])]
            }
            report.append(
                .paragraph(
                    "trained \(iterations.counted("step")) at \(imagesPerSecond.fixed(2)) images/s; model: \(model)"))
            return report
        }

        private static func table(_ clock: StageClock, caption: String) -> Table {
            let rows = clock.milliseconds
            let total = rows.reduce(0) { $0 + $1.value }
            return Table(
                [.text("stage"), .number("ms a step", decimals: 1), .percent("share %", decimals: 1)],
                (rows + [("all", total)]).map { [.text($0.0), .number($0.1), .number($0.1 / max(total, 1e-9))] },
                caption: caption)
        }
    }

    /// Trains and tests, or throws `InterruptedError` with everything saved.
    public func callAsFunction() throws -> Outcome {
        try prepare()
        if resume, world.isLeader {
            try RunSession.checkProcesses(RunSession.processes(in: folder), world, options.dependsOnProcesses, folder)
        }
        let session = try RunSession(
            folder, command: "finetune", resume: resume, settings: settings(),
            mayDiffer: FineTuneOptions.mayDiffer.union(["devkit", "weights", "processes"]), world: world)
        Interruption.watch()
        let data = try train.with(proposals: proposals(train, given: trainProposals, session))
        let training = try FineTuning(
            options, data: data, weights: start.file?.tensors(), weightPath: start.source.name, world: world)
        reportInitialization(training)
        training.profile = profiles ? StageClock(device: options.device) : nil
        var loopOptions = LoopOptions(
            title: "finetune", gradientClip: options.gradientClip, logEvery: min(logEvery, options.iterations),
            checkpointEvery: checkpointEvery, progress: progress,
            shown: [("loss", "loss"), ("roi_accuracy", "ROI accuracy"), ("map", "mAP"), ("lr", "lr")],
            evaluation: try looking(training, session), profile: training.profile)
        loopOptions.world = world
        let trained = try TrainingLoop(training, folder: session.folder, options: loopOptions).run()
        let model = session.file("model.safetensors")
        if world.isLeader {
            try training.writeModel(to: model)
            try drawCurves(session)
        }
        var outcome = Outcome(
            model: model, start: start.objective, architecture: options.detector.network.architecture,
            iterations: options.iterations, trainImages: train.ids.count,
            imagesPerSecond: trained.imagesPerSecond, seconds: trained.seconds, loss: trained.lastValues["loss"],
            stepProfile: training.profile, trainProposals: Self.settings(of: data.proposals))
        if let test {
            let detector =
                world.size == 1
                ? try Detector(
                    path: model, device: options.device, precision: options.precision) : try training.detector()
            outcome.test = try measure(detector, on: test, session)
        }
        try world.leaveToLeader()
        try session.write(outcome.json)
        return outcome
    }

    /// What would make the end fail is found before the beginning.
    private func prepare() throws {
        try DetectionFile.requireFileNames(
            set: test?.name ?? train.name, classes: options.detector.classes, folder: folder)
        guard train.objects.contains(where: { !$0.isEmpty }) else {
            throw InputError(
                train.path, "the set \"\(train.name)\" holds no object to learn from",
                remedy: "check the class names and the set")
        }
        train.report()
        guard let test else { return }
        test.report()
        if !test.isUnlabelled, !test.hasObjects {
            Console.remark("\(test.name) holds no object that counts: its average precision will be undefined")
        }
    }

    private func settings() throws -> [JSON.Member] {
        var members: [JSON.Member] = [
            .init("devkit", .string(train.path)), .init("train_set", .string(train.name)),
            .init("train_images", .integer(train.ids.count)),
            .init("train_fingerprint", .string(try train.images.fingerprint)),
            .init("weights", .string(start.source.name)), .init("start", .string(start.objective)),
        ]
        if world.size > 1 { members.append(.init("processes", .integer(world.size))) }
        if options.synchronizesBatchNorm { members.append(.init("sync_batchnorm", true)) }
        if let split = train.split { members.append(.init("split", split.json)) }
        if let turned = train.turnedCount { members.append(.init("turned_by_exif", .integer(turned))) }
        return members + (options.json.members ?? [])
    }

    /// Says which fully connected layers start from random values although weights were given.
    private func reportInitialization(_ training: FineTuning) {
        let names = training.initializedLayers.map { $0.split(separator: ".").dropFirst().joined(separator: ".") }
        if names.isEmpty { return }
        Console.remark("\(start.source.name) have no \(names.joined(separator: ", ")): initialised")
    }

    private func drawCurves(_ session: RunSession) throws {
        try session.drawCurve(
            ["loss", "classification_loss", "box_loss", "rpn_objectness_loss", "rpn_box_loss"],
            title: "fine-tuning from \(start.objective) weights")
        guard let looks else { return }
        try session.plot(["map"], title: "mAP on \(looks.images.counted("test image"))", yLabel: "mAP")?.drawing()
            .write(
                to: session.file("map.png"))
    }

    private func measure(_ detector: Detector, on test: VOCSet, _ session: RunSession) throws -> Outcome.Test {
        detector.filter = filter
        detector.profile = profiles ? StageClock(device: options.device) : nil
        var run = DetectRun(
            detector, on: test, proposals: try proposals(test, given: testProposals, session),
            folder: session.file("detections"))
        run.output = output
        run.workers = options.workers
        run.progress = progress
        run.world = world
        let tested = try run()
        try record(test, run, session)
        return Outcome.Test(
            images: test.ids.count, evaluation: tested.evaluation, secondsPerImage: tested.secondsPerImage,
            profile: detector.profile,
            settings: [
                "set": .string(test.name), "fingerprint": .string(try test.images.fingerprint),
                "filter": filter.json, "metric": .string(run.metric.rawValue), "iou": .number(run.iouThreshold),
                "proposals": Self.settings(of: try run.proposals.map { try ProposalFile(contentsOf: $0) }),
            ])
    }

    /// Keeps curves, kinds of errors and recall of proposals for reports.
    private func record(_ test: VOCSet, _ run: DetectRun, _ session: RunSession) throws {
        if test.isUnlabelled { return }
        let evaluator = try test.evaluator(
            classes: options.detector.classes, metric: run.metric, iouThreshold: run.iouThreshold)
        let report = try evaluator.report(
            folder: run.folder, set: test.name, iouThresholds: [run.iouThreshold],
            unknownImages: test.isAnnotated ? .stop : .ignore, threads: options.workers)
        let recall = try run.proposals.map { path in
            let file = try ProposalFile(contentsOf: path)
            var recall = RecallCurve()
            for (id, objects) in zip(test.ids, test.objects) {
                recall.add(proposals: file.boxes(for: id) ?? [], groundTruth: objects)
            }
            return recall
        }
        try Files.writeAtomically(
            TestRecord.json(report, recall: recall).line + "\n", to: session.file(TestRecord.name))
    }

    /// What made proposals, so that comparisons see a difference.
    private static func settings(of proposals: ProposalFile?) -> JSON {
        guard let header = proposals?.header else { return .null }
        return [
            "method": .string(header.method), "options": header.options, "seed": .string("\(header.seed)"),
        ]
    }

    /// Tests the detector as it is now on the first images of the test set, and keeps the best one so far.
    private func looking(_ training: FineTuning, _ session: RunSession) throws -> LoopOptions.Evaluation? {
        guard let looks, let test else { return nil }
        let subset = test.limited(to: looks.images)
        let data = try subset.with(proposals: try proposals(test, given: testProposals, session))
        let evaluator = try subset.evaluator(classes: options.detector.classes)
        guard evaluator.hasObjects else { return nil }
        let best = session.file("best.safetensors")
        let (filter, workers) = (filter, options.workers)
        return LoopOptions.Evaluation(every: looks.every) {
            let detector = try training.detector()
            detector.filter = filter
            var run = DetectionTest(data)
            run.workers = workers
            let detections = try run.run(detector)
            let map = try evaluator.evaluate(subset.annotated(detections), threads: workers).meanAveragePrecision ?? 0
            let earlier = try MetricsLog.read(session.folder.metrics).compactMap { $0["map"]?.doubleValue }.max()
            if map > earlier ?? -1 { try training.writeModel(to: best) }
            return [("map", map)]
        }
    }

    /// The file with the proposals of a set, made where it is not given; nil when the detector proposes its own.
    private func proposals(_ set: VOCSet, given: String?, _ session: RunSession) throws -> String? {
        if options.detector.kind == .faster { return nil }
        if let given { return given }
        var run = ProposalRun(set, to: session.file("\(set.name).proposals"))
        run.limit = options.detector.proposals
        run.workers = options.workers
        run.progress = progress
        run.world = world
        return try run.madeFile()
    }
}
