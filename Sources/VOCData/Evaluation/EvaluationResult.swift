public import Reporting
public import Support

/// What the evaluator found for one class.
public struct ClassResult: Hashable, Sendable {
    public var name: String
    /// Average precision in [0, 1]; nil when the class has no ground truth that counts.
    public var ap: Double?
    /// Objects that count: those not marked difficult.
    public var npos: Int
    public var detections: Int
    public var truePositives: Int
    public var falsePositives: Int
    /// Detections that matched a difficult object, which are neither.
    public var ignored: Int
    public var curve: PrecisionRecallCurve
    /// The score of each point of the curve: the threshold at which a detector gets that precision and recall.
    public var scores: [Double]
}

/// Average precisions of all classes under one protocol.
public struct EvaluationResult: Hashable, Sendable {
    public var metric: VOCEvaluator.Metric
    public var iouThreshold: Double
    public var images: Int
    public var classes: [ClassResult]
    /// Classes without a detection file.
    public var classesWithoutFile: [String] = []
    /// Detection lines left out because their image is not in the set.
    public var unknownImageLines = 0
    /// Classes left out of the mean although they have ground truth, by the choice of the caller.
    public var excluded: [String] = []

    /// Mean average precision over the classes that have ground truth; nil when none has.
    public var meanAveragePrecision: Double? {
        let values = classes.filter { !excluded.contains($0.name) }.compactMap(\.ap)
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// Classes whose average precision is undefined, for lack of ground truth.
    public var undefinedClasses: [String] { classes.filter { $0.ap == nil }.map(\.name) }

    public subscript(name: String) -> ClassResult? { classes.first { $0.name == name } }

    /// `{"metric", "iou", "map", "ap": {class: value or null}, "npos": {…}, …}`, values in [0, 1].
    public var json: JSON {
        func perClass(_ value: (ClassResult) -> JSON) -> JSON {
            .object(classes.map { JSON.Member($0.name, value($0)) })
        }
        return [
            "metric": .string(metric.rawValue), "iou": .number(iouThreshold),
            "map": JSON(meanAveragePrecision), "ap": perClass { JSON($0.ap) },
            "npos": perClass { .integer($0.npos) }, "detections": perClass { .integer($0.detections) },
            "true_positives": perClass { .integer($0.truePositives) },
            "false_positives": perClass { .integer($0.falsePositives) }, "images": .integer(images),
            "undefined": .array(undefinedClasses.map { .string($0) }),
            "without_file": .array(classesWithoutFile.map { .string($0) }),
            "excluded": .array(excluded.map { .string($0) }), "unknown_image_lines": .integer(unknownImageLines),
        ]
    }

    /// Average precisions in percent, the mean below them, and every exception; then the same as bars.
    public var report: Report {
        let table = Table(
            [
                .text("class"), .percent("AP %"), .number("npos"), .number("detections"), .number("TP"), .number("FP"),
            ],
            classes.map {
                [
                    .text($0.name), .number($0.ap), .integer($0.npos), .integer($0.detections),
                    .integer($0.truePositives), .integer($0.falsePositives),
                ]
            } + [["mAP", .number(meanAveragePrecision)]], notes: notes, missing: "undefined")
        let bars = BarPlot(
            title: "Average precision, \(metric.title), IoU > \(iouThreshold)", yLabel: "AP %",
            groups: classes.map(\.name) + ["mAP"],
            series: [.init("", (classes.map(\.ap) + [meanAveragePrecision]).map { 100 * ($0 ?? .nan) })])
        return Report("Average precision", [.table(table), .figure(.bars(bars, size: bars.wideSize))])
    }

    private var notes: [String] {
        let counted = classes.filter { $0.ap != nil && !excluded.contains($0.name) }.count
        var lines = [
            "\(metric.title), IoU > \(iouThreshold), \(images.counted("image")), mean of \(counted.counted("class"))"
        ]
        if !undefinedClasses.isEmpty {
            lines.append("without ground truth, left out of the mean: " + undefinedClasses.joined(separator: ", "))
        }
        if !classesWithoutFile.isEmpty {
            let effect = excluded.isEmpty ? "counted as AP 0" : "left out of the mean"
            lines.append("no detections file, \(effect): " + classesWithoutFile.joined(separator: ", "))
        }
        if unknownImageLines > 0 {
            lines.append("\(unknownImageLines.counted("detection")) in images outside the set ignored")
        }
        return lines
    }
}
