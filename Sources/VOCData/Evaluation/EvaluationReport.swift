public import Support

/// All that the evaluator says about some detections: several overlaps, object sizes and kinds of errors.
public struct EvaluationReport: Hashable, Sendable {
    /// At each threshold asked for, in that order.
    public private(set) var results: [EvaluationResult]
    /// The average precision of each class at an overlap of .50, .55, … .95.
    public let steps: [[Double?]]
    /// At the first threshold.
    public private(set) var sizes: [SizeResult]
    /// For each class, at the first threshold.
    public private(set) var errors: [DetectionErrors]

    /// At the first threshold.
    public var main: EvaluationResult { results[0] }
    public var ap50: Double? { mean(steps[0]) }
    public var ap75: Double? { mean(steps[5]) }
    /// The mean of the ten steps: COCO's average over overlaps, of VOC's average precision.
    public var ap50to95: Double? {
        let values = steps.compactMap(mean)
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// .50, .55, … .95
    public static let cocoThresholds = (0..<10).map { Double(50 + 5 * $0) / 100 }

    init(results: [EvaluationResult], steps: [[Double?]], sizes: [SizeResult], errors: [DetectionErrors]) {
        self.results = results
        self.steps = steps
        self.sizes = sizes
        self.errors = errors
        averageSizes()
    }

    mutating func note(missing: [String], _ policy: MissingDetectionFiles) {
        for index in results.indices { results[index].note(missing: missing, policy) }
        averageSizes()
    }

    private mutating func averageSizes() {
        for index in sizes.indices { sizes[index].meanAveragePrecision = mean(sizes[index].ap) }
    }

    /// Over the classes that take part and have a value.
    private func mean(_ values: [Double?]) -> Double? {
        let known = zip(values, main.classes).compactMap { main.excluded.contains($1.name) ? nil : $0 }
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }
}

extension VOCEvaluator {
    /// Evaluates detections split by class at several thresholds, each detection being matched once.
    ///
    /// - Parameter iouThresholds: in [0, 1), at least one; the first is the one for sizes and errors.
    public func report(
        byClass detections: [ClassDetections], iouThresholds: [Double], threads: Int = 2
    ) throws -> EvaluationReport {
        precondition(detections.count == classes.count, "\(detections.count) lists for \(classes.count) classes")
        precondition(
            !iouThresholds.isEmpty && iouThresholds.allSatisfy { (0..<1).contains($0) },
            "thresholds must be in [0, 1), got \(iouThresholds)")
        struct ClassReport: Sendable {
            var results: [ClassResult]
            var steps: [Double?]
            var sizes: [(ap: Double?, npos: Int)]
            var errors: DetectionErrors
        }
        let reports = try parallelMap(classes.count, threads: threads) { index in
            let matches = groundTruth[index].matches(detections[index])
            let outcomes = groundTruth[index].outcomes(matches, iouThreshold: iouThresholds[0])
            return ClassReport(
                results: iouThresholds.map {
                    result(class: index, detections[index], matches, iouThreshold: $0)
                },
                steps: EvaluationReport.cocoThresholds.map {
                    result(class: index, detections[index], matches, iouThreshold: $0).ap
                },
                sizes: SizeBucket.allCases.map {
                    averagePrecision(class: index, detections[index], matches, outcomes: outcomes, bucket: $0)
                },
                errors: errors(class: index, detections[index], matches, outcomes: outcomes))
        }
        return EvaluationReport(
            results: iouThresholds.indices.map { place in
                result(reports.map { $0.results[place] }, detections, iouThreshold: iouThresholds[place])
            },
            steps: EvaluationReport.cocoThresholds.indices.map { step in reports.map { $0.steps[step] } },
            sizes: SizeBucket.allCases.indices.map { bucket in
                SizeResult(
                    bucket: SizeBucket.allCases[bucket], ap: reports.map { $0.sizes[bucket].ap },
                    npos: reports.map { $0.sizes[bucket].npos })
            },
            errors: reports.map(\.errors))
    }
}

// MARK: Results for people and machines

extension EvaluationReport {
    /// The members of the first threshold's result (see `EvaluationResult.json`), then "thresholds", "ap50", "ap75",
    /// "ap50_95", "sizes" and "errors".
    public var json: JSON {
        func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
        let names = main.classes.map(\.name)
        func perClass(_ values: [JSON]) -> JSON { .object(zip(names, values).map { JSON.Member($0, $1) }) }
        return .object(
            (main.json.members ?? []) + [
                .init(
                    "thresholds",
                    .array(
                        results.map { result in
                            [
                                "iou": .number(result.iouThreshold), "map": number(result.meanAveragePrecision),
                                "ap": perClass(result.classes.map { number($0.ap) }),
                            ]
                        })),
                .init("ap50", number(ap50)), .init("ap75", number(ap75)), .init("ap50_95", number(ap50to95)),
                .init(
                    "sizes",
                    .object(
                        sizes.map {
                            JSON.Member(
                                $0.bucket.rawValue,
                                [
                                    "map": number($0.meanAveragePrecision), "ap": perClass($0.ap.map(number)),
                                    "npos": perClass($0.npos.map { .integer($0) }),
                                ])
                        })),
                .init("errors", perClass(errors.map { $0.json(classes: names) })),
            ])
    }

    /// The table of the first threshold, one of all thresholds where there are several, and the summaries.
    public var table: String {
        var text = main.table
        if results.count > 1 { text += "\n" + thresholdTable + "\n" }
        text +=
            "\nAP50 \(percent(ap50))  AP75 \(percent(ap75))  mean of AP at IoU > .50, .55 … .95: \(percent(ap50to95))\n"
        let rows =
            [["objects by area of the box", "objects", "mAP %"]]
            + sizes.map { [$0.bucket.title, String($0.npos.reduce(0, +)), percent($0.meanAveragePrecision)] }
        text += "\n" + textTable(rows) + "\n"
        let all = errors.reduce(DetectionErrors(), +)
        text += "\n" + errorTable([("all classes", all)]) + "\n"
        return text
    }

    /// Kinds of errors of each class and in all.
    public var errorTable: String {
        let rows = zip(main.classes, errors).map { ($0.name, $1) }
        return errorTable(rows + [("all classes", errors.reduce(DetectionErrors(), +))]) + "\n"
    }

    private func errorTable(_ rows: [(String, DetectionErrors)]) -> String {
        func share(_ count: Int, _ errors: DetectionErrors) -> String {
            errors.examined > 0 ? (100 * Double(count) / Double(errors.examined)).fixed(1) : "–"
        }
        return textTable(
            [
                [
                    "best detections, %", "examined", "correct", "poor box", "other class", "duplicate", "background",
                    "missed",
                ]
            ]
                + rows.map { name, errors in
                    [name, String(errors.examined)]
                        + [errors.correct, errors.localisation, errors.confusion, errors.duplicate, errors.background]
                        .map { share($0, errors) } + [String(errors.missed)]
                })
    }

    private var thresholdTable: String {
        let header = ["AP % at IoU >"] + results.map { "\($0.iouThreshold)" } + ["mean"]
        func row(_ name: String, _ values: [Double?]) -> [String] {
            let known = values.compactMap { $0 }
            let mean = known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
            return [name] + (values + [mean]).map(percent)
        }
        let rows = main.classes.indices.map { index in
            row(main.classes[index].name, results.map { $0.classes[index].ap })
        }
        return textTable([header] + rows + [row("mAP", results.map(\.meanAveragePrecision))])
    }

    private func percent(_ value: Double?) -> String { value.map { (100 * $0).fixed(2) } ?? "undefined" }
}
