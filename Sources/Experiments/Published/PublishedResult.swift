public import Backbone
public import Pretrain
public import Support

/// What a paper or a repository says of weights on a task, in percent, to stand beside what was measured.
public struct PublishedResult: Hashable, Sendable {
    public var task: Task
    public var weights: Weights
    public var architecture: Architecture
    public var figures: [Figure]
    /// The network in the words of its source.
    public var network: String
    /// How it was made, where that is not as for the others: "200 epochs".
    public var remarks: String
    /// Whether layers were scaled to change at one rate before fine-tuning (Krähenbühl et al., ICLR 2016): †.
    public var isRescaled: Bool
    /// Paper and table, or repository and file.
    public var source: String

    /// What was measured; figures of one task alone share a table.
    public enum Task: String, CaseIterable, Sendable {
        /// Linear classifiers on frozen layers, top-1.
        case imageNetLinear = "imagenet-linear"
        case placesLinear = "places-linear"
        /// Weighted nearest neighbours, top-1.
        case imageNetNeighbors = "imagenet-knn"
        /// Detection on VOC 2007 test, and classification of its images where the same table has it.
        case voc07 = "voc07"
    }

    /// What weights learnt from.
    public enum Weights: Hashable, Sendable {
        case random
        case dataDriven
        case method(MethodName)
        /// Of a method that this program does not have.
        case other(String)

        /// From what a weight file calls it; nil for anything else, such as imported weights that do not say.
        public init?(objective: String) {
            if objective == WeightSource.random || objective == WeightInitRun.randomObjective {
                self = .random
            } else if objective == WeightInitRun.dataDrivenObjective {
                self = .dataDriven
            } else if let method = MethodName(rawValue: objective) {
                self = .method(method)
            } else {
                return nil
            }
        }

        public var name: String {
            switch self {
            case .random: WeightSource.random
            case .dataDriven: WeightInitRun.dataDrivenObjective
            case .method(let method): method.rawValue
            case .other(let name): name
            }
        }
    }

    /// A value of one column of its task.
    public struct Figure: Hashable, Sendable {
        /// As in JSON: "conv1".
        public var column: String
        public var percent: Double

        public init(_ column: String, _ percent: Double) {
            self.column = column
            self.percent = percent
        }
    }

    /// Everything that is shown of it, and `"published": true`; figures under the names of their columns.
    public var json: JSON {
        .object(
            [
                .init("published", true), .init("task", .string(task.rawValue)),
                .init("weights", .string(weights.name)), .init("arch", .string(architecture.rawValue)),
            ] + figures.map { .init($0.column, .number($0.percent)) } + [
                .init("rescaled", .bool(isRescaled)), .init("network", .string(network)),
                .init("remarks", .string(remarks)), .init("source", .string(source)),
            ])
    }
}

extension PublishedResult.Task {
    /// The figures that a table of it may have, from the left: names in JSON and headings.
    var columns: [(name: String, heading: String)] {
        switch self {
        case .imageNetLinear, .placesLinear:
            let layers = (1...5).map { "conv\($0)" } + (1...4).map { "layer\($0)" } + ["avgpool"]
            return layers.map { ($0, $0) } + [("one_layer", "one layer")]
        case .imageNetNeighbors: return [("top1", "top-1 %")]
        case .voc07:
            return [
                ("map", "mAP %"), ("ap50", "AP50 %"), ("ap", "AP %"), ("ap75", "AP75 %"),
                ("classification_fc6_8", "class. fc6-8 %"), ("classification_all", "class. all %"),
            ]
        }
    }

    /// Says what the published figures are of.
    var caption: String {
        switch self {
        case .imageNetLinear:
            "ImageNet, linear classifiers, top-1 %; published ones on all of it (1,281,167 training, 50,000 test images, 1000 classes):"
        case .placesLinear: "Places, linear classifiers, top-1 %; published ones on all of it (205 classes):"
        case .imageNetNeighbors:
            "ImageNet, nearest neighbours; published ones on all of it (1,281,167 images vote, 50,000 are classified):"
        case .voc07:
            "VOC 2007 test; published ones on all of it (4952 images), trained on trainval (5011 images) if no other is named, "
                + "weights from all of ImageNet:"
        }
    }

    /// Of the columns that say less than their heading.
    func notes(of shown: Set<String>) -> [String] {
        var notes: [String] = []
        if shown.contains("one_layer") { notes.append("one layer: the source does not say which") }
        if !shown.isDisjoint(with: ["classification_fc6_8", "classification_all"]) {
            notes.append("class.: mAP of classifying the images, with fc6 to fc8 trained or all layers")
        }
        return notes
    }
}
