internal import Support

/// One-vs-rest classification by linear support vector machines on frozen features.
public struct SVMProbe: Hashable, Sendable {
    public enum ClassWeight: String, CaseIterable, Sendable {
        case none
        /// C of a class times n / (classes · n_class), as scikit-learn's "balanced".
        case balanced
    }

    public var svm = LinearSVM()
    /// With several, the one that classifies a held-out part of the training images best is taken.
    public var costs: [Double]
    /// The held-out part, of each class.
    public var heldOutFraction = 0.2
    public var classWeight = ClassWeight.none
    /// Scales every feature vector to unit length first.
    public var normalizes = true

    public init(costs: [Double] = [1]) {
        precondition(!costs.isEmpty && costs.allSatisfy { $0 > 0 && $0.isFinite }, "every C must be positive")
        self.costs = costs
    }

    /// Trains on all of `train` with the C chosen, and classifies `test`.
    ///
    /// - Parameters:
    ///   - classes: Their names by label, for errors; may be empty.
    ///   - progress: Gets the number of binary fits done since the last call, from several threads.
    /// - Throws: `InputError` when the dimensions differ, when there are fewer than two classes, when a test image is
    ///   of a class without training images, and when a class has too few images for the choice of C.
    public func evaluate(
        train: LabeledFeatures, test: LabeledFeatures, classes: [String] = [], threads: Int = 2,
        progress: @Sendable (Int) throws -> Void = { _ in }
    ) throws -> SVMResult {
        try requireSameDimension(train: train, test: test)
        let labels = Set(train.labels).sorted()
        func name(_ label: Int) -> String { label < classes.count ? "\"\(classes[label])\"" : "\(label)" }
        guard labels.count > 1 else {
            throw InputError(
                train.source, "holds the one class \(name(labels[0]))", remedy: "use images of at least two classes")
        }
        let position = Dictionary(uniqueKeysWithValues: zip(labels, labels.indices))
        if let unseen = test.labels.first(where: { position[$0] == nil }) {
            throw InputError(
                test.source, "the class \(name(unseen)) has no image in \(train.source)",
                remedy: "use data sets with the same classes")
        }
        var (train, test) = (train, test)
        train.expand()
        test.expand()
        if normalizes {
            train.normalize()
            test.normalize()
        }
        let watch = Stopwatch()
        let targets = train.labels.map { position[$0]! }
        var search: [SVMResult.HeldOut] = []
        let ascending = costs.sorted()
        if ascending.count > 1 {
            let heldOut = StratifiedSplit.heldOut(targets, fraction: heldOutFraction, seed: svm.seed)
            if let rare = labels.indices.first(where: { label in targets.count(where: { $0 == label }) < 2 }) {
                throw InputError(
                    train.source, "the class \(name(labels[rare])) has one image, too few to hold one out",
                    remedy: "use more images, or a single C")
            }
            search = try choose(train, targets, heldOut, ascending, labels.count, threads, progress)
        }
        // Of equal accuracies the smallest C: the strongest regularisation that is as good.
        let best = search.max { $0.accuracy < $1.accuracy || ($0.accuracy == $1.accuracy && $0.cost > $1.cost) }
        let cost = best?.cost ?? ascending[0]
        // Up the costs, as the held-out fits went: from nothing a large C would need many times the iterations.
        let classifiers = try fit(
            train, rows: Array(0..<train.count), targets, ascending.filter { $0 <= cost }, labels.count, threads,
            progress
        ).map { $0[$0.count - 1] }
        let fitSeconds = watch.seconds
        let scores = try LinearClassifier.scores(
            classifiers, features: test.features, dimension: test.dimension, threads: threads)
        let ranks = Self.ranks(scores, test.labels.map { position[$0]! }, labels.count)
        return SVMResult(
            probe: self, cost: cost, search: search, top1: Self.share(ranks) { $0 < 1 },
            top5: Self.share(ranks) { $0 < 5 }, dimension: train.dimension, classCount: labels.count,
            trainCount: train.count, testCount: test.count, classifiers: classifiers, fitSeconds: fitSeconds)
    }

    /// Accuracy on the held-out rows for each C.
    private func choose(
        _ train: LabeledFeatures, _ targets: [Int], _ heldOut: [Int], _ costs: [Double], _ classCount: Int,
        _ threads: Int, _ progress: @Sendable (Int) throws -> Void
    ) throws -> [SVMResult.HeldOut] {
        let isHeldOut = Set(heldOut)
        let kept = targets.indices.filter { !isHeldOut.contains($0) }
        let classifiers = try fit(train, rows: kept, targets, costs, classCount, threads, progress)
        let d = train.dimension
        let features = heldOut.flatMap { train.features[$0 * d..<($0 + 1) * d] }
        return try costs.indices.map { cost in
            let scores = try LinearClassifier.scores(
                classifiers.map { $0[cost] }, features: features, dimension: d, threads: threads)
            let ranks = Self.ranks(scores, heldOut.map { targets[$0] }, classCount)
            return SVMResult.HeldOut(cost: costs[cost], accuracy: Self.share(ranks) { $0 < 1 })
        }
    }

    /// For each class a classifier for each C.
    private func fit(
        _ train: LabeledFeatures, rows: [Int], _ targets: [Int], _ costs: [Double], _ classCount: Int, _ threads: Int,
        _ progress: @Sendable (Int) throws -> Void
    ) throws -> [[LinearClassifier]] {
        let targets = rows.map { targets[$0] }
        let weights = (0..<classCount).map { label in
            let members = targets.count { $0 == label }
            return classWeight == .none ? 1 : Double(targets.count) / (Double(classCount) * Double(members))
        }
        let problems = (0..<classCount).map { label in
            // In LIBLINEAR the weight of a class is that of its positive rows; only of two classes, which share one
            // plane, do both weights count.
            BinaryProblem(
                signs: targets.map { $0 == label ? 1 : -1 }, positiveWeight: weights[label],
                negativeWeight: classCount == 2 ? weights[1 - label] : 1)
        }
        return try svm.fit(
            features: train.features, dimension: train.dimension, tasks: [SVMTask(rows: rows, problems: problems)],
            costs: costs, threads: threads, progress: progress)[0]
    }

    /// For each row the number of classes that score higher than its own; of equal ones the lower comes first.
    private static func ranks(_ scores: [Float], _ targets: [Int], _ classCount: Int) -> [Int] {
        targets.indices.map { row in
            let values = scores[row * classCount..<(row + 1) * classCount]
            let own = values[values.startIndex + targets[row]]
            return values.enumerated().count { $1 > own || ($1 == own && $0 < targets[row]) }
        }
    }

    private static func share(_ ranks: [Int], _ isRight: (Int) -> Bool) -> Double {
        Double(ranks.count(where: isRight)) / Double(ranks.count)
    }
}

/// Throws `InputError` naming `test` when its features are of another dimension.
func requireSameDimension(train: LabeledFeatures, test: LabeledFeatures) throws {
    guard train.dimension == test.dimension else {
        throw InputError(
            test.source, "has features of \(test.dimension) dimensions, but \(train.source) of \(train.dimension)",
            remedy: "use the same weights and layer for both")
    }
}
