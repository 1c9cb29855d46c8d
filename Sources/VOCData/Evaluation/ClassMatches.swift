internal import Boxes

/// The objects of one class, those of an image side by side.
struct ClassGroundTruth: Sendable {
    enum Outcome: Sendable {
        case truePositive, falsePositive
        /// A false positive that found an object that was claimed already.
        case duplicate
        case ignored

        var isFalse: Bool { self == .falsePositive || self == .duplicate }
    }

    /// Objects of image i are at `starts[i] ..< starts[i + 1]`.
    private(set) var starts = [0]
    private(set) var boxes: [Box] = []
    private(set) var isDifficult: [Bool] = []

    /// Objects not marked difficult.
    var npos: Int { isDifficult.reduce(0) { $0 + ($1 ? 0 : 1) } }

    static func byClass(_ objects: [[LabeledBox]], classCount: Int) -> [ClassGroundTruth] {
        var result = [ClassGroundTruth](repeating: ClassGroundTruth(), count: classCount)
        for list in objects {
            for object in list {
                precondition(
                    result.indices.contains(object.classIndex),
                    "class index \(object.classIndex) with \(classCount) classes")
                result[object.classIndex].boxes.append(object.box)
                result[object.classIndex].isDifficult.append(object.isDifficult)
            }
            for index in result.indices { result[index].starts.append(result[index].boxes.count) }
        }
        return result
    }

    /// What each detection looks at; the same at every threshold.
    func matches(_ detections: ClassDetections) -> ClassMatches {
        var matches = ClassMatches(order: detections.scores.indicesByDescendingValue())
        matches.objects.reserveCapacity(matches.order.count)
        matches.overlaps.reserveCapacity(matches.order.count)
        for index in matches.order {
            let image = detections.imageIndices[index]
            let box = detections.boxes[index]
            var best = -1
            var bestIoU = 0.0
            for object in starts[image]..<starts[image + 1] {
                let iou = box.iou(boxes[object])
                if iou > bestIoU { (best, bestIoU) = (object, iou) }
            }
            matches.objects.append(best)
            matches.overlaps.append(bestIoU)
        }
        return matches
    }

    /// What becomes of each detection, in descending order of score.
    func outcomes(_ matches: ClassMatches, iouThreshold: Double) -> [Outcome] {
        var isClaimed = [Bool](repeating: false, count: boxes.count)
        return zip(matches.objects, matches.overlaps).map { object, overlap in
            if object < 0 || !(overlap > iouThreshold) { return .falsePositive }
            if isDifficult[object] { return .ignored }
            if isClaimed[object] { return .duplicate }
            isClaimed[object] = true
            return .truePositive
        }
    }
}

/// The detections of a class in descending order of score, each with the object of highest overlap in its image.
struct ClassMatches: Sendable {
    /// Indices of the detections.
    var order: [Int]
    /// Index of the object; -1 where no object overlaps.
    var objects: [Int] = []
    var overlaps: [Double] = []

    init(order: [Int]) { self.order = order }
}
