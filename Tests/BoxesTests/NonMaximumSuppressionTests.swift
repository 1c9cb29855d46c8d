import Boxes
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct NonMaximumSuppressionTests {
    // Columns 0 to 15, all boxes one row high:
    //   a ##########......   0 ..< 10   score .9
    //   b ..##########....   2 ..< 12   score .8   IoU with a = 8 / 12
    //   c .....##########.   5 ..< 15   score .7   IoU with a = 5 / 15, with b = 7 / 13
    private let row = [
        Box(minX: 0, minY: 0, maxX: 10, maxY: 1), Box(minX: 2, minY: 0, maxX: 12, maxY: 1),
        Box(minX: 5, minY: 0, maxX: 15, maxY: 1),
    ]

    @Test func aSuppressedBoxSuppressesNothing() {
        #expect(nonMaximumSuppression(row, scores: [0.9, 0.8, 0.7], iouThreshold: 0.5) == [0, 2])
        #expect(nonMaximumSuppression(row, scores: [0.7, 0.9, 0.8], iouThreshold: 0.5) == [1])
        #expect(nonMaximumSuppression(row, scores: [0.7, 0.8, 0.9], iouThreshold: 0.6) == [2, 1])
    }

    // a #####.....   0 ..< 5
    // b ##########   0 ..< 10   IoU exactly 1 / 2
    @Test func anIoUEqualToTheThresholdStays() {
        let boxes = [Box(minX: 0, minY: 0, maxX: 5, maxY: 1), Box(minX: 0, minY: 0, maxX: 10, maxY: 1)]
        #expect(nonMaximumSuppression(boxes, scores: [2, 1], iouThreshold: 0.5) == [0, 1])
        #expect(nonMaximumSuppression(boxes, scores: [2, 1], iouThreshold: 0.5.nextDown) == [0])
    }

    @Test func equalScoresKeepTheirOrderAndTheLimitHolds() {
        let apart = (0..<6).map { Box(minX: Double(10 * $0), minY: 0, maxX: Double(10 * $0 + 5), maxY: 5) }
        let scores = [0.5, 0.9, 0.5, .nan, 0.9, 0.1]
        #expect(nonMaximumSuppression(apart, scores: scores, iouThreshold: 0.3) == [1, 4, 0, 2, 5, 3])
        #expect(nonMaximumSuppression(apart, scores: scores, iouThreshold: 0.3, limit: 3) == [1, 4, 0])
        #expect(nonMaximumSuppression(apart, scores: scores, iouThreshold: 0.3, limit: 0).isEmpty)
        #expect(nonMaximumSuppression([], scores: [], iouThreshold: 0.3).isEmpty)
    }

    @Test func emptyBoxesNeitherSuppressNorAreSuppressed() {
        let point = Box(minX: 3, minY: 3, maxX: 3, maxY: 3)
        let around = Box(minX: 0, minY: 0, maxX: 9, maxY: 9)
        #expect(nonMaximumSuppression([point, point, around], scores: [3, 2, 1], iouThreshold: 0) == [0, 1, 2])
    }

    @Test(arguments: [0.0, 0.3, 0.5, 0.7])
    func agreesWithTheDefinition(threshold: Double) {
        var random = LinearCongruential(state: 7)
        for _ in 0..<40 {
            let boxes = (0..<60).map { _ in random.box() }
            let scores = boxes.map { _ in Double(random.integer(below: 20)) / 20 }
            #expect(
                nonMaximumSuppression(boxes, scores: scores, iouThreshold: threshold)
                    == slowSuppression(boxes, scores, threshold))
        }
    }

    @Test func matrixHoldsEveryPair() {
        var random = LinearCongruential(state: 3)
        let rows = (0..<7).map { _ in random.box() } + [Box(minX: 1, minY: 1, maxX: 1, maxY: 1)]
        let columns = (0..<5).map { _ in random.box() }
        let matrix = iouMatrix(rows, columns)
        #expect(matrix.count == 40)
        #expect(matrix.contains { $0 > 0 })
        for (i, row) in rows.enumerated() {
            for (j, column) in columns.enumerated() { #expect(matrix[i * 5 + j] == row.iou(column)) }
        }
        #expect(iouMatrix(rows, []).isEmpty)
    }

    /// Remove the best box, drop all that overlap it, repeat.
    private func slowSuppression(_ boxes: [Box], _ scores: [Double], _ threshold: Double) -> [Int] {
        var left = Array(boxes.indices)
        var kept: [Int] = []
        while var best = left.first {
            for index in left where scores[index] > scores[best] { best = index }
            kept.append(best)
            left.removeAll { $0 == best || boxes[$0].iou(boxes[best]) > threshold }
        }
        return kept
    }
}

/// Knuth's MMIX generator: enough to draw test boxes from.
private struct LinearCongruential {
    var state: UInt64

    mutating func integer(below bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }

    mutating func box() -> Box {
        let (x, y) = (Double(integer(below: 30)), Double(integer(below: 30)))
        return Box(
            minX: x, minY: y, maxX: x + Double(1 + integer(below: 20)), maxY: y + Double(1 + integer(below: 20)))
    }
}
