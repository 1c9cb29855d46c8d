public import Backbone

/// Figures of papers on VOC 2007 test, to stand beside ours; mAP in percent, trained on trainval.
public struct PublishedResults {
    /// What the weights learnt from.
    public var start: String
    /// In percent.
    public var map: Double
    public var source: String

    public static func of(_ architecture: Architecture) -> [PublishedResults] {
        let paper = "Wu et al., CVPR 2018"
        switch architecture {
        case .alexnet:
            return [
                .init(start: "random", map: 43.4, source: "Fast R-CNN, as compared with by \(paper)"),
                .init(start: "supervised", map: 56.8, source: "Fast R-CNN, as compared with by \(paper)"),
                .init(start: "instance", map: 48.1, source: "Fast R-CNN, \(paper)"),
            ]
        case .vgg16:
            return [
                .init(start: "supervised", map: 66.9, source: "Fast R-CNN, Girshick, ICCV 2015"),
                .init(start: "instance", map: 60.5, source: "Fast R-CNN, \(paper)"),
            ]
        case .resnet50:
            return [
                .init(start: "supervised", map: 76.2, source: "Faster R-CNN, as compared with by \(paper)"),
                .init(start: "instance", map: 65.4, source: "Faster R-CNN, \(paper)"),
            ]
        case .resnet18, .resnet34, .resnet101, .resnet20, .resnet20x2: return []
        }
    }
}
