import Boxes
import Imaging
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct BoxIssueTests {
    private let size = ImageSize(width: 100, height: 50)

    @Test(
        arguments: [
            ([1, 1, 100, 50], nil), ([0, 1, 9, 9], .outOfFrame), ([1, 0, 9, 9], .outOfFrame),
            ([1, 1, 101, 9], .outOfFrame), ([1, 1, 9, 51], .outOfFrame), ([9, 1, 8, 9], .inverted),
            ([1, 9, 9, 2], .inverted), ([9, 1, 9, 9], .zeroArea), ([1, 9, 9, 9], .zeroArea),
        ] as [([Double], BoxIssue?)])
    func eachRuleIsRecognised(corners: [Double], issue: BoxIssue?) {
        let box = Box(vocXMin: corners[0], yMin: corners[1], xMax: corners[2], yMax: corners[3])
        #expect(BoxIssue.find(in: box, size: size) == issue)
    }

    @Test func withoutASizeOnlyTheOriginIsChecked() {
        #expect(BoxIssue.find(in: Box(vocXMin: 1, yMin: 1, xMax: 9999, yMax: 5), size: nil) == nil)
        #expect(BoxIssue.find(in: Box(vocXMin: 0, yMin: 1, xMax: 9, yMax: 5), size: nil) == .outOfFrame)
    }

    // 1: fine; 2: 0-based; 3: inverted; 4: wholly outside.
    private var annotation: Annotation {
        let corners: [(String, Double, Double, Double, Double)] = [
            ("cat", 1, 1, 9, 9), ("dog", 0, 0, 100, 50), ("cow", 9, 1, 3, 9), ("bus", 120, 1, 130, 9),
        ]
        return Annotation(
            filename: "a.jpg", size: size,
            objects: corners.map {
                AnnotatedObject(name: $0.0, box: Box(vocXMin: $0.1, yMin: $0.2, xMax: $0.3, yMax: $0.4))
            })
    }

    @Test func stopNamesTheObject() {
        let text = inputError { try annotation.checked(.stop, file: "a.xml") }
        #expect(
            text?.hasPrefix(
                "a.xml: object 2 (dog): the box xmin 0, ymin 0, xmax 100, ymax 50 in an image of 100x50 is out of")
                == true)
    }

    @Test func clipCutsAtTheFrameAndSaysSo() throws {
        let (clipped, repairs) = try annotation.checked(.clip, file: "a.xml")
        #expect(clipped.objects.map(\.name) == ["cat", "dog"])
        #expect(clipped.objects[1].box == Box(minX: 0, minY: 0, maxX: 100, maxY: 50))
        #expect(
            repairs.map(\.description) == [
                "a.xml: object 2 (dog): box out of the frame, clipped",
                "a.xml: object 3 (cow): box inverted, left out",
                "a.xml: object 4 (bus): box out of the frame, left out",
            ])
    }

    @Test func skipLeavesOutAndKeepTouchesNothing() throws {
        let skipped = try annotation.checked(.skip, file: "a.xml")
        #expect(skipped.annotation.objects.map(\.name) == ["cat"])
        #expect(skipped.repairs.map(\.objectNumber) == [2, 3, 4])
        #expect(skipped.repairs.allSatisfy { $0.action == .leftOut })
        let kept = try annotation.checked(.keep, file: "a.xml")
        #expect(kept.annotation == annotation && kept.repairs.isEmpty)
    }
}
