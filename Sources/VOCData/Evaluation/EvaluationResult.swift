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
            "map": meanAveragePrecision.map { .number($0) } ?? .null,
            "ap": perClass { $0.ap.map { .number($0) } ?? .null },
            "npos": perClass { .integer($0.npos) }, "detections": perClass { .integer($0.detections) },
            "true_positives": perClass { .integer($0.truePositives) },
            "false_positives": perClass { .integer($0.falsePositives) }, "images": .integer(images),
            "undefined": .array(undefinedClasses.map { .string($0) }),
            "without_file": .array(classesWithoutFile.map { .string($0) }),
            "excluded": .array(excluded.map { .string($0) }), "unknown_image_lines": .integer(unknownImageLines),
        ]
    }

    /// A table for people, in percent, with the mean below and every exception said.
    public var table: String {
        var rows = [["class", "AP %", "npos", "detections", "TP", "FP"]]
        for result in classes {
            rows.append(
                [result.name, result.ap.map { (100 * $0).fixed(2) } ?? "undefined"]
                    + [result.npos, result.detections, result.truePositives, result.falsePositives].map { String($0) })
        }
        let counted = classes.filter { $0.ap != nil && !excluded.contains($0.name) }.count
        rows.append(["mAP", meanAveragePrecision.map { (100 * $0).fixed(2) } ?? "undefined"])
        var lines = [
            textTable(rows), "\(metric.title), IoU > \(iouThreshold), \(images) images, mean of \(counted) classes",
        ]
        if !undefinedClasses.isEmpty {
            lines.append("without ground truth, left out of the mean: " + undefinedClasses.joined(separator: ", "))
        }
        if !classesWithoutFile.isEmpty {
            let effect = excluded.isEmpty ? "counted as AP 0" : "left out of the mean"
            lines.append("no detections file, \(effect): " + classesWithoutFile.joined(separator: ", "))
        }
        if unknownImageLines > 0 { lines.append("\(unknownImageLines) detections in images outside the set ignored") }
        return lines.joined(separator: "\n") + "\n"
    }
}
