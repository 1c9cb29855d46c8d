/// Precision and recall after each detection that counts, best score first; recall never falls.
public struct PrecisionRecallCurve: Hashable, Sendable {
    public var recall: [Double]
    public var precision: [Double]

    public init(recall: [Double] = [], precision: [Double] = []) {
        precondition(recall.count == precision.count, "\(recall.count) recalls but \(precision.count) precisions")
        self.recall = recall
        self.precision = precision
    }

    /// The curve of a ranking by score, one point for each score that occurs; nil when nothing is positive.
    ///
    /// Equal scores share a point: no order among them is better than another. Traps for a NaN.
    public init?(scores: [Float], isPositive: [Bool]) {
        precondition(scores.count == isPositive.count, "\(scores.count) scores but \(isPositive.count) truths")
        precondition(!scores.contains { $0.isNaN }, "a score is not a number")
        let positives = isPositive.reduce(0) { $0 + ($1 ? 1 : 0) }
        guard positives > 0 else { return nil }
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        self.init()
        var found = 0
        for (rank, index) in order.enumerated() {
            if isPositive[index] { found += 1 }
            if rank + 1 < order.count, scores[order[rank + 1]] == scores[index] { continue }
            recall.append(Double(found) / Double(positives))
            precision.append(Double(found) / Double(rank + 1))
        }
    }

    /// Area under precision made monotonely decreasing (VOC 2010 and later).
    public var areaUnderEnvelope: Double {
        var result = 0.0
        var envelope = 0.0
        for index in recall.indices.reversed() {
            envelope = max(envelope, precision[index])
            result += (recall[index] - (index > 0 ? recall[index - 1] : 0)) * envelope
        }
        return result
    }

    /// Area under the precision as it is, in steps: scikit-learn's `average_precision_score`.
    public var areaUnderSteps: Double {
        var result = 0.0
        for index in recall.indices {
            result += (recall[index] - (index > 0 ? recall[index - 1] : 0)) * precision[index]
        }
        return result
    }
}
