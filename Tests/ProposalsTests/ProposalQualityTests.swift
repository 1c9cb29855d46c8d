import Boxes
import Proposals
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ProposalQualityTests {
    // Objects of 10×10. Best overlaps: 1 (same box), 0.5 (half of it), 0.7 (seven columns), 0 (nothing near).
    private let square = Box(minX: 0, minY: 0, maxX: 10, maxY: 10)

    @Test func byHand() {
        var quality = ProposalQuality()
        quality.add(
            proposals: [square, Box(minX: 100, minY: 0, maxX: 105, maxY: 10)],
            groundTruth: [
                LabeledBox(box: square, classIndex: 0),
                LabeledBox(box: Box(minX: 100, minY: 0, maxX: 110, maxY: 10), classIndex: 1),
                LabeledBox(box: Box(minX: 500, minY: 0, maxX: 510, maxY: 10), classIndex: 1, isDifficult: true),
            ], seconds: 0.25)
        quality.add(
            proposals: [Box(minX: 0, minY: 0, maxX: 7, maxY: 10), Box(minX: 0, minY: 0, maxX: 3, maxY: 10), square],
            groundTruth: [LabeledBox(box: Box(minX: 50, minY: 50, maxX: 60, maxY: 60), classIndex: 0)], seconds: 0.75)
        quality.add(
            proposals: [Box(minX: 0, minY: 0, maxX: 7, maxY: 10)],
            groundTruth: [LabeledBox(box: square, classIndex: 0)], seconds: 0.5)
        #expect(quality.images == 3)
        #expect(quality.objects == 4)
        #expect(quality.boxesPerImage == 2)
        #expect(quality.secondsPerImage == 0.5)
        #expect(quality.recall50 == 0.75)
        #expect(quality.recall70 == 0.5)
        #expect(abs((quality.averageBestOverlap ?? 0) - (1 + 0.5 + 0 + 0.7) / 4) < 1e-12)
        #expect(abs((quality.meanAverageBestOverlap ?? 0) - ((1 + 0 + 0.7) / 3 + 0.5) / 2) < 1e-12)
        #expect(quality.json["recall"]?["0.5"] == 0.75)
        #expect(quality.json["recall"]?["0.7"] == 0.5)
        #expect(quality.json["boxes_per_image"] == 2.0)
    }

    @Test func difficultObjectsCountOnRequest() {
        let hard = [LabeledBox(box: square, classIndex: 3, isDifficult: true)]
        var without = ProposalQuality()
        without.add(proposals: [square], groundTruth: hard)
        #expect(without.objects == 0)
        #expect(without.recall50 == nil)
        #expect(without.json["average_best_overlap"] == .null)
        #expect(without.json["seconds_per_image"] == .null)
        var with = ProposalQuality(countsDifficult: true)
        with.add(proposals: [square], groundTruth: hard)
        #expect(with.recall70 == 1)
    }

    @Test func anImageWithoutProposalsMissesItsObjects() {
        var quality = ProposalQuality()
        quality.add(proposals: [], groundTruth: [LabeledBox(box: square, classIndex: 0)])
        #expect(quality.recall50 == 0)
        #expect(quality.averageBestOverlap == 0)
    }
}
