import Boxes
import Reporting
import Support
import TestSupport
import Testing
import VOCData

/// Hand-made cases, one for each rule. All boxes are one pixel row high; `box(a, b)` covers columns a ..< b.
@Suite(.tags(.unit), .tiered) struct VOCEvaluatorTests {
    private func box(_ from: Double, _ to: Double) -> Box { Box(minX: from, minY: 0, maxX: to, maxY: 1) }

    private func object(_ from: Double, _ to: Double, difficult: Bool = false) -> LabeledBox {
        LabeledBox(box: box(from, to), classIndex: 0, isDifficult: difficult)
    }

    private func detection(_ from: Double, _ to: Double, _ score: Double) -> Detection {
        Detection(box: box(from, to), classIndex: 0, score: score)
    }

    private func evaluate(
        _ objects: [LabeledBox], _ detections: [Detection], metric: VOCEvaluator.Metric = .area, iou: Double = 0.5
    ) throws -> ClassResult {
        let evaluator = try VOCEvaluator(
            ids: ["a"], objects: [objects], classes: ["cup"], metric: metric, iouThreshold: iou)
        return try evaluator.evaluate([detections]).classes[0]
    }

    // object     ##########     0 ..< 10
    // detection  #####.....     0 ..< 5    IoU 5 / 10, exactly the threshold
    @Test func anIoUOfExactlyTheThresholdIsNoMatch() throws {
        let exact = try evaluate([object(0, 10)], [detection(0, 5, 1)])
        #expect(exact.falsePositives == 1 && exact.truePositives == 0 && exact.ap == 0)
        #expect(try evaluate([object(0, 10)], [detection(0, 6, 1)]).ap == 1)
        #expect(try evaluate([object(0, 10)], [detection(0, 5, 1)], iou: 0.49).ap == 1)
    }

    @Test func theSecondDetectionOfAnObjectIsFalse() throws {
        let result = try evaluate([object(0, 10)], [detection(0, 9, 0.8), detection(0, 10, 0.7)])
        #expect(result.truePositives == 1 && result.falsePositives == 1)
        #expect(result.curve == PrecisionRecallCurve(recall: [1, 1], precision: [1, 0.5]))
    }

    // objects    ##########..     0 ..< 10    IoU with the detections 10 / 11
    //            ...#########     3 ..< 12    IoU 8 / 12, over the threshold as well
    // detections ###########.     0 ..< 11    twice
    @Test func aClaimedObjectLeavesNoSecondChoice() throws {
        let result = try evaluate([object(0, 10), object(3, 12)], [detection(0, 11, 0.9), detection(0, 11, 0.8)])
        #expect(result.truePositives == 1 && result.falsePositives == 1)
        #expect(result.ap == 0.5)
    }

    // The difficult object is the nearer one: the detection is ignored, although the other would match too.
    @Test func theNearestObjectDecidesEvenWhenDifficult() throws {
        let objects = [object(0, 10, difficult: true), object(3, 12)]
        let result = try evaluate(objects, [detection(0, 11, 0.9), detection(0, 10, 0.8)])
        #expect(result.ignored == 2 && result.truePositives == 0 && result.falsePositives == 0)
        #expect(result.npos == 1 && result.ap == 0)
    }

    @Test func difficultObjectsDoNotCount() throws {
        let objects = [object(0, 10), object(50, 60, difficult: true)]
        let result = try evaluate(objects, [detection(50, 60, 0.9), detection(0, 10, 0.8)])
        #expect(result.npos == 1 && result.ap == 1 && result.ignored == 1 && result.detections == 2)
    }

    @Test func equalScoresKeepTheirOrder() throws {
        let (hit, miss) = (detection(0, 10, 0.5), detection(80, 90, 0.5))
        #expect(try evaluate([object(0, 10)], [hit, miss]).ap == 1)
        #expect(try evaluate([object(0, 10)], [miss, hit]).ap == 0.5)
        #expect(try evaluate([object(0, 10)], [miss, detection(0, 10, 0.6)]).ap == 1)
    }

    // Ten objects. One false positive after the hits that are wanted, then nothing: precision is 1 up to a recall of
    // `hits` / 10. The reference's thresholds 0.30000000000000004, 0.6000000000000001 and 0.7000000000000001 are not
    // reached by a recall of exactly .3, .6 and .7; all others are.
    @Test(arguments: [(1, 2), (2, 3), (3, 3), (4, 5), (5, 6), (6, 6), (7, 7), (8, 9), (9, 10), (10, 11)])
    func elevenPointThresholdsAreThoseOfTheReference(hits: Int, reached: Int) throws {
        let objects = (0..<10).map { object(Double(20 * $0), Double(20 * $0 + 10)) }
        let detections = (0..<hits).map { detection(Double(20 * $0), Double(20 * $0 + 10), 1) }
        let result = try evaluate(objects, detections, metric: .voc07)
        #expect(abs((result.ap ?? -1) - Double(reached) / 11) < 1e-15)
    }

    // Outcomes by score: hit, miss, hit; two objects. Recall ½ at precision 1, recall 1 at ⅔.
    @Test func bothMetricsOnOneCurve() throws {
        let objects = [object(0, 10), object(20, 30)]
        let detections = [detection(0, 10, 0.9), detection(50, 60, 0.8), detection(20, 30, 0.7)]
        #expect(try evaluate(objects, detections, metric: .area).ap == 0.5 + 0.5 * (2.0 / 3))
        let eleven = try evaluate(objects, detections, metric: .voc07).ap ?? -1
        #expect(abs(eleven - (6 + 5 * (2.0 / 3)) / 11) < 1e-15)
    }

    @Test func boxesOfOtherImagesAndClassesDoNotMatch() throws {
        let evaluator = try VOCEvaluator(
            ids: ["a", "b"], objects: [[object(0, 10)], [LabeledBox(box: box(0, 10), classIndex: 1)]],
            classes: ["cup", "key"])
        let elsewhere = try evaluator.evaluate([[], [detection(0, 10, 1)]])
        #expect(elsewhere["cup"]?.falsePositives == 1 && elsewhere["cup"]?.ap == 0 && elsewhere["key"]?.ap == 0)
        let right = try evaluator.evaluate([
            [detection(0, 10, 1)], [Detection(box: box(0, 10), classIndex: 1, score: 1)],
        ])
        #expect(right.meanAveragePrecision == 1)
    }

    @Test func classesWithoutGroundTruthAreUndefinedAndLeftOutOfTheMean() throws {
        let evaluator = try VOCEvaluator(
            ids: ["a"], objects: [[object(0, 10), LabeledBox(box: box(0, 9), classIndex: 1, isDifficult: true)]],
            classes: ["cup", "key", "fish"])
        let result = try evaluator.evaluate([
            [detection(0, 10, 1), Detection(box: box(0, 3), classIndex: 2, score: 1)]
        ])
        #expect(result.classes.map(\.ap) == [1, nil, nil] && result.meanAveragePrecision == 1)
        #expect(result.undefinedClasses == ["key", "fish"])
        #expect(result["fish"]?.falsePositives == 1)
        #expect(result.report.text.contains("left out of the mean: key, fish"))
        #expect(result.json["ap"]?["key"] == .null && result.json["npos"]?["cup"]?.intValue == 1)
    }

    @Test func noDetectionsMeanZero() throws {
        #expect(try evaluate([object(0, 10)], []).ap == 0)
        #expect(try evaluate([object(0, 10)], [], metric: .voc07).ap == 0)
    }

    @Test func withoutGroundTruthAtAllTheMeanIsUndefined() throws {
        let evaluator = try VOCEvaluator(ids: ["a"], objects: [[object(0, 10, difficult: true)]], classes: ["cup"])
        #expect(!evaluator.hasObjects)
        #expect(try evaluator.evaluate([[detection(0, 10, 1)]]).meanAveragePrecision == nil)
        let text = inputError { try evaluator.requireObjects() }
        #expect(text?.contains("no object of the 1 class that counts") == true)
        #expect(
            inputError {
                try VOCEvaluator(ids: ["a", "a"], objects: [[object(0, 1)], []], classes: ["cup"])
            }?.contains("listed twice") == true)
    }

    @Test func threadsChangeNothing() throws {
        var objects: [[LabeledBox]] = []
        var detections: [[Detection]] = []
        for image in 0..<50 {
            let start = Double(image % 7)
            objects.append([object(start, start + 10)])
            detections.append([detection(0, 10, Double(image % 3))])
        }
        let ids = objects.indices.map { String($0) }
        let evaluator = try VOCEvaluator(ids: ids, objects: objects, classes: ["cup", "key"])
        let one = try evaluator.evaluate(detections, threads: 1)
        #expect(one == (try evaluator.evaluate(detections, threads: 4)))
        #expect(one.classes[0].truePositives > 0 && one.classes[0].falsePositives > 0)
    }
}
