public import Boxes
public import Support

/// Which boxes become detections; the default is the filter of py-faster-rcnn's test.
public struct DetectionFilter: Hashable, Sendable {
    /// A class is reported for a region when its probability is above this.
    public var scoreThreshold = 0.05
    /// Boxes of one class that enter non-maximum suppression, best first; nil for all.
    public var candidatesPerClass: Int?
    /// Of boxes of one class that overlap more than this, the best one stays.
    public var nmsThreshold = 0.3
    /// Most detections of an image, over all classes.
    public var detectionsPerImage = 100
    /// Over a whole set, the best detections of a class stay: this many times the number of images. nil for all.
    public var setDetectionsPerImage: Int?

    public init() {}

    public var json: JSON {
        [
            "score": .number(scoreThreshold), "nms": .number(nmsThreshold),
            "candidates_per_class": candidatesPerClass.map { .integer($0) } ?? .null,
            "detections_per_image": detectionsPerImage == .max ? .null : .integer(detectionsPerImage),
            "set_detections_per_image": setDetectionsPerImage.map { .integer($0) } ?? .null,
        ]
    }

    /// Score above .05, suppression, the best 100 of an image (py-faster-rcnn).
    public static let pyFasterRCNN = DetectionFilter()

    /// The release of Fast R-CNN (2015): no least score, the best 100 boxes of a class into suppression, and over the
    /// set about 40 detections an image of each class. The release counts those before suppression, which drops a few
    /// more at the very end of a ranking.
    public static let fastRCNN: DetectionFilter = {
        var filter = DetectionFilter()
        filter.scoreThreshold = 0
        filter.candidatesPerClass = 100
        filter.detectionsPerImage = .max
        filter.setDetectionsPerImage = 40
        return filter
    }()

    /// The detections of a set's images that stay.
    public func appliedToSet(_ detections: [[Detection]], classCount: Int) -> [[Detection]] {
        guard let limit = setDetectionsPerImage else { return detections }
        let capacity = limit * detections.count
        var scores = [[Double]](repeating: [], count: classCount)
        for detection in detections.joined() { scores[detection.classIndex].append(detection.score) }
        let thresholds = scores.map { scores in
            scores.count <= capacity ? -Double.infinity : scores.sorted(by: >)[capacity]
        }
        return detections.map { $0.filter { $0.score > thresholds[$0.classIndex] } }
    }
}
