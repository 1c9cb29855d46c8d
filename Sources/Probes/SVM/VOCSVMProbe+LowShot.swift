internal import Support

/// mAP with k positive images a class.
public struct LowShotResult: Hashable, Sendable {
    public var shots: Int
    /// The C whose mean over the samples is best *on the test set*, as the benchmark reports it.
    public var cost: Double
    /// mAP of each sample at that C.
    public var maps: [Double]
    /// For each C the mean over the samples.
    public var meanByCost: [(cost: Double, map: Double)] { zip(costs, means).map { ($0, $1) } }

    var costs: [Double]
    var means: [Double]

    public var mean: Double { maps.reduce(0, +) / Double(maps.count) }
    public var minimum: Double { maps.reduce(.infinity, min) }
    public var maximum: Double { maps.reduce(-.infinity, max) }
    /// Over the samples, divided by their number as numpy's `std` does.
    public var deviation: Double {
        (maps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(maps.count)).squareRoot()
    }
}

extension VOCSVMProbe {
    /// Negative images for each positive one.
    private static func negatives(ofClasses count: Int) -> Int { max(1, count - 1) }

    /// Throws `InputError` naming a class with too few images for one of the numbers of shots.
    ///
    /// - Parameter marks: For each class, for each training image.
    public func requireImages(
        in marks: [[MultiLabelFeatures.Mark]], of classes: [String], _ source: String, _ shots: [Int]
    ) throws {
        let ratio = Self.negatives(ofClasses: classes.count)
        for (name, marks) in zip(classes, marks) {
            let positives = marks.count { $0 == .present }
            let negatives = marks.count { $0 == .absent }
            for k in shots where k > positives || k > negatives / ratio {
                throw InputError(
                    source,
                    "the class \(name) has \(positives) positive and \(negatives) negative images, but k = \(k) "
                        + "takes \(k) positive ones with \(ratio) negative each", remedy: "leave this k out")
            }
        }
    }

    /// Trains on `shots` positive and 19 times as many negative images a class, drawn anew for each sample.
    ///
    /// The negatives are (classes − 1) · k as in the benchmark, which is 19 k for the 20 classes of VOC. A class is
    /// drawn alone: difficult images never, and what is negative for it may be drawn for another.
    /// - Throws: `InputError` when dimensions or classes differ, and naming a class with too few images.
    public func evaluateLowShot(
        train: MultiLabelFeatures, test: MultiLabelFeatures, shots: [Int], samples: Int = 5, threads: Int = 2,
        progress: @Sendable (Int) throws -> Void = { _ in }
    ) throws -> [LowShotResult] {
        precondition(samples > 0 && shots.allSatisfy { $0 > 0 }, "shots and samples must be positive")
        let (train, test) = try prepared(train, test, folds: 1)
        let draws = train.marks.map { marks in
            (
                positive: marks.indices.filter { marks[$0] == .present },
                negative: marks.indices.filter { marks[$0] == .absent }
            )
        }
        let ratio = Self.negatives(ofClasses: train.classes.count)
        try requireImages(in: train.marks, of: train.classes, train.source, shots)
        return try shots.map { k in
            // [sample][cost]
            let maps = try (0..<samples).map { sample -> [Double] in
                let tasks = draws.indices.map { index -> SVMTask in
                    var random = RandomStream(svm.seed, UInt64(sample), UInt64(k), UInt64(index))
                    let positive = random.permutation(draws[index].positive.count).prefix(k)
                        .map { draws[index].positive[$0] }
                    let negative = random.permutation(draws[index].negative.count).prefix(ratio * k)
                        .map { draws[index].negative[$0] }
                    let truth = positive.map { _ in true } + negative.map { _ in false }
                    return SVMTask(rows: positive + negative, problems: [problem(truth)])
                }
                let fits = try svm.fit(
                    features: train.features, dimension: train.dimension, tasks: tasks, costs: costs, threads: threads,
                    progress: progress)
                return try costs.indices.map { cost in
                    let aps = try averagePrecisions(fits.map { $0[0][cost] }, on: test, threads: threads)
                    return aps.reduce(0, +) / Double(aps.count)
                }
            }
            let means = costs.indices.map { cost in maps.reduce(0) { $0 + $1[cost] } / Double(samples) }
            let best = means.indices.max { means[$0] < means[$1] || (means[$0] == means[$1] && $0 > $1) }!
            return LowShotResult(
                shots: k, cost: costs[best], maps: maps.map { $0[best] }, costs: costs, means: means)
        }
    }
}
