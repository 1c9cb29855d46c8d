public import Boxes
internal import Support

/// The PASCAL VOC detection evaluator (Everingham et al. 2010; the conventions of py-faster-rcnn's `voc_eval`).
///
/// Detections are taken in descending score. Each looks at the object of highest IoU of its class in its image, and at
/// no second one: IoU not above the threshold → false positive; difficult → neither; not yet claimed → true positive;
/// claimed → false positive. Pixels are inclusive (the "+1" convention, which `Box` carries). Equal scores, common in
/// files rounded to three decimals, keep their order in the file.
public struct VOCEvaluator: Sendable {
    public enum Metric: String, Hashable, Sendable, CaseIterable {
        /// Eleven-point interpolation (VOC 2007).
        case voc07 = "07"
        /// Area under the monotone precision envelope (VOC 2010 and later).
        case area

        public var title: String { self == .voc07 ? "VOC 2007 11-point AP" : "AP as area under the curve" }
    }

    public let ids: [String]
    public let classes: [String]
    public let metric: Metric
    /// A match needs an IoU strictly above it.
    public let iouThreshold: Double
    let groundTruth: [ClassGroundTruth]
    /// All objects of each image, for telling confusions from the background.
    let objects: [[LabeledBox]]

    /// - Parameters:
    ///   - ids: the images that are evaluated.
    ///   - objects: for each image its objects; class indices count in `classes`.
    /// - Throws: `InputError` when an id is repeated.
    public init(
        ids: [String], objects: [[LabeledBox]], classes: [String], metric: Metric = .voc07, iouThreshold: Double = 0.5
    ) throws {
        precondition(ids.count == objects.count, "\(ids.count) ids but \(objects.count) lists of objects")
        precondition((0..<1).contains(iouThreshold), "iouThreshold must be in [0, 1), got \(iouThreshold)")
        self.ids = ids
        self.classes = classes
        self.metric = metric
        self.iouThreshold = iouThreshold
        self.objects = objects
        groundTruth = ClassGroundTruth.byClass(objects, classCount: classes.count)
        var seen: Set<String> = []
        for id in ids where !seen.insert(id).inserted { throw InputError(id, "this image is listed twice") }
    }

    /// Whether there is an object that counts: without one every average precision is undefined.
    public var hasObjects: Bool { groundTruth.contains { $0.npos > 0 } }

    /// Throws `InputError` when no object counts at all: the class names or the set are wrong.
    public func requireObjects() throws {
        guard hasObjects else {
            throw InputError(
                "ground truth",
                "has no object of the \(classes.count.counted("class")) that counts in \(ids.count.counted("image"))",
                remedy: "check the class names and the image set")
        }
    }

    /// - Parameter classes: nil for the classes of the data (`VOCClasses.found`); objects of any other class than
    ///   those given take no part.
    public init(
        _ set: AnnotatedSet, classes: [String]? = nil, metric: Metric = .voc07, iouThreshold: Double = 0.5
    ) throws {
        let classes = classes ?? VOCClasses.found(in: set.annotations)
        let indices = Dictionary(zip(classes, classes.indices)) { first, _ in first }
        let objects = set.annotations.map { annotation in
            annotation.objects.compactMap { object in
                indices[object.name].map {
                    LabeledBox(box: object.box, classIndex: $0, isDifficult: object.isDifficult)
                }
            }
        }
        try self.init(ids: set.ids, objects: objects, classes: classes, metric: metric, iouThreshold: iouThreshold)
    }

    /// Evaluates detections in memory: one list an image, in the order of `ids`.
    public func evaluate(_ detections: [[Detection]], threads: Int = 2) throws -> EvaluationResult {
        precondition(detections.count == ids.count, "\(detections.count) lists of detections for \(ids.count) images")
        return try evaluate(byClass: ClassDetections.byClass(detections, classCount: classes.count), threads: threads)
    }

    /// Evaluates detections that are already split by class, in the order of `classes`.
    public func evaluate(byClass detections: [ClassDetections], threads: Int = 2) throws -> EvaluationResult {
        precondition(detections.count == classes.count, "\(detections.count) lists for \(classes.count) classes")
        let results = try parallelMap(classes.count, threads: threads) { index in
            result(
                class: index, detections[index], groundTruth[index].matches(detections[index]),
                iouThreshold: iouThreshold)
        }
        return result(results, detections, iouThreshold: iouThreshold)
    }

    func result(
        _ classes: [ClassResult], _ detections: [ClassDetections], iouThreshold: Double
    ) -> EvaluationResult {
        var evaluation = EvaluationResult(
            metric: metric, iouThreshold: iouThreshold, images: ids.count, classes: classes)
        evaluation.unknownImageLines = detections.reduce(0) { $0 + $1.unknownImageLines }
        return evaluation
    }

    func result(
        class index: Int, _ detections: ClassDetections, _ matches: ClassMatches, iouThreshold: Double
    ) -> ClassResult {
        let truth = groundTruth[index]
        let npos = truth.npos
        let outcomes = truth.outcomes(matches, iouThreshold: iouThreshold)
        let counter = OutcomeCounter(outcomes, matches, scores: detections.scores, npos: npos)
        return ClassResult(
            name: classes[index], ap: npos > 0 ? counter.curve.averagePrecision(metric) : nil, npos: npos,
            detections: detections.count, truePositives: counter.truePositives,
            falsePositives: counter.falsePositives,
            ignored: outcomes.count - counter.truePositives - counter.falsePositives, curve: counter.curve,
            scores: counter.scores)
    }
}

/// Counts outcomes into a precision-recall curve.
struct OutcomeCounter {
    private(set) var curve = PrecisionRecallCurve()
    /// The score of each point of the curve.
    private(set) var scores: [Double] = []
    private(set) var truePositives = 0
    private(set) var falsePositives = 0

    init(_ outcomes: [ClassGroundTruth.Outcome], _ matches: ClassMatches, scores: [Double], npos: Int) {
        if npos > 0 {
            curve.recall.reserveCapacity(outcomes.count)
            curve.precision.reserveCapacity(outcomes.count)
            self.scores.reserveCapacity(outcomes.count)
        }
        for (rank, outcome) in outcomes.enumerated() where outcome != .ignored {
            if outcome == .truePositive { truePositives += 1 } else { falsePositives += 1 }
            if npos == 0 { continue }
            curve.recall.append(Double(truePositives) / Double(npos))
            curve.precision.append(Double(truePositives) / Double(truePositives + falsePositives))
            self.scores.append(scores[matches.order[rank]])
        }
    }
}
