import Boxes
import Foundation
import Imaging
import Support
import Testing
import VOCData

@Suite struct EvaluationFileTests {
    private func evaluator() throws -> VOCEvaluator {
        let objects = ["cup", "key", "zebra"].map {
            AnnotatedObject(name: $0, box: Box(vocXMin: 1, yMin: 1, xMax: 10, yMax: 10))
        }
        let set = AnnotatedSet(
            ids: ["a"], annotations: [Annotation(filename: "a.jpg", size: nil, objects: objects)])
        return try VOCEvaluator(set, classes: ["cup", "key"])
    }

    @Test func aMissingFileCountsAsTheCallerChooses() throws {
        let scratch = try ScratchFolder(["comp4_det_test_cup.txt": "a 0.9 1 1 10 10\n"])
        let evaluator = try evaluator()
        let zero = try evaluator.evaluate(folder: scratch.path)
        #expect(zero.meanAveragePrecision == 0.5 && zero["key"]?.ap == 0 && zero.classesWithoutFile == ["key"])
        #expect(zero.table.contains("no detections file, counted as AP 0: key"))
        let out = try evaluator.evaluate(folder: scratch.path, missingFiles: .leaveOut)
        #expect(out.meanAveragePrecision == 1 && out.excluded == ["key"])
        #expect(out.table.contains("no detections file, left out of the mean: key"))
        #expect(
            inputError { try evaluator.evaluate(folder: scratch.path, missingFiles: .stop) }?.contains("key") == true)
    }

    @Test func unknownImagesAreNamedOrCounted() throws {
        let scratch = try ScratchFolder(["cup.txt": "b 0.95 1 1 10 10\na 0.9 1 1 10 10\n", "key.txt": ""])
        #expect(
            inputError { try evaluator().evaluate(folder: scratch.path) }?.contains("cup.txt:1: the image \"b\"")
                == true)
        let result = try evaluator().evaluate(folder: scratch.path, unknownImages: .ignore)
        #expect(result["cup"]?.ap == 1 && result.unknownImageLines == 1)
    }

    @Test func jsonHasTheAgreedMembers() throws {
        let scratch = try ScratchFolder(["cup.txt": "a 0.9 1 1 10 10\n"])
        let json = try JSON.parse(evaluator().evaluate(folder: scratch.path).json.pretty.utf8)
        #expect(json["metric"]?.stringValue == "07" && json["iou"]?.doubleValue == 0.5)
        #expect(json["map"]?.doubleValue == 0.5 && json["ap"]?["cup"]?.doubleValue == 1)
        #expect(json["npos"]?["key"]?.intValue == 1 && json["without_file"]?.arrayValue == ["key"])
    }

    private struct Golden {
        var name: String
        var ap: Double
        var stable: Double
        /// What the worst and the best order of equal scores give for the area.
        var range: ClosedRange<Double>
        var npos: Int
        var detections: Int
    }

    private func golden(_ metric: VOCEvaluator.Metric) throws -> [Golden] {
        let key = metric == .voc07 ? "ap11" : "ap_area"
        let recorded = try JSON.read(VOCTestData.folder + "/golden/expected_ap.json")["sets"]?[
            "yolo2-voc07test/results"]?[
                "classes"]
        return try JSON.read(VOCTestData.goldenFolder + "/evaluator_ap.json").members.map { members in
            try members.map { member in
                Golden(
                    name: member.name, ap: try #require(recorded?[member.name]?[key]?.doubleValue),
                    stable: try #require(member.value[key]?.doubleValue),
                    range: try #require(member.value["ap_area_least"]?.doubleValue)...#require(
                        member.value["ap_area_most"]?.doubleValue),
                    npos: try #require(member.value["npos"]?.intValue),
                    detections: try #require(member.value["detections"]?.intValue))
            }
        } ?? []
    }

    @Test(.enabled(if: VOCTestData.isPresent, VOCTestData.hint), arguments: VOCEvaluator.Metric.allCases)
    func theWholeOfVOC2007TestAgreesWithTheRecordedValues(metric: VOCEvaluator.Metric) throws {
        let kit = try Devkit(VOCTestData.folder + "/full/VOCdevkit")
        let result = try VOCEvaluator(kit.annotations("test", policy: .keep), metric: metric)
            .evaluate(folder: VOCTestData.folder + "/golden/yolo2-voc07test/results", set: "test")
        let golden = try golden(metric)
        #expect(golden.count == 19 && result.classesWithoutFile == ["person"] && result["person"]?.ap == 0)
        #expect(result["person"]?.npos == 4528)
        for expected in golden {
            let found = try #require(result[expected.name])
            let ap = try #require(found.ap)
            #expect(found.npos == expected.npos && found.detections == expected.detections)
            // The same stable order: only the order of summation differs.
            #expect(abs(ap - expected.stable) < 1e-12, "\(expected.name): \(ap) against \(expected.stable)")
            // The recorded values come from an unstable sort. Where they differ at all, an order of the equal scores
            // must account for it; the eleven points do not depend on that order.
            let isTied = metric == .area && expected.range.upperBound - expected.range.lowerBound > 1e-9
            if isTied {
                #expect(
                    expected.ap > expected.range.lowerBound - 1e-12 && expected.ap < expected.range.upperBound + 1e-12)
            } else {
                #expect(abs(ap - expected.ap) < 1e-9, "\(expected.name): \(ap) against \(expected.ap)")
            }
        }
    }

    // The data's boxes are x, y, width, height; its own evaluator takes x + width as the last pixel. Its results say
    // 24.57 % for the area, and the paper that goes with it 26.84 % for eleven points, at an IoU of .3.
    @Test(.enabled(if: VOCTestData.isPresent, VOCTestData.hint))
    func theToySetAgreesExactly() throws {
        let folder = VOCTestData.folder + "/golden/toy/samples/sample_2"
        func rows(_ kind: String, _ file: String) throws -> [[Double]] {
            try Files.readText("\(folder)/\(kind)/\(file)").split(whereSeparator: \.isNewline).map { line in
                line.split(separator: " ").dropFirst().compactMap { Double($0) }
            }
        }
        func box(_ row: ArraySlice<Double>) -> Box {
            let row = Array(row)
            return Box(vocXMin: row[0], yMin: row[1], xMax: row[0] + row[2], yMax: row[1] + row[3])
        }
        let files = try Files.list(folder + "/groundtruths")
        let objects = try files.map {
            try rows("groundtruths", $0).map { LabeledBox(box: box($0[...]), classIndex: 0) }
        }
        let detections = try files.map {
            try rows("detections", $0).map { Detection(box: box($0[1...]), classIndex: 0, score: $0[0]) }
        }
        func percent(_ metric: VOCEvaluator.Metric) throws -> String? {
            try VOCEvaluator(ids: files, objects: objects, classes: ["object"], metric: metric, iouThreshold: 0.3)
                .evaluate(detections).meanAveragePrecision.map { (100 * $0).fixed(2) }
        }
        #expect(objects.joined().count == 15 && detections.joined().count == 24)
        #expect(try percent(.area) == "24.57")
        #expect(try percent(.voc07) == "26.84")
    }
}
