import Boxes
import Detection
import Proposals
import Reporting
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct ProposalLayerTests {
    private let anchors = [
        Box(minX: 0, minY: 0, maxX: 20, maxY: 20), Box(minX: 1, minY: 0, maxX: 21, maxY: 20),
        Box(minX: 40, minY: 40, maxX: 60, maxY: 60), Box(minX: 90, minY: 90, maxX: 110, maxY: 110),
    ]

    private func propose(
        _ scores: [Float], _ deltas: [Float]? = nil,
        _ layer: ProposalLayer = ProposalLayer(candidates: 10, proposals: 10),
        minimumSide: Double = 0
    ) -> [Box] {
        let deltas = deltas ?? [Float](repeating: 0, count: 16)
        let boxes = layer(
            scores: scores, deltas: deltas, anchors: anchors, width: 100, height: 100, minimumSide: minimumSide)
        // By tensor operators the same, but for anchors whose score is no number, which they drop.
        let others = layer.byOperators(
            scores: Tensor(scores), deltas: Tensor(deltas, shape: [4, 4]), anchors: anchors, width: 100, height: 100,
            minimumSide: minimumSide)
        #expect(others.count == boxes.count || scores.contains(where: \.isNaN))
        for (a, b) in zip(boxes, others) { #expect(distance(a, b) < 1e-4) }
        return boxes
    }

    private func distance(_ a: Box, _ b: Box) -> Double {
        [\Box.minX, \.minY, \.maxX, \.maxY].map { abs(a[keyPath: $0] - b[keyPath: $0]) }.max()!
    }

    @Test func operatorsProposeTheSame() {
        var random = RandomStream(3)
        let anchors = (0..<3000).map { _ in
            let (x, y) = (random.uniform(0, 500), random.uniform(0, 300))
            return Box(minX: x, minY: y, maxX: x + random.uniform(20, 200), maxY: y + 90)
        }
        let deltas = (0..<12_000).map { _ in Float(random.uniform(-0.3, 0.3)) }
        let scores = (0..<3000).map { _ in Float(random.uniform(-5, 5)) }
        let layer = ProposalLayer(candidates: 2000, proposals: 300)
        let boxes = layer(
            scores: scores, deltas: deltas, anchors: anchors, width: 500, height: 300, minimumSide: 16)
        let others = layer.byOperators(
            scores: Tensor(scores), deltas: Tensor(deltas, shape: [3000, 4]), anchors: anchors, width: 500, height: 300,
            minimumSide: 16)
        #expect(boxes.count == 300 && others.count == 300)
        // float32 coordinates of some hundreds.
        for (a, b) in zip(boxes, others) { #expect(distance(a, b) < 1e-3) }
    }

    // The second anchor overlaps the first by 19/21; the last one reaches beyond the image.
    @Test func byHand() {
        let cut = Box(minX: 90, minY: 90, maxX: 100, maxY: 100)
        #expect(propose([1, 2, 3, -4]) == [anchors[2], anchors[1], cut])
        #expect(propose([1, 2, 3, -4], minimumSide: 15) == [anchors[2], anchors[1]])
        #expect(propose([1, 2, 3, -4], nil, ProposalLayer(candidates: 10, proposals: 2)) == [anchors[2], anchors[1]])
        // Only the best two enter suppression: here they overlap.
        #expect(propose([8, 9, 3, -4], nil, ProposalLayer(candidates: 2, proposals: 10)) == [anchors[1]])
        #expect(
            propose([1, 2, 3, -4], nil, ProposalLayer(candidates: 10, proposals: 10, nmsThreshold: 0.95))
                == [anchors[2], anchors[1], anchors[0], cut])
    }

    // A quarter of the width to the right, twice as high; e^ln 2.
    @Test func anchorsAreMoved() {
        var deltas = [Float](repeating: 0, count: 16)
        (deltas[8], deltas[11]) = (0.25, 0.693147)
        let moved = propose([0, 0, 5, 0], deltas)[0]
        #expect(abs(moved.minX - 45) < 1e-4 && abs(moved.maxX - 65) < 1e-4)
        #expect(abs(moved.minY - 30) < 1e-4 && abs(moved.maxY - 70) < 1e-4)
    }

    @Test func aNetworkThatHasRunAwayProposesNothing() {
        let nan = [Float](repeating: .nan, count: 16)
        #expect(propose([1, 2, 3, 4], nan).isEmpty)
        #expect(propose([1, 2, 3, 4], [Float](repeating: .infinity, count: 16)).isEmpty)
        #expect(propose([.nan, 2, 3, .nan]).first == anchors[2])
        // As large as float32 can say: the whole image.
        var huge = [Float](repeating: 0, count: 16)
        (huge[2], huge[3]) = (3e38, 3e38)
        #expect(propose([9, 0, 0, 0], huge)[0] == Box(minX: 0, minY: 0, maxX: 100, maxY: 100))
    }

    // float32 scores and deltas, float64 boxes on both sides.
    @Test func asTorch() throws {
        let golden = try #require(try Golden.read("faster.json")["layer"])
        func integer(_ name: String) -> Int { golden[name]?.intValue ?? 0 }
        let layer = ProposalLayer(
            candidates: integer("candidates"), proposals: integer("count"),
            nmsThreshold: golden["threshold"]?.doubleValue ?? 0)
        let boxes = layer(
            scores: golden["scores"]?.floats ?? [], deltas: golden["deltas"]?.floats ?? [],
            anchors: AnchorGenerator(stride: 16, scales: [2, 4]).anchors(height: 6, width: 9),
            width: Double(integer("width")), height: Double(integer("height")),
            minimumSide: Double(integer("minimum")))
        let expected = golden["proposals"]?.arrayValue?.flatMap(\.doubles) ?? []
        #expect(expected.count == 4 * 40)
        #expect(isClose(boxes.flatMap { [$0.minX, $0.minY, $0.maxX, $0.maxY] }, expected, 1e-9))
    }

    @Test func recallIsThatOfTheFirstBoxes() {
        var curve = RecallCurve([1, 2, 3])
        curve.add(proposals: anchors, groundTruth: [LabeledBox(box: anchors[0], classIndex: 0)])
        curve.add(
            proposals: anchors,
            groundTruth: [LabeledBox(box: anchors[2], classIndex: 0), LabeledBox(box: anchors[3], classIndex: 1)])
        // Three objects: the first box is one of them, the third another.
        let found: [Double] = curve.qualities.map { ($0.recall70 ?? 0) * 3 }
        #expect(found == [1, 1, 2])
        #expect(curve.table.text.contains("first boxes") && curve.table.text.contains("0.6667"))
        #expect(curve.json.arrayValue?.map { $0["boxes"]?.intValue } == [1, 2, 3])
    }
}
