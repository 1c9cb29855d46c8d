internal import Distributed
internal import Imaging
public import Probes
public import Reporting
public import Support
internal import VOCData

/// Classifies images by one-vs-rest linear support vector machines on their features.
public struct SVMRun {
    public var data: ProbeData
    public var probe: SVMProbe
    /// Whether a class may have no training image.
    public var allowsEmptyClasses = false
    public var threads = 2
    public var progress = ProgressBar.Style.automatic

    public init(_ data: ProbeData, probe: SVMProbe) {
        self.data = data
        self.probe = probe
    }

    /// - Returns: What was measured, and how the features were made.
    /// - Throws: `InputError` when the data have no test part, and of `ProbeData.load`.
    public func callAsFunction() throws -> (result: SVMResult, protocolJSON: JSON) {
        let (train, test) = try data.load(allowsEmptyClasses: allowsEmptyClasses, progress: progress)
        guard let test else {
            throw InputError(train.features.source, "has no test part", remedy: "give data to classify")
        }
        // At most: the last training stops at the C chosen.
        let fits = probe.costs.count > 1 ? 2 * probe.costs.count : 1
        let bar = SharedProgress(
            "fits", total: Set(train.features.labels).count * fits, unit: "fits", style: progress)
        let result = try probe.evaluate(
            train: train.features, test: test.features, classes: train.classes, threads: threads
        ) { bar.advance(by: $0) }
        bar.finish()
        return (result, train.protocolJSON)
    }
}

/// Measures features by the average precision of linear SVMs on a VOC devkit.
public struct VOCSVMRun {
    /// The path of the devkit.
    public var devkit: String
    public var trainSet = "trainval"
    public var testSet = "test"
    /// nil for all with image sets of their own.
    public var classes: [String]?
    /// How the sets are read: what is left out of them, and how many images are taken of each.
    public var options = VOCSet.Options(.keep, threads: 2)
    public var probe = VOCSVMProbe()
    /// Positive images a class of the low-shot form, with so many draws each; nil to leave it out.
    public var lowShot: (shots: [Int], samples: Int)?
    /// Where the features are written, too.
    public var trainFeatures: String?
    public var testFeatures: String?
    public var threads = 2
    public var progress = ProgressBar.Style.automatic

    public init(_ devkit: String) {
        self.devkit = devkit
        options.missing = .skip
        options.leavesOutUnreadable = true
    }

    /// What was measured.
    public struct Outcome {
        public var result: VOCSVMResult
        /// nil without that form, and as long as it is not measured.
        public var lowShot: [LowShotResult]?
        /// How the features were made.
        public var features: JSON
        public var trainSet: String
        public var testSet: String
        private let probe: VOCSVMProbe
        private let classCount: Int

        fileprivate init(_ result: VOCSVMResult, features: JSON, of run: VOCSVMRun, classCount: Int) {
            self.result = result
            self.features = features
            (trainSet, testSet, probe) = (run.trainSet, run.testSet, run.probe)
            self.classCount = classCount
        }

        /// The full protocol; the low-shot form in a section of its own.
        public var report: Report {
            var report = result.report
            report.append(.paragraph(features.featureText))
            if let lowShot {
                report.sections.append(
                    .init("Low-shot", [.table(probe.lowShotTable(lowShot, classCount: classCount))]))
            }
            return report
        }

        public var json: JSON {
            .object(
                (result.json.members ?? []) + [
                    .init("features", features), .init("train_set", .string(trainSet)),
                    .init("test_set", .string(testSet)),
                ] + (lowShot.map { [.init("low_shot", probe.lowShotJSON($0, classCount: classCount))] } ?? []))
        }
    }

    /// - Parameters:
    ///   - extractor: Makes the features; its pipeline is the protocol's, not its own.
    ///   - receive: Receives what is measured as soon as it is: the full protocol first, then all again with the low-shot
    ///     form, which takes many times as long.
    /// - Throws: `InputError` naming the file that is missing or wrong, before any image is looked at.
    @discardableResult
    public func callAsFunction(
        _ extractor: FeatureExtractor, receive: (Outcome) throws -> Void = { _ in }
    ) throws -> Outcome {
        let selections = try [trainSet, testSet].map { try DevkitSelection(devkit, sets: $0, split: options.split) }
        if let name = classes.flatMap({ names in
            names.indices.first { names[..<$0].contains(names[$0]) }.map { names[$0] }
        }) {
            throw InputError("--classes", "names the class \(name) twice", remedy: "name each once")
        }
        let names = try classes ?? VOCPresence.classes(of: selections, options)
        let presence = try selections.map { try VOCPresence($0, classes: names, options) }
        for part in presence { part.report() }
        // What the features cannot change is found before they are made.
        try probe.requireImages(in: presence[0].marks, of: names, presence[0].source)
        if let lowShot { try probe.requireImages(in: presence[0].marks, of: names, presence[0].source, lowShot.shots) }
        var extractor = extractor
        extractor.pipeline = VOCPresence.pipeline(imageSize: extractor.imageSize)
        let tables = try zip(presence, ["features (train)", "features (test)"]).map { presence, title in
            try FeatureRun.extract(presence.images, extractor, title: title, progress: progress)
        }
        try extractor.world.leaveToLeader()
        if let trainFeatures { try tables[0].write(to: trainFeatures) }
        if let testFeatures { try tables[1].write(to: testFeatures) }
        let sets = try zip(presence, tables).map { presence, table in try presence.labeled(table) }
        let bar = SharedProgress(
            "fits", total: names.count * probe.costs.count * (probe.folds + 1), unit: "fits", style: progress)
        let result = try probe.evaluate(train: sets[0], test: sets[1], threads: threads) { bar.advance(by: $0) }
        bar.finish()
        let made = JSON.object(
            (tables[0].protocolJSON.members ?? [])
                + [.init("resize", "short side to 256/224 of the input, then squashed to a square")])
        var outcome = Outcome(result, features: made, of: self, classCount: names.count)
        try receive(outcome)
        if let lowShot {
            outcome.lowShot = try self.lowShot(lowShot, sets, classCount: names.count)
            try receive(outcome)
        }
        return outcome
    }

    private func lowShot(
        _ form: (shots: [Int], samples: Int), _ sets: [MultiLabelFeatures], classCount: Int
    ) throws -> [LowShotResult] {
        let (shots, samples) = form
        let bar = SharedProgress(
            "low-shot fits", total: shots.count * samples * classCount * probe.costs.count, unit: "fits",
            style: progress)
        let results = try probe.evaluateLowShot(
            train: sets[0], test: sets[1], shots: shots, samples: samples, threads: threads
        ) { bar.advance(by: $0) }
        bar.finish()
        return results
    }
}
