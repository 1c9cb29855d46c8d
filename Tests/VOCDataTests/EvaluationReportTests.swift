import Boxes
import Foundation
import Reporting
import Support
import TestSupport
import Testing
import VOCData

/// Boxes one pixel row high, as in `VOCEvaluatorTests`, unless a size is wanted.
@Suite(.tags(.unit), .tiered) struct EvaluationReportTests {
    private func box(_ from: Double, _ to: Double, height: Double = 1) -> Box {
        Box(minX: from, minY: 0, maxX: to, maxY: height)
    }

    private func report(
        _ objects: [LabeledBox], _ detections: [Detection], classes: [String] = ["cup"], iou: [Double] = [0.5],
        metric: VOCEvaluator.Metric = .area
    ) throws -> EvaluationReport {
        try VOCEvaluator(ids: ["a"], objects: [objects], classes: classes, metric: metric).report(
            byClass: ClassDetections.byClass([detections], classCount: classes.count), iouThresholds: iou)
    }

    private func object(_ box: Box, _ classIndex: Int = 0, difficult: Bool = false) -> LabeledBox {
        LabeledBox(box: box, classIndex: classIndex, isDifficult: difficult)
    }

    private func detection(_ box: Box, _ score: Double, _ classIndex: Int = 0) -> Detection {
        Detection(box: box, classIndex: classIndex, score: score)
    }

    // IoU 0.77: a match at .50, .55 … .75 and at no higher step.
    @Test func thresholdsAreWhatTheySay() throws {
        let report = try report([object(box(0, 100))], [detection(box(0, 77), 1)], iou: [0.75, 0.77, 0.8])
        #expect(report.results.map(\.iouThreshold) == [0.75, 0.77, 0.8])
        // Strictly above: .77 does not reach .77.
        #expect(report.results.map(\.meanAveragePrecision) == [1, 0, 0])
        #expect(report.ap50 == 1 && report.ap75 == 1 && report.ap50to95 == 0.6)
        #expect(EvaluationReport.cocoThresholds == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
    }

    @Test func theMainResultIsThatOfEvaluate() throws {
        let objects = [object(box(0, 10)), object(box(20, 30))]
        let detections = [detection(box(0, 10), 0.9), detection(box(50, 60), 0.8), detection(box(20, 30), 0.7)]
        let evaluator = try VOCEvaluator(ids: ["a"], objects: [objects], classes: ["cup"], metric: .voc07)
        let columns = ClassDetections.byClass([detections], classCount: 1)
        let report = try evaluator.report(byClass: columns, iouThresholds: [0.5, 0.75])
        #expect(report.main == (try evaluator.evaluate([detections])))
        for member in report.main.json.members ?? [] { #expect(report.json[member.name] == member.value) }
        #expect(report.json["thresholds"]?.arrayValue?.count == 2)
        #expect(report.main.classes[0].scores == [0.9, 0.8, 0.7])
    }

    // Areas: 31 x 32 = 992 small, 32 x 32 = 1024 medium, 96 x 96 = 9216 medium, 97 x 96 = 9312 large.
    @Test(arguments: [(992.0, SizeBucket.small), (1024, .medium), (9216, .medium), (9312, .large)])
    func bucketsHaveCOCOsBounds(area: Double, bucket: SizeBucket) {
        #expect(SizeBucket(area: area) == bucket)
    }

    // small object at 0, large object at 200. Detections, best first: 10x10 in the void, the large object, 100x100 in
    // the void, the small object.
    //   small: false positive, (ignored), (ignored: not of this size), true positive → precision 1/2 at recall 1
    //   large: (ignored), true positive, false positive, (ignored)                   → 1
    //   medium: no object                                                            → undefined
    @Test func eachSizeSeesItsOwnErrors() throws {
        let small = box(0, 20, height: 20)
        let large = box(200, 300, height: 100)
        let report = try report(
            [object(small), object(large)],
            [
                detection(box(400, 410, height: 10), 0.9), detection(large, 0.8),
                detection(box(500, 600, height: 100), 0.7), detection(small, 0.6),
            ])
        #expect(report.sizes.map(\.bucket) == [.small, .medium, .large])
        #expect(report.sizes.map(\.meanAveragePrecision) == [0.5, nil, 1])
        #expect(report.sizes.map { $0.npos.reduce(0, +) } == [1, 0, 1])
        #expect(report.json["sizes"]?["medium"]?["map"] == .null)
    }

    // Seven cups that count, so the best seven detections are looked at; a key at 300.
    @Test func eachKindOfErrorIsCounted() throws {
        let cups = [0.0, 20, 40, 60, 80, 100, 120].map { object(box($0, $0 + 10)) }
        let detections = [
            detection(box(0, 10), 0.9),  // correct
            detection(box(0, 9), 0.8),  // duplicate
            detection(box(20, 24), 0.7),  // IoU .4: poor box
            detection(box(49, 59), 0.6),  // IoU 1/19 with a cup, nothing else: background
            detection(box(300, 310), 0.5),  // a key
            detection(box(200, 210), 0.45),  // a difficult cup: passed over
            detection(box(500, 510), 0.4),  // background
            detection(box(40, 50), 0.3),  // correct, the seventh
            detection(box(60, 70), 0.2),  // correct, but not among the best seven
        ]
        let report = try report(
            cups + [object(box(300, 310), 1), object(box(200, 210), difficult: true)], detections,
            classes: ["cup", "key"])
        let errors = report.errors[0]
        #expect(errors.examined == 7 && errors.correct == 2 && errors.duplicate == 1 && errors.localisation == 1)
        #expect(errors.confusion == 1 && errors.background == 2 && errors.confusedWith == [1: 1])
        // Found at some score: cups at 0, 40 and 60.
        #expect(errors.missed == 4)
        #expect(report.errors[1].missed == 1 && report.errors[1].examined == 0)
        #expect(report.json["errors"]?["cup"]?["confused_with"]?["key"]?.intValue == 1)
        #expect(!report.report().text.contains("cup      "))
        let text = report.report(showsClassErrors: true).text
        for line in [
            "cup                        7     28.6      14.3         14.3       14.3        28.6       4",
            "all classes                7     28.6      14.3         14.3       14.3        28.6       5",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(text)")
        }
    }

    // IoU 0.77 again; a key that is not found.
    @Test func theReportIsTextAPageAndTables() throws {
        let report = try report(
            [object(box(0, 100)), object(box(200, 300), 1)], [detection(box(0, 77), 1)],
            classes: ["cup", "<key>"], iou: [0.75, 0.77]
        ).report()
        #expect(
            report.text == """
                class    AP %  npos  detections  TP  FP
                cup    100.00     1           1   1   0
                <key>    0.00     1           0   0   0
                mAP     50.00
                AP as area under the curve, IoU > 0.75, 1 image, mean of 2 classes

                AP % at IoU >    0.75  0.77   mean
                cup            100.00  0.00  50.00
                <key>            0.00  0.00   0.00
                mAP             50.00  0.00  25.00

                AP50 50.00  AP75 50.00  mean of AP at IoU > .50, .55 … .95: 30.00

                objects by area of the box  objects      mAP %
                small, under 32²                  2      50.00
                medium, 32² to 96²                0  undefined
                large, over 96²                   0  undefined

                best detections, %  examined  correct  poor box  other class  duplicate  background  missed
                all classes                1    100.0       0.0          0.0        0.0         0.0       1

                """)
        let page = try #require(Page(try report.html()))
        #expect(
            page["h1"].map(\.text) == ["Average precision"] && page["table"].count == 5 && page["figure"].count == 1)
        #expect(page["th"].contains { $0.text == "<key>" } && page["key"].isEmpty)
        #expect(
            report.csv.hasPrefix(
                "class,AP %,npos,detections,TP,FP\ncup,100.0,1,1,1,0\n<key>,0.0,1,0,0,0\nmAP,50.0,,,,\n\n"))
        #expect(report.markdown.contains("| \\<key\\> | 0.00 | 1 | 0 | 0 | 0 |"))
    }

    @Test func curvesAreWrittenAsTextAndPictures() throws {
        let scratch = try TemporaryFolder()
        let report = try report(
            [object(box(0, 10)), object(box(20, 30))],
            [detection(box(0, 10), 0.9), detection(box(50, 60), 0.8), detection(box(20, 30), 0.7)],
            classes: ["cup", "key"])
        try report.main.writeCurves(to: scratch.path)
        #expect(try Files.list(scratch.path) == ["cup_pr.csv", "cup_pr.png", "precision_recall.png"])
        #expect(
            try Files.readText(scratch.path + "/cup_pr.csv")
                == "score,recall,precision\n0.9,0.5,1\n0.8,0.5,0.5\n0.7,1,0.6666666666666666\n")
    }

    // MARK: Properties

    /// Random objects and detections in ten images; about half of the detections are near an object.
    private func randomCase(_ seed: UInt64) -> (objects: [[LabeledBox]], detections: [[Detection]]) {
        var random = RandomStream(seed, 77)
        var objects: [[LabeledBox]] = []
        var detections: [[Detection]] = []
        for _ in 0..<10 {
            let boxes = (0..<1 + random.integer(below: 4)).map { _ in
                let (x, y) = (random.uniform(0, 80), random.uniform(0, 80))
                return Box(minX: x, minY: y, maxX: x + random.uniform(5, 40), maxY: y + random.uniform(5, 40))
            }
            objects.append(boxes.map { object($0, random.integer(below: 2), difficult: random.chance(0.2)) })
            detections.append(
                (0..<12).map { _ in
                    let near = boxes[random.integer(below: boxes.count)]
                    let shift = random.chance(0.5) ? random.uniform(-6, 6) : random.uniform(-60, 60)
                    let moved = Box(
                        minX: near.minX + shift, minY: near.minY, maxX: near.maxX + shift, maxY: near.maxY)
                    // Two decimals: scores tie.
                    return detection(moved, (random.uniform() * 100).rounded() / 100, random.integer(below: 2))
                })
        }
        objects[0].append(object(box(0, 5)))
        objects[0].append(object(box(0, 5), 1))
        return (objects, detections)
    }

    private func aps(
        _ objects: [[LabeledBox]], _ detections: [[Detection]], _ metric: VOCEvaluator.Metric
    ) throws -> [Double] {
        let ids = objects.indices.map(String.init)
        return try VOCEvaluator(ids: ids, objects: objects, classes: ["cup", "key"], metric: metric)
            .evaluate(detections).classes.map { try #require($0.ap) }
    }

    @Test(arguments: VOCEvaluator.Metric.allCases)
    func averagePrecisionIsAFractionAndFalsePositivesNeverRaiseIt(metric: VOCEvaluator.Metric) throws {
        var values: Set<Double> = []
        for seed in 0..<50 as Range<UInt64> {
            let (objects, detections) = randomCase(seed)
            let before = try aps(objects, detections, metric)
            #expect(before.allSatisfy { (0...1).contains($0) })
            values.formUnion(before)
            var more = detections
            for classIndex in 0..<2 { more[9].append(detection(box(900, 910), -1, classIndex)) }
            // Behind everything else a false positive changes no precision at any recall that is reached.
            #expect(try aps(objects, more, metric) == before)
            for classIndex in 0..<2 { more[0].insert(detection(box(900, 910), 2, classIndex), at: 0) }
            for (a, b) in zip(try aps(objects, more, metric), before) { #expect(a <= b) }
        }
        #expect(values.count > 50)
    }

    // Only the order of equal scores could tell, so scores are made distinct.
    @Test func theOrderOfImagesAndLinesChangesNothing() throws {
        for seed in 0..<20 as Range<UInt64> {
            var (objects, detections) = randomCase(seed)
            var random = RandomStream(seed, 78)
            for image in detections.indices {
                for index in detections[image].indices { detections[image][index].score = random.uniform() }
            }
            let before = try aps(objects, detections, .area)
            let order = random.permutation(objects.count)
            objects = order.map { objects[$0] }
            detections = order.map { detections[$0] }
            for image in detections.indices { random.shuffle(&detections[image]) }
            #expect(try aps(objects, detections, .area) == before)
        }
    }

    /// The rules of the protocol once more, as slowly and as plainly as possible.
    private func slow(
        _ objects: [[LabeledBox]], _ detections: [[Detection]], classIndex: Int, threshold: Double
    ) -> (npos: Int, outcomes: [Int]) {
        var all: [(image: Int, detection: Detection)] = []
        for (image, list) in detections.enumerated() {
            for detection in list where detection.classIndex == classIndex { all.append((image, detection)) }
        }
        var claimed: Set<[Int]> = []
        var outcomes: [Int] = []
        while !all.isEmpty {
            // The first of the highest score.
            var next = 0
            for index in all.indices where all[index].detection.score > all[next].detection.score { next = index }
            let (image, detection) = all.remove(at: next)
            var best: (index: Int, iou: Double)?
            for (index, object) in objects[image].enumerated() where object.classIndex == classIndex {
                let iou = object.box.iou(detection.box)
                if iou > best?.iou ?? 0 { best = (index, iou) }
            }
            if let best, best.iou > threshold {
                if objects[image][best.index].isDifficult { continue }
                outcomes.append(claimed.insert([image, best.index]).inserted ? 1 : 0)
            } else {
                outcomes.append(0)
            }
        }
        let npos = objects.joined().count { $0.classIndex == classIndex && !$0.isDifficult }
        return (npos, outcomes)
    }

    @Test func curvesAgreeWithASlowReferenceAtEveryThreshold() throws {
        for seed in 0..<20 as Range<UInt64> {
            let (objects, detections) = randomCase(seed)
            let report = try VOCEvaluator(
                ids: objects.indices.map(String.init), objects: objects, classes: ["cup", "key"]
            ).report(
                byClass: ClassDetections.byClass(detections, classCount: 2), iouThresholds: [0, 0.3, 0.5, 0.75, 0.9])
            for result in report.results {
                for classIndex in 0..<2 {
                    let (npos, outcomes) = slow(
                        objects, detections, classIndex: classIndex, threshold: result.iouThreshold)
                    let found = result.classes[classIndex]
                    var hits = 0
                    let recall = outcomes.map { outcome in
                        hits += outcome
                        return Double(hits) / Double(npos)
                    }
                    #expect(found.npos == npos && found.curve.recall == recall)
                    #expect(found.truePositives == hits && found.falsePositives == outcomes.count - hits)
                }
            }
        }
    }
}
