internal import Detection
internal import Support

/// Options that decide which boxes become detections.
struct FilterOptions {
    enum Published: String, CaseIterable {
        case pyFasterRCNN = "py-faster-rcnn"
        case fastRCNN = "fast-rcnn"

        var filter: DetectionFilter {
            switch self {
            case .pyFasterRCNN: .pyFasterRCNN
            case .fastRCNN: .fastRCNN
            }
        }
    }

    private let published: Option<Published?>
    private let score: Option<Double?>
    private let nms: Option<Double?>
    private let maximum: Option<Int?>

    init(_ parser: ArgumentParser) {
        published = parser.optionalChoice(
            "filter",
            "py-faster-rcnn: score above .05, the best 100 of an image; fast-rcnn (2015): no least score, 100 a class "
                + "into suppression, about 40 an image of each class",
            shown: "py-faster-rcnn; voc07-c4-moco: the same with --nms 0.5")
        score = parser.optional(
            "score", "P", "least probability of a detection", shown: "the filter's", .between(0, 1))
        nms = parser.optional(
            "nms", "T", "overlap above which the weaker box of a class is dropped", shown: "the filter's: 0.3",
            .between(0, 1))
        maximum = parser.optional(
            "max-detections", "N", "most detections of an image", shown: "the filter's", .atLeast(1))
    }

    var value: DetectionFilter { value(or: .pyFasterRCNN) }

    /// The filter that was chosen, or `other`, with what was chosen beside it.
    func value(or other: DetectionFilter) -> DetectionFilter {
        var filter = published.value?.filter ?? other
        filter.scoreThreshold = score.value ?? filter.scoreThreshold
        filter.nmsThreshold = nms.value ?? filter.nmsThreshold
        filter.detectionsPerImage = maximum.value ?? filter.detectionsPerImage
        return filter
    }
}
