/// Precision and recall after each detection that counts, best score first; recall never falls.
public struct PrecisionRecallCurve: Hashable, Sendable {
    public var recall: [Double]
    public var precision: [Double]

    public init(recall: [Double] = [], precision: [Double] = []) {
        precondition(recall.count == precision.count, "\(recall.count) recalls but \(precision.count) precisions")
        self.recall = recall
        self.precision = precision
    }

    /// Average precision in [0, 1]; 0 for an empty curve.
    public func averagePrecision(_ metric: VOCEvaluator.Metric) -> Double {
        switch metric {
        case .voc07: elevenPoint
        case .area: areaUnderEnvelope
        }
    }

    /// Mean over eleven recalls of the best precision at that recall or a higher one (VOC 2007).
    private var elevenPoint: Double {
        // The reference's thresholds are multiples of 0.1 in Double (0.30000000000000004, 0.6000000000000001,
        // 0.7000000000000001), so that a recall of exactly 0.3, 0.6 or 0.7 does not reach its threshold.
        var best = [Double](repeating: 0, count: 11)
        var step = 10
        var envelope = 0.0
        // Recall rises, so that one pass from the end meets every threshold.
        for index in recall.indices.reversed() {
            while step >= 0, recall[index] < Double(step) * 0.1 {
                best[step] = envelope
                step -= 1
            }
            envelope = max(envelope, precision[index])
        }
        while step >= 0 {
            best[step] = envelope
            step -= 1
        }
        return best.reduce(0, +) / 11
    }

    /// Area under precision made monotonely decreasing (VOC 2010 and later).
    private var areaUnderEnvelope: Double {
        var result = 0.0
        var envelope = 0.0
        for index in recall.indices.reversed() {
            envelope = max(envelope, precision[index])
            result += (recall[index] - (index > 0 ? recall[index - 1] : 0)) * envelope
        }
        return result
    }
}
