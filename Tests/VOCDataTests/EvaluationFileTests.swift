import Boxes
import Foundation
import Imaging
import Reporting
import Support
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct EvaluationFileTests {
    private func evaluator() throws -> VOCEvaluator {
        let objects = ["cup", "key", "zebra"].map {
            AnnotatedObject(name: $0, box: Box(vocXMin: 1, yMin: 1, xMax: 10, yMax: 10))
        }
        let set = AnnotatedSet(
            ids: ["a"], annotations: [Annotation(filename: "a.jpg", size: nil, objects: objects)])
        return try VOCEvaluator(set, classes: ["cup", "key"])
    }

    @Test func aMissingFileCountsAsTheCallerChooses() throws {
        let scratch = try TemporaryFolder(["comp4_det_test_cup.txt": "a 0.9 1 1 10 10\n"])
        let evaluator = try evaluator()
        let zero = try evaluator.evaluate(folder: scratch.path)
        #expect(zero.meanAveragePrecision == 0.5 && zero["key"]?.ap == 0 && zero.classesWithoutFile == ["key"])
        #expect(zero.report.text.contains("no detections file, counted as AP 0: key"))
        let out = try evaluator.evaluate(folder: scratch.path, missingFiles: .leaveOut)
        #expect(out.meanAveragePrecision == 1 && out.excluded == ["key"])
        #expect(out.report.text.contains("no detections file, left out of the mean: key"))
        #expect(
            inputError { try evaluator.evaluate(folder: scratch.path, missingFiles: .stop) }?.contains("key") == true)
    }

    @Test func unknownImagesAreNamedOrCounted() throws {
        let scratch = try TemporaryFolder(["cup.txt": "b 0.95 1 1 10 10\na 0.9 1 1 10 10\n", "key.txt": ""])
        #expect(
            inputError { try evaluator().evaluate(folder: scratch.path) }?.contains("cup.txt:1: the image \"b\"")
                == true)
        let result = try evaluator().evaluate(folder: scratch.path, unknownImages: .ignore)
        #expect(result["cup"]?.ap == 1 && result.unknownImageLines == 1)
    }

    @Test func jsonHasTheAgreedMembers() throws {
        let scratch = try TemporaryFolder(["cup.txt": "a 0.9 1 1 10 10\n"])
        let json = try JSON.parse(evaluator().evaluate(folder: scratch.path).json.pretty.utf8)
        #expect(json["metric"]?.stringValue == "07" && json["iou"]?.doubleValue == 0.5)
        #expect(json["map"]?.doubleValue == 0.5 && json["ap"]?["cup"]?.doubleValue == 1)
        #expect(json["npos"]?["key"]?.intValue == 1 && json["without_file"]?.arrayValue == ["key"])
    }
}
