internal import Boxes
internal import Support

/// What the best detections of a class are, and what it misses.
///
/// The best N detections are looked at, N being the number of objects that count: a perfect detector has nothing but
/// correct ones among them. Source: Hoiem, Chodpathumwan, Dai, "Diagnosing error in object detectors", ECCV 2012,
/// with duplicates counted by themselves and all other classes taken together.
public struct DetectionErrors: Hashable, Sendable {
    /// An overlap from here on is with an object and not with the background.
    public static let leastOverlap = 0.1

    /// Detections looked at; those of difficult objects are passed over.
    public var examined = 0
    public var correct = 0
    /// The object of highest overlap is of the class, but the overlap is not above the threshold.
    public var localisation = 0
    /// No object of the class is there, but one of another class.
    public var confusion = 0
    /// The object was found already.
    public var duplicate = 0
    /// Nothing is there.
    public var background = 0
    /// Objects that count and that no detection of any score finds.
    public var missed = 0
    /// Of the confusions: how many with each other class, by its index.
    public var confusedWith: [Int: Int] = [:]

    static func + (a: DetectionErrors, b: DetectionErrors) -> DetectionErrors {
        var sum = DetectionErrors()
        sum.examined = a.examined + b.examined
        sum.correct = a.correct + b.correct
        sum.localisation = a.localisation + b.localisation
        sum.confusion = a.confusion + b.confusion
        sum.duplicate = a.duplicate + b.duplicate
        sum.background = a.background + b.background
        sum.missed = a.missed + b.missed
        return sum
    }

    func json(classes: [String]) -> JSON {
        let pairs = confusedWith.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return [
            "examined": .integer(examined), "correct": .integer(correct), "localisation": .integer(localisation),
            "confusion": .integer(confusion), "duplicate": .integer(duplicate), "background": .integer(background),
            "missed": .integer(missed),
            "confused_with": .object(pairs.map { JSON.Member(classes[$0.key], .integer($0.value)) }),
        ]
    }
}

extension VOCEvaluator {
    func errors(
        class index: Int, _ detections: ClassDetections, _ matches: ClassMatches, outcomes: [ClassGroundTruth.Outcome]
    ) -> DetectionErrors {
        let npos = groundTruth[index].npos
        var errors = DetectionErrors()
        errors.missed = npos - outcomes.count { $0 == .truePositive }
        for (rank, outcome) in outcomes.enumerated() where outcome != .ignored {
            if errors.examined == npos { break }
            errors.examined += 1
            switch outcome {
            case .ignored: break
            case .truePositive: errors.correct += 1
            case .duplicate: errors.duplicate += 1
            case .falsePositive where matches.overlaps[rank] >= DetectionErrors.leastOverlap: errors.localisation += 1
            case .falsePositive:
                let detection = matches.order[rank]
                let other = nearest(
                    to: detections.boxes[detection], image: detections.imageIndices[detection], notOf: index)
                if let other {
                    errors.confusion += 1
                    errors.confusedWith[other, default: 0] += 1
                } else {
                    errors.background += 1
                }
            }
        }
        return errors
    }

    /// The class of the object of highest overlap among those of other classes, if that overlap is worth the name.
    private func nearest(to box: Box, image: Int, notOf index: Int) -> Int? {
        var best: (classIndex: Int, overlap: Double)?
        for object in objects[image] where object.classIndex != index {
            let overlap = box.iou(object.box)
            if overlap >= DetectionErrors.leastOverlap, overlap > best?.overlap ?? 0 {
                best = (object.classIndex, overlap)
            }
        }
        return best?.classIndex
    }
}
