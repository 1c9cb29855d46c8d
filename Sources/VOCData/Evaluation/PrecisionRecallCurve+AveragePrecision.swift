public import Support

extension PrecisionRecallCurve {
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
}
