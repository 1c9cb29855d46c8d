public import Reporting
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
        let names = main.classes.map(\.name)
        func perClass(_ values: [JSON]) -> JSON { .object(zip(names, values).map { JSON.Member($0, $1) }) }
        return .object(
            (main.json.members ?? []) + [
                .init(
                    "thresholds",
                    .array(
                        results.map { result in
                            [
                                "iou": .number(result.iouThreshold), "map": JSON(result.meanAveragePrecision),
                                "ap": perClass(result.classes.map { JSON($0.ap) }),
                            ]
                        })),
                .init("ap50", JSON(ap50)), .init("ap75", JSON(ap75)), .init("ap50_95", JSON(ap50to95)),
                .init(
                    "sizes",
                    .object(
                        sizes.map {
                            JSON.Member(
                                $0.bucket.rawValue,
                                [
                                    "map": JSON($0.meanAveragePrecision), "ap": perClass($0.ap.map { JSON($0) }),
                                    "npos": perClass($0.npos.map { .integer($0) }),
                                ])
                        })),
                .init("errors", perClass(errors.map { $0.json(classes: names) })),
            ])
    }

    /// The first threshold, all thresholds where there are several, the summaries.
    ///
    /// - Parameter showsClassErrors: Adds the kinds of errors of each class.
    public func report(showsClassErrors: Bool = false) -> Report {
        var report = main.report
        if results.count > 1 { report.sections.append(.init("Overlaps", [.table(thresholdTable)])) }
        report.sections += [
            .init([
                .paragraph(
                    "AP50 \(percent(ap50))  AP75 \(percent(ap75))  mean of AP at IoU > .50, .55 … .95: \(percent(ap50to95))"
                )
            ]),
            .init(
                "Sizes",
                [
                    .table(
                        Table(
                            [.text("objects by area of the box"), .number("objects"), .percent("mAP %")],
                            sizes.map {
                                [
                                    .text($0.bucket.title), .integer($0.npos.reduce(0, +)),
                                    .number($0.meanAveragePrecision),
                                ]
                            }, missing: Self.undefined))
                ]), .init("Kinds of errors", [.table(errorTable(of: []))]),
        ]
        if showsClassErrors {
            let classes = zip(main.classes, errors).map { ($0.name, $1) }
            report.sections.append(.init("Kinds of errors by class", [.table(errorTable(of: classes))]))
        }
        return report
    }

    /// Kinds of errors of the classes given and of all together.
    private func errorTable(of classes: [(name: String, errors: DetectionErrors)]) -> Table {
        let kinds = ["correct", "poor box", "other class", "duplicate", "background"]
        return Table(
            [.text("best detections, %"), .number("examined")] + kinds.map { .percent($0, decimals: 1) }
                + [.number("missed")],
            (classes + [("all classes", errors.reduce(DetectionErrors(), +))]).map { name, errors in
                let counts = [
                    errors.correct, errors.localisation, errors.confusion, errors.duplicate, errors.background,
                ]
                return [.text(name), .integer(errors.examined)]
                    + counts.map {
                        .number(errors.examined > 0 ? Double($0) / Double(errors.examined) : nil)
                    } + [.integer(errors.missed)]
            })
    }

    private var thresholdTable: Table {
        func row(_ name: String, _ values: [Double?]) -> [Table.Cell] {
            let known = values.compactMap { $0 }
            let mean = known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
            return [.text(name)] + (values + [mean]).map { .number($0) }
        }
        return Table(
            [.text("AP % at IoU >")] + results.map { .percent("\($0.iouThreshold)") } + [.percent("mean")],
            main.classes.indices.map { index in
                row(main.classes[index].name, results.map { $0.classes[index].ap })
            } + [row("mAP", results.map(\.meanAveragePrecision))], missing: Self.undefined)
    }

    private static let undefined = "undefined"

    private func percent(_ value: Double?) -> String { value.map { (100 * $0).fixed(2) } ?? Self.undefined }
}
