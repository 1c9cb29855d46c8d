internal import Boxes

/// The objects of one class, those of an image side by side.
struct ClassGroundTruth: Sendable {
    enum Outcome: Sendable {
        case truePositive, falsePositive, ignored
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

    /// What becomes of each detection, in descending order of score.
    func match(_ detections: ClassDetections, iouThreshold: Double) -> [Outcome] {
        var isClaimed = [Bool](repeating: false, count: boxes.count)
        return detections.scores.indicesByDescendingValue().map { index in
            let image = detections.imageIndices[index]
            let box = detections.boxes[index]
            var best = -1
            var bestIoU = 0.0
            for object in starts[image]..<starts[image + 1] {
                let iou = box.iou(boxes[object])
                if iou > bestIoU { (best, bestIoU) = (object, iou) }
            }
            if best < 0 || !(bestIoU > iouThreshold) { return .falsePositive }
            if isDifficult[best] { return .ignored }
            if isClaimed[best] { return .falsePositive }
            isClaimed[best] = true
            return .truePositive
        }
    }
}
