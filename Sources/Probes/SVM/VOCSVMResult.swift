public import Reporting
public import Support

/// What the SVM probe measured on PASCAL VOC, with the protocol.
public struct VOCSVMResult: Hashable, Sendable {
    public struct Class: Hashable, Sendable {
        public var name: String
        /// Area under the interpolated precision-recall curve on the test images.
        public var ap: Double
        public var cost: Double
        /// Mean average precision over the folds of the training images at that C.
        public var foldAP: Double
        public var positives: Int
        public var testPositives: Int
        public var isConverged: Bool
    }

    public var probe: VOCSVMProbe
    public var classes: [Class]
    public var dimension: Int
    public var trainCount: Int
    public var testCount: Int
    /// Cross-validation and training.
    public var fitSeconds: Double

    public var map: Double { classes.reduce(0) { $0 + $1.ap } / Double(classes.count) }

    /// One sentence that says how the numbers were made.
    public var protocolText: String {
        "VOC07 SVM (Goyal et al. 2019): one \(probe.svm.text) a class on \(probe.normalizes ? "L2-normalised " : "")"
            + "\(dimension)-d features, C of positives times \(probe.positiveWeight), C a class by \(probe.folds)-fold "
            + "average precision over \(probe.costText); difficult images negative in training and left out in "
            + "testing; AP as area under the interpolated curve; \(trainCount) training and \(testCount.counted("test image"))"
    }

    public var json: JSON {
        [
            "protocol": .string(protocolText), "map": .number(map),
            "ap": .object(classes.map { .init($0.name, .number($0.ap)) }),
            "c": .object(classes.map { .init($0.name, .number($0.cost)) }),
            "fold_ap": .object(classes.map { .init($0.name, .number($0.foldAP)) }),
            "npos": .object(classes.map { .init($0.name, .integer($0.testPositives)) }),
            "costs": .array(probe.costs.map { .number($0) }), "folds": .integer(probe.folds),
            "loss": .string(probe.svm.loss.rawValue), "bias": .number(probe.svm.bias),
            "tolerance": .number(probe.svm.tolerance), "max_iterations": .integer(probe.svm.maximumIterations),
            "positive_weight": .number(probe.positiveWeight), "l2_normalized": .bool(probe.normalizes),
            "dimension": .integer(dimension), "n_train": .integer(trainCount), "n_test": .integer(testCount),
            "unconverged": .integer(classes.count { !$0.isConverged }), "fit_seconds": .number(fitSeconds),
        ]
    }

    public var report: Report {
        let table = Table(
            [.text("class"), .percent("AP %"), .number("C"), .percent("fold AP %"), .number("positives")],
            classes.map {
                [.text($0.name), .number($0.ap), .number($0.cost), .number($0.foldAP), .integer($0.testPositives)]
            } + [["mean", .number(map)]], notes: [protocolText])
        return Report("VOC07 SVM", [.table(table)])
    }
}

extension VOCSVMProbe {
    var costText: String { costs.map { "\($0)" }.joined(separator: ", ") }

    /// One sentence that says how low-shot numbers are made.
    public func lowShotText(_ results: [LowShotResult], classCount: Int) -> String {
        "VOC07 low-shot SVM (Goyal et al. 2019): k positive and \(max(1, classCount - 1)) k negative images a class, "
            + "\((results.first?.maps.count ?? 0).counted("sample")); \(svm.text), C of positives times \(positiveWeight); C is the "
            + "one of \(costText) with the best mean mAP on the test images, as that benchmark reports it"
    }

    public func lowShotJSON(_ results: [LowShotResult], classCount: Int) -> JSON {
        [
            "protocol": .string(lowShotText(results, classCount: classCount)),
            "samples": .integer(results.first?.maps.count ?? 0),
            "shots": .object(
                results.map { result in
                    .init(
                        String(result.shots),
                        [
                            "mean": .number(result.mean), "min": .number(result.minimum),
                            "max": .number(result.maximum), "std": .number(result.deviation),
                            "c": .number(result.cost), "map": .array(result.maps.map { .number($0) }),
                            "mean_by_c": .array(
                                result.meanByCost.map { ["c": .number($0.cost), "map": .number($0.map)] }),
                        ])
                }),
        ]
    }

    public func lowShotTable(_ results: [LowShotResult], classCount: Int) -> Table {
        Table(
            [.number("k"), .percent("mAP % mean"), .percent("min"), .percent("max"), .percent("std"), .number("C")],
            results.map { result in
                [.integer(result.shots)]
                    + [result.mean, result.minimum, result.maximum, result.deviation].map { .number($0) }
                    + [.number(result.cost)]
            }, notes: [lowShotText(results, classCount: classCount)])
    }
}
