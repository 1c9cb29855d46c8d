public import Reporting
public import Support

/// What the SVM probe measured, with the protocol.
public struct SVMResult: Hashable, Sendable {
    /// Accuracy on the held-out part of the training images.
    public struct HeldOut: Hashable, Sendable {
        public var cost: Double
        public var accuracy: Double
    }

    public var probe: SVMProbe
    /// The C that the classifiers were trained with.
    public var cost: Double
    /// One for each C that was tried; empty when there was no choice.
    public var search: [HeldOut]
    /// Fractions of the test images.
    public var top1: Double
    public var top5: Double
    public var dimension: Int
    public var classCount: Int
    public var trainCount: Int
    public var testCount: Int
    /// One a class.
    public var classifiers: [LinearClassifier]
    /// Search for C and training.
    public var fitSeconds: Double

    /// Sum of the primal objectives of the classes.
    public var objective: Double { classifiers.reduce(0) { $0 + $1.objective } }
    public var unconverged: Int { classifiers.count { !$0.isConverged } }

    /// One sentence that says how the numbers were made.
    public var protocolText: String {
        let choice =
            search.isEmpty
            ? "C = \(cost)"
            : "C = \(cost), the best of \(search.map { "\($0.cost)" }.joined(separator: ", ")) on "
                + "\((100 * probe.heldOutFraction).fixed(0)) % of the training images, then trained on all"
        return "one-vs-rest \(probe.svm.text) on \(probe.normalizes ? "L2-normalised " : "")\(dimension)-d features, "
            + "class weight \(probe.classWeight.rawValue), \(choice); \(trainCount) training and \(testCount) test "
            + "images of \(classCount.counted("class"))"
    }

    public var json: JSON {
        [
            "protocol": .string(protocolText), "top1": .number(top1), "top5": .number(top5), "c": .number(cost),
            "held_out": .array(search.map { ["c": .number($0.cost), "top1": .number($0.accuracy)] }),
            "held_out_fraction": search.isEmpty ? .null : .number(probe.heldOutFraction),
            "loss": .string(probe.svm.loss.rawValue), "bias": .number(probe.svm.bias),
            "tolerance": .number(probe.svm.tolerance), "class_weight": .string(probe.classWeight.rawValue),
            "l2_normalized": .bool(probe.normalizes), "dimension": .integer(dimension),
            "n_classes": .integer(classCount), "n_train": .integer(trainCount), "n_test": .integer(testCount),
            "objective": .number(objective), "iterations": .array(classifiers.map { .integer($0.iterations) }),
            "unconverged": .integer(unconverged), "fit_seconds": .number(fitSeconds),
        ]
    }

    /// The search for C, and what came of the best.
    public var report: Report {
        let tried = Table(
            [.number("C"), .percent("held-out top-1 %")], search.map { [.number($0.cost), .number($0.accuracy)] })
        let limit =
            unconverged > 0 ? ["\(unconverged) of \(classCount) fits reached the limit of iterations"] : []
        let table = Table(
            [.number("C"), .percent("top-1 %"), .percent("top-5 %"), .number("fit s", decimals: 2)],
            [[.number(cost), .number(top1), .number(top5), .number(fitSeconds)]], notes: limit + [protocolText])
        return Report("Support vector machines", (search.isEmpty ? [] : [.table(tried)]) + [.table(table)])
    }
}
