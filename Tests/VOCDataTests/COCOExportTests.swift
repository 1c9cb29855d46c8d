import Boxes
import Imaging
import Support
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct COCOExportTests {
    private func set(_ ids: [String], size: ImageSize? = ImageSize(width: 40, height: 30)) -> AnnotatedSet {
        AnnotatedSet(
            ids: ids,
            annotations: ids.map {
                Annotation(
                    filename: "\($0).jpg", size: size,
                    objects: [
                        AnnotatedObject(name: "key", box: Box(vocXMin: 1, yMin: 2, xMax: 3, yMax: 10)),
                        AnnotatedObject(
                            name: "cup", isDifficult: true, box: Box(vocXMin: 5, yMin: 5, xMax: 5.5, yMax: 9)),
                        AnnotatedObject(name: "fish", box: Box(vocXMin: 1, yMin: 1, xMax: 9, yMax: 9)),
                    ])
            })
    }

    private func export(_ ids: [String], _ difficult: COCOExport.Difficult = .crowd) throws -> COCOExport {
        try COCOExport(set(ids), fileNames: ids.map { $0 + ".jpg" }, classes: ["cup", "key"], difficult: difficult)
    }

    // VOC columns 1 … 3 are the first three pixels: x 0, width 3.
    @Test func boxesAreTheSamePixels() throws {
        let truth = try export(["000012", "000007"]).groundTruth
        let objects = try #require(truth["annotations"]?.arrayValue)
        #expect(objects.map { $0["bbox"] } == [[0, 1, 3, 9], [4, 4, 1.5, 5], [0, 1, 3, 9], [4, 4, 1.5, 5]])
        #expect(objects.map { $0["image_id"]?.intValue } == [12, 12, 7, 7])
        #expect(objects.map { $0["category_id"]?.intValue } == [2, 1, 2, 1])
        #expect(objects.map { $0["iscrowd"]?.intValue } == [0, 1, 0, 1])
        #expect(objects.map { $0["id"]?.intValue } == [1, 2, 3, 4])
        #expect(objects[0]["area"]?.doubleValue == 27)
        #expect(truth["images"]?.arrayValue?[0]["file_name"]?.stringValue == "000012.jpg")
        #expect(truth["images"]?.arrayValue?[0]["width"]?.intValue == 40)
        #expect(truth["categories"]?.arrayValue?.map { $0["name"]?.stringValue } == ["cup", "key"])
    }

    @Test func difficultObjectsAreWhatTheCallerChooses() throws {
        let kept = try #require(try export(["1"], .keep).groundTruth["annotations"]?.arrayValue)
        #expect(kept.map { $0["iscrowd"]?.intValue } == [0, 0])
        #expect(try export(["1"], .drop).groundTruth["annotations"]?.arrayValue?.count == 1)
    }

    // "1" and "01" are the same number.
    @Test(arguments: [["2008_000001", "2008_000002"], ["1", "01"]])
    func idsThatAreNotDifferentNumbersAreCounted(ids: [String]) throws {
        let images = try export(ids).groundTruth["images"]?.arrayValue
        #expect(images?.map { $0["id"]?.intValue } == [1, 2])
    }

    @Test func detectionsKeepTheirScores() throws {
        let detections = [
            ClassDetections(imageIndices: [1], scores: [0.123456789], boxes: [Box(minX: 1, minY: 2, maxX: 4, maxY: 6)]),
            ClassDetections(),
        ]
        #expect(
            try export(["8", "9"]).results(detections) == [
                ["image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.123456789]
            ])
    }

    @Test func anImageWithoutSizeIsNamed() {
        let text = inputError {
            try COCOExport(set(["x"], size: nil), fileNames: ["x.jpg"], classes: ["cup"])
        }
        #expect(text?.hasPrefix("x: ") == true)
    }
}
