internal import Proposals
internal import Support
internal import VOCData

/// `evaluation.json` of a run folder: what the test of a detector found beyond its average precisions.
enum TestRecord {
    static let name = "evaluation.json"

    /// Most points of a precision-recall curve.
    private static let points = 200

    /// The members of `EvaluationReport.json`, then `"curves": {CLASS: {"recall", "precision"}}` and, for regions that were given,
    /// `"proposal_recall": [{"boxes", "0.5", "0.7"}]`.
    static func json(_ report: EvaluationReport, recall: RecallCurve?) -> JSON {
        let curves = report.main.classes.filter { $0.ap != nil }.map { result in
            JSON.Member(result.name, curve(result.curve))
        }
        return .object(
            (report.json.members ?? []) + [.init("curves", .object(curves))]
                + (recall.map { [.init("proposal_recall", $0.json)] } ?? []))
    }

    /// Where precision is highest within each stretch of recall, and the last point.
    private static func curve(_ curve: PrecisionRecallCurve) -> JSON {
        var kept: [Int] = []
        for (index, recall) in curve.recall.enumerated() {
            if let last = kept.last, Int(curve.recall[last] * Double(points)) == Int(recall * Double(points)) {
                if curve.precision[index] > curve.precision[last] { kept[kept.count - 1] = index }
            } else {
                kept.append(index)
            }
        }
        if let end = curve.recall.indices.last, kept.last != end { kept.append(end) }
        func numbers(_ values: [Double]) -> JSON {
            .array(kept.map { .number((values[$0] * 1e5).rounded() / 1e5) })
        }
        return ["recall": numbers(curve.recall), "precision": numbers(curve.precision)]
    }
}
