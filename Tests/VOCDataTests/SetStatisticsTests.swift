import Boxes
import Graphics
import Imaging
import Reporting
import Support
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct SetStatisticsTests {
    private func object(
        _ name: String, _ width: Double, _ height: Double, difficult: Bool = false, truncated: Bool = false
    ) -> AnnotatedObject {
        AnnotatedObject(
            name: name, isTruncated: truncated, isDifficult: difficult,
            box: Box(minX: 0, minY: 0, maxX: width, maxY: height))
    }

    /// Two cups and a key; a difficult key; nothing. All images have 100x200 pixels.
    private var statistics: SetStatistics {
        let objects = [
            [object("cup", 10, 20, truncated: true), object("cup", 100, 200), object("key", 50, 50)],
            [object("key", 50, 50, difficult: true)], [],
        ]
        let annotations = objects.map {
            Annotation(filename: "", size: ImageSize(width: 100, height: 200), objects: $0)
        }
        return SetStatistics(
            AnnotatedSet(ids: ["a", "b", "c"], annotations: annotations), classes: ["cup", "key", "fish"])
    }

    @Test func everythingIsCounted() {
        let found = statistics
        #expect(found.images == 3 && found.imagesWithoutObjects == 1 && found.objectsPerImage == [3, 0, 0])
        #expect(found.classes.map(\.images) == [1, 2, 0] && found.classes.map(\.objects) == [2, 1, 0])
        #expect(found.classes.map(\.difficult) == [0, 1, 0] && found.classes.map(\.truncated) == [1, 0, 0])
        #expect(found.classes.map(\.sizes) == [[1, 0, 1], [0, 1, 0], [0, 0, 0]])
        #expect(found.classes[0].aspectRatios == [0.5, 0.5] && found.classes[0].areas == [0.01, 1])
        #expect(found.together == [[1, 1, 0], [1, 2, 0], [0, 0, 0]])
        #expect(found.total.objects == 3 && found.total.images == 2 && found.total.sizes == [1, 1, 1])
    }

    @Test func tableAndJSONSayTheSame() throws {
        let json = try JSON.parse(statistics.json.pretty.utf8)
        #expect(json["objects"]?.intValue == 3 && json["together"]?["cup"]?["key"]?.intValue == 1)
        // The middle of .01 and 1.
        #expect(json["classes"]?["cup"]?["median_area"]?.doubleValue == 0.505)
        #expect(json["classes"]?["fish"]?["median_area"] == .null)
        #expect(["50.5 %", "median image 100x200"].allSatisfy(statistics.report(title: "test").text.contains))
    }

    /// Shares and ratios of what no image holds fall into the bins at the ends.
    @Test func whatNoImageHoldsIsCountedAllTheSame() {
        let objects = [object("cup", 1e9, 1e-300), object("cup", 1e-300, 1e9), object("cup", 1e9, 1e9)]
        let annotation = Annotation(filename: "", size: ImageSize(width: 1, height: 1), objects: objects)
        let statistics = SetStatistics(AnnotatedSet(ids: ["a"], annotations: [annotation]), classes: ["cup"])
        #expect(statistics.total.objects == 3)
        let report = statistics.report(title: "set")
        #expect(!report.text.contains("inf") && !report.text.contains("nan") && report.picture != nil)
    }

    // Cells of the matrix: cup with key is half of the key's images, so not white; fish is with nothing.
    @Test func thePictureHasAllParts() throws {
        let picture = try #require(statistics.report(title: "test").picture).image()
        #expect(picture.width == 1440 && picture.height > 740)
        let colors = Set(
            (0..<picture.height).flatMap { y in
                stride(from: 0, to: picture.width, by: 7).map { picture[$0, y] }
            })
        // White, the ink, two colours of bars, grey and shaded cells.
        #expect(colors.count >= 6)
    }
}
