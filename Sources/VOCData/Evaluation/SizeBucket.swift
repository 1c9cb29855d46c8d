internal import Boxes

/// Objects by their area in pixels, with the bounds of COCO: small < 32², medium up to 96², large above.
///
/// COCO measures the area of an object's mask; VOC has boxes only, so this is the area of the box.
public enum SizeBucket: String, Hashable, Sendable, CaseIterable {
    case small, medium, large

    /// The bucket of a box.
    public init(area: Double) { self = area < 32 * 32 ? .small : area <= 96 * 96 ? .medium : .large }

    public var title: String {
        switch self {
        case .small: "small, under 32²"
        case .medium: "medium, 32² to 96²"
        case .large: "large, over 96²"
        }
    }
}

/// Average precisions among objects of one size.
public struct SizeResult: Hashable, Sendable {
    public var bucket: SizeBucket
    /// In the order of the evaluator's classes; nil where the class has no object of this size that counts.
    public var ap: [Double?]
    public var npos: [Int]
    /// Mean over the classes that have such objects; nil when none has.
    public var meanAveragePrecision: Double?
}

extension VOCEvaluator {
    /// Average precision of one class among the objects of one size, and their number.
    ///
    /// As in COCO, objects of other sizes are ignored like difficult ones, and so are detections of other sizes that
    /// found nothing: they are no error of this size.
    func averagePrecision(
        class index: Int, _ detections: ClassDetections, _ matches: ClassMatches, outcomes: [ClassGroundTruth.Outcome],
        bucket: SizeBucket
    ) -> (ap: Double?, npos: Int) {
        let truth = groundTruth[index]
        let isInside = truth.boxes.map { SizeBucket(area: $0.area) == bucket }
        let npos = zip(isInside, truth.isDifficult).count { $0 && !$1 }
        if npos == 0 { return (nil, 0) }
        let limited = zip(outcomes, matches.order).enumerated().map { rank, pair in
            let (outcome, detection) = pair
            switch outcome {
            case .ignored: return ClassGroundTruth.Outcome.ignored
            case .truePositive, .duplicate:
                // An object of another size takes its detections with it.
                return isInside[matches.objects[rank]] ? outcome : .ignored
            case .falsePositive:
                return SizeBucket(area: detections.boxes[detection].area) == bucket ? outcome : .ignored
            }
        }
        let counter = OutcomeCounter(limited, matches, scores: detections.scores, npos: npos)
        return (counter.curve.averagePrecision(metric), npos)
    }
}
