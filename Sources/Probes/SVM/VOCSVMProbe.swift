internal import Support

/// Linear SVMs on frozen features of PASCAL VOC, one a class, measured by average precision.
///
/// Squared hinge, C of positive images doubled; C by three-fold cross-validation of the average precision of each class
/// (in steps, as scikit-learn has it); the test result is the area under the interpolated curve. Images in which a
/// class is only difficult are negatives in training, are left out in testing, and are never drawn for low-shot
/// training.
/// Source: Goyal, Mahajan, Gupta, Misra, "Scaling and benchmarking self-supervised visual representation learning",
/// ICCV 2019, and the authors' benchmark code.
public struct VOCSVMProbe: Hashable, Sendable {
    public var svm: LinearSVM
    public var costs: [Double]
    public var folds = 3
    /// C is multiplied by this for images that show the class.
    public var positiveWeight = 2.0
    public var normalizes = true

    public static let standardCosts: [Double] = [0.01, 0.1, 1, 2, 5, 10, 15, 20, 50, 100, 1000]

    public init(costs: [Double] = standardCosts) {
        precondition(!costs.isEmpty && costs.allSatisfy { $0 > 0 && $0.isFinite }, "every C must be positive")
        self.costs = costs.sorted()
        svm = LinearSVM()
        svm.maximumIterations = 2000
    }

    /// Trains on `train` and measures on `test`.
    ///
    /// - Parameter progress: Gets the number of binary fits done since the last call, from several threads.
    /// - Throws: `InputError` when dimensions or classes differ, and when a class has fewer positive or negative images
    ///   than there are folds.
    public func evaluate(
        train: MultiLabelFeatures, test: MultiLabelFeatures, threads: Int = 2,
        progress: @Sendable (Int) throws -> Void = { _ in }
    ) throws -> VOCSVMResult {
        let (train, test) = try prepared(train, test, folds: folds)
        let watch = Stopwatch()
        let truths = train.marks.map { $0.map { $0 == .present } }
        let (foldAP, fits) = try crossValidate(train, truths, threads, progress)
        // Of equal APs the smallest C, as numpy's argmax takes it.
        let chosen = foldAP.map { aps in aps.indices.max { aps[$0] < aps[$1] || (aps[$0] == aps[$1] && $0 > $1) }! }
        let fitted = zip(fits, chosen).map { $0[$1] }
        let fitSeconds = watch.seconds
        let aps = try averagePrecisions(fitted, on: test, threads: threads)
        let results = train.classes.indices.map { index in
            VOCSVMResult.Class(
                name: train.classes[index], ap: aps[index], cost: costs[chosen[index]],
                foldAP: foldAP[index][chosen[index]], positives: truths[index].count { $0 },
                testPositives: test.marks[index].count { $0 == .present }, isConverged: fitted[index].isConverged)
        }
        return VOCSVMResult(
            probe: self, classes: results, dimension: train.dimension, trainCount: train.count, testCount: test.count,
            fitSeconds: fitSeconds)
    }

    /// For each class and each C, the mean over the folds of the average precision of a fold in the model trained on
    /// the others, and the model trained on all.
    ///
    /// The latter goes up the costs as the former do: from nothing a large C would need many times the iterations.
    private func crossValidate(
        _ train: MultiLabelFeatures, _ truths: [[Bool]], _ threads: Int, _ progress: @Sendable (Int) throws -> Void
    ) throws -> (foldAP: [[Double]], fits: [[LinearClassifier]]) {
        // Folds are stratified by class, so each class has its own; all are solved over the same rows nevertheless.
        let foldOf = truths.map { StratifiedSplit.folds($0.map { $0 ? 1 : 0 }, count: folds) }
        let pairs = truths.indices.flatMap { index in (0..<folds).map { (index, $0) } }
        let parts = pairs.map { index, fold in
            BinaryProblem(
                signs: zip(truths[index], foldOf[index]).map { $1 == fold ? 0 : $0 ? 1 : -1 },
                positiveWeight: positiveWeight)
        }
        let all = try svm.fit(
            features: train.features, dimension: train.dimension,
            tasks: [SVMTask(rows: Array(0..<train.count), problems: parts + truths.map(problem))], costs: costs,
            threads: threads, progress: progress)[0]
        var result = [[Double]](repeating: [Double](repeating: 0, count: costs.count), count: truths.count)
        for ((index, fold), fits) in zip(pairs, all) {
            let rows = foldOf[index].indices.filter { foldOf[index][$0] == fold }
            let d = train.dimension
            let scores = try LinearClassifier.scores(
                fits, features: rows.flatMap { train.features[$0 * d..<($0 + 1) * d] }, dimension: d, threads: threads)
            for cost in costs.indices {
                let curve = PrecisionRecallCurve(
                    scores: rows.indices.map { scores[$0 * costs.count + cost] },
                    isPositive: rows.map { truths[index][$0] })
                result[index][cost] += (curve?.areaUnderSteps ?? 0) / Double(folds)
            }
        }
        return (result, Array(all.dropFirst(pairs.count)))
    }

    func problem(_ isPositive: [Bool]) -> BinaryProblem {
        BinaryProblem(signs: isPositive.map { $0 ? 1 : -1 }, positiveWeight: positiveWeight)
    }

    /// Of the classifier of each class, difficult images left out.
    func averagePrecisions(
        _ classifiers: [LinearClassifier], on test: MultiLabelFeatures, threads: Int
    ) throws -> [Double] {
        let scores = try LinearClassifier.scores(
            classifiers, features: test.features, dimension: test.dimension, threads: threads)
        return try parallelMap(classifiers.count, threads: threads) { index in
            let marks = test.marks[index]
            let rows = marks.indices.filter { marks[$0] != .difficult }
            let curve = PrecisionRecallCurve(
                scores: rows.map { scores[$0 * classifiers.count + index] },
                isPositive: rows.map { marks[$0] == .present })
            return curve?.areaUnderEnvelope ?? 0
        }
    }

    /// Throws `InputError` when a class has fewer positive or negative images than there are folds.
    ///
    /// - Parameter marks: For each class, for each training image.
    public func requireImages(
        in marks: [[MultiLabelFeatures.Mark]], of classes: [String], _ source: String
    ) throws {
        try Self.requireImages(in: marks, of: classes, source, folds: folds)
    }

    private static func requireImages(
        in marks: [[MultiLabelFeatures.Mark]], of classes: [String], _ source: String, folds: Int
    ) throws {
        for (name, marks) in zip(classes, marks) {
            let positives = marks.count { $0 == .present }
            guard min(positives, marks.count - positives) >= folds else {
                throw InputError(
                    source,
                    "the class \(name) has \(positives) positive images of \(marks.count), too few for "
                        + "\(folds) folds", remedy: "use more images, or leave the class out")
            }
        }
    }

    /// Checks that the two fit together and that each class can be divided into the folds, and normalises.
    func prepared(
        _ train: MultiLabelFeatures, _ test: MultiLabelFeatures, folds: Int
    ) throws -> (train: MultiLabelFeatures, test: MultiLabelFeatures) {
        guard train.dimension == test.dimension else {
            throw InputError(
                test.source, "has features of \(test.dimension) dimensions, but \(train.source) of \(train.dimension)",
                remedy: "use the same weights and layer for both")
        }
        guard train.classes == test.classes else {
            throw InputError(
                test.source, "has other classes than \(train.source)", remedy: "use image sets of the same classes")
        }
        try Self.requireImages(in: train.marks, of: train.classes, train.source, folds: folds)
        var (train, test) = (train, test)
        if normalizes {
            train.normalize()
            test.normalize()
        }
        return (train, test)
    }
}
