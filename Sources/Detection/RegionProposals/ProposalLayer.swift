public import Boxes

/// Turns what a region proposal network says about its anchors into regions (Faster R-CNN, section 3.3): anchors are moved
/// and cut off at the frame, small ones dropped, and the best of those that do not overlap much are kept.
public struct ProposalLayer: Hashable, Sendable {
    /// Boxes that enter non-maximum suppression, best first.
    public var candidates: Int
    /// Boxes that are kept.
    public var proposals: Int
    /// Of boxes that overlap more than this, the better one stays.
    public var nmsThreshold: Double

    public init(candidates: Int, proposals: Int, nmsThreshold: Double = 0.7) {
        self.candidates = candidates
        self.proposals = proposals
        self.nmsThreshold = nmsThreshold
    }

    /// Regions, best first.
    ///
    /// - Parameters:
    ///   - scores: One for each anchor; any increasing function of the probability of an object will do.
    ///   - deltas: Four for each anchor, as `BoxDelta`.
    ///   - minimumSide: Boxes that are narrower or lower are dropped, in pixels.
    public func callAsFunction(
        scores: [Float], deltas: [Float], anchors: [Box], width: Double, height: Double, minimumSide: Double
    ) -> [Box] {
        precondition(
            scores.count == anchors.count && deltas.count == 4 * anchors.count,
            "\(scores.count) scores and \(deltas.count) deltas for \(anchors.count) anchors")
        var boxes: [Box] = []
        var kept: [Double] = []
        boxes.reserveCapacity(anchors.count)
        kept.reserveCapacity(anchors.count)
        for (i, anchor) in anchors.enumerated() {
            let delta = BoxDelta(
                dx: Double(deltas[4 * i]), dy: Double(deltas[4 * i + 1]), dw: Double(deltas[4 * i + 2]),
                dh: Double(deltas[4 * i + 3]))
            let box = delta.applied(to: anchor).clipped(width: width, height: height)
            // A network that has run away predicts no numbers; its loss will say so.
            guard box.isFinite, box.width >= minimumSide, box.height >= minimumSide, box.area > 0 else { continue }
            boxes.append(box)
            kept.append(Double(scores[i]))
        }
        let order = kept.indicesByDescendingValue().prefix(candidates)
        let (best, bestScores) = (order.map { boxes[$0] }, order.map { kept[$0] })
        return nonMaximumSuppression(best, scores: bestScores, iouThreshold: nmsThreshold, limit: proposals).map {
            best[$0]
        }
    }
}
