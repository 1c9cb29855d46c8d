public import Backbone
public import Support

/// Figures of papers on VOC 2007 test, to stand beside ours; mAP in percent, trained on trainval.
public struct PublishedResults: Sendable {
    public var architecture: Architecture
    /// What the weights learnt from.
    public var start: String
    /// In percent.
    public var map: Double
    public var source: String

    public static func of(_ architecture: Architecture) -> [PublishedResults] {
        func result(_ start: String, _ map: Double, _ source: String) -> PublishedResults {
            PublishedResults(architecture: architecture, start: start, map: map, source: source)
        }
        let paper = "Wu et al., CVPR 2018"
        switch architecture {
        case .alexnet:
            return [
                result("random", 43.4, "Fast R-CNN, as compared with by \(paper)"),
                result("supervised", 56.8, "Fast R-CNN, as compared with by \(paper)"),
                result("instance", 48.1, "Fast R-CNN, \(paper)"),
            ]
        case .vgg16:
            return [
                result("supervised", 66.9, "Fast R-CNN, Girshick, ICCV 2015"),
                result("instance", 60.5, "Fast R-CNN, \(paper)"),
            ]
        case .resnet50:
            return [
                result("supervised", 76.2, "Faster R-CNN, as compared with by \(paper)"),
                result("instance", 65.4, "Faster R-CNN, \(paper)"),
            ]
        case .resnet18, .resnet34, .resnet101, .resnet20, .resnet20x2: return []
        }
    }

    public var json: JSON {
        [
            "arch": .string(architecture.rawValue), "weights": .string(start), "map": .number(map),
            "source": .string(source),
        ]
    }
}
