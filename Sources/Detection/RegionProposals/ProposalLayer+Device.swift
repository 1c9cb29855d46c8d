public import Boxes
public import Torch

extension ProposalLayer {
    private static let upperTriangle = Operator("aten::triu")
    private static let sort = Operator("aten::sort", "stable")

    /// The same by tensor operators, wherever scores and deltas live: what runs on a GPU. Only the best boxes come to the
    /// host. Arithmetic is float32, so that coordinates differ by rounding; anchors whose score is no number are dropped.
    ///
    /// - Parameters:
    ///   - scores: [N] float32.
    ///   - deltas: [N, 4] float32.
    public func byOperators(
        scores: Tensor, deltas: Tensor, anchors: [Box], width: Double, height: Double, minimumSide: Double
    ) -> [Box] {
        withoutGradients {
            let device = scores.device
            let corners = anchors.flatMap { [Float($0.minX), Float($0.minY), Float($0.maxX), Float($0.maxY)] }
            let anchor = Tensor(corners, shape: [anchors.count, 4]).to(device: device)
            func column(_ tensor: Tensor, _ index: Int) -> Tensor { tensor.select(1, index) }
            /// Both ends of the boxes along one side, inside the frame.
            func ends(_ axis: Int, limit: Double) -> (low: Tensor, high: Tensor) {
                let side = column(anchor, axis + 2) - column(anchor, axis)
                let center = column(anchor, axis) + side * 0.5 + column(deltas, axis) * side
                let half = side * column(deltas, axis + 2).clamp(max: BoxDelta.maximumGrowth).exp() * 0.5
                return ((center - half).clamp(min: 0, max: limit), (center + half).clamp(min: 0, max: limit))
            }
            let (left, right) = ends(0, limit: width)
            let (top, bottom) = ends(1, limit: height)
            // What is not a number is not large enough either, and no score.
            let side = (right - left).minimum(bottom - top)
            let large =
                side.greater(0).to(dtype: .float32) * side.greaterOrEqual(minimumSide).to(dtype: .float32)
                * scores.equal(scores).to(dtype: .float32)
            let boxes = Tensor.stack([left, top, right, bottom], 1)
            let valid = Tensor.where(large.greater(0), scores, Tensor.full([1], -.infinity, device: device))
            let count = min(candidates, Int(large.to(dtype: .float64).sum().item))
            if count == 0 { return [] }
            // Equal scores keep their order.
            let order = Self.sort.results([.tensor(valid), true, 0, true], 2)[1]!
            let best = boxes.indexSelect(0, order.narrow(0, 0, count))
            let kept = Self.suppressed(best, threshold: nmsThreshold)
            let values = best.floats.map(Double.init)
            return zip(0..<count, kept).lazy.filter { $0.1 }.prefix(proposals).map { index, _ in
                Box(
                    minX: values[4 * index], minY: values[4 * index + 1], maxX: values[4 * index + 2],
                    maxY: values[4 * index + 3])
            }
        }
    }

    /// Which of some boxes ([n, 4], best first) greedy suppression keeps.
    ///
    /// A box is kept when no kept box before it overlaps it by more than the threshold. Starting from all, that rule is
    /// applied to all at once until nothing changes: after t rounds at least the first t are right.
    private static func suppressed(_ boxes: Tensor, threshold: Double) -> [Bool] {
        let sides = (0..<4).map { boxes.select(1, $0) }
        let areas = (sides[2] - sides[0]) * (sides[3] - sides[1])
        func common(_ low: Tensor, _ high: Tensor) -> Tensor {
            (high.unsqueeze(1).minimum(high.unsqueeze(0)) - low.unsqueeze(1).maximum(low.unsqueeze(0))).clamp(min: 0)
        }
        let shared = common(sides[0], sides[2]) * common(sides[1], sides[3])
        let union = areas.unsqueeze(1) + areas.unsqueeze(0) - shared
        // [n, n]: 1 where the row's box comes first and overlaps the column's.
        let overlaps = upperTriangle(
            .tensor((shared / union).greater(threshold).to(dtype: .float32)), .int(1))
        var kept = Tensor.ones([1, boxes.size(0)], device: boxes.device)
        while true {
            let next = kept.matmul(overlaps).less(0.5).to(dtype: .float32)
            let isDone = (next - kept).abs().sum().item == 0
            kept = next
            if isDone { return kept.reshape(-1).floats.map { $0 > 0.5 } }
        }
    }
}
