import Boxes
import Detection
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct AnchorTests {
    private func box(_ corners: [Double]) -> Box {
        Box(minX: corners[0], minY: corners[1], maxX: corners[2], maxY: corners[3])
    }

    private func anchors(_ count: Int, side: Double) -> [Box] {
        (0..<count).map { Box(minX: Double($0) * side, minY: 0, maxX: Double($0 + 1) * side, maxY: side) }
    }

    private func sample(
        _ boxes: [Box], _ objects: [Box], width: Double = 1000, _ sampler: AnchorSampler = AnchorSampler()
    ) -> [AnchorTarget] {
        var random = RandomStream(3)
        return sampler.sample(boxes, objects, width: width, height: 1000, random: &random)
    }

    // First and last pixels of the released code: [-84, -40, 99, 55], …, [-168, -344, 183, 359].
    @Test func theNineAnchorsAreThePublishedOnes() throws {
        let found = AnchorGenerator(stride: 16).anchors(height: 1, width: 1)
        #expect(found.count == 9)
        #expect(found[0] == Box(minX: -84, minY: -40, maxX: 100, maxY: 56))
        #expect(found[4] == Box(minX: -120, minY: -120, maxX: 136, maxY: 136))
        #expect(found[8] == Box(minX: -168, minY: -344, maxX: 184, maxY: 360))
        let golden = try Golden.read("faster.json")["base_anchors"]?.arrayValue?.map { box($0.doubles) }
        #expect(found == golden)
    }

    @Test func rowsThenCellsThenShapes() throws {
        let golden = try Golden.read("faster.json")["anchors"]?.arrayValue?.map { box($0.doubles) }
        #expect(AnchorGenerator(stride: 16, scales: [2, 4]).anchors(height: 3, width: 4) == golden)
        #expect(AnchorGenerator(stride: 16).anchors(height: 0, width: 4).isEmpty)
    }

    // The object is the square of side 10 at the left; an anchor of height h over it has the IoU h/10.
    @Test func thresholds() {
        func slice(_ height: Double) -> Box { Box(minX: 0, minY: 0, maxX: 10, maxY: height) }
        let object = slice(10)
        let boxes = [slice(9), slice(7), slice(6.9), slice(3), slice(2.9), slice(0.5)]
        let targets = sample(boxes, [object])
        #expect(Set(targets.filter { $0.object == object }.map(\.anchor)) == [0, 1])
        #expect(Set(targets.filter { $0.object == nil }.map(\.anchor)) == [4, 5])
    }

    @Test func everyObjectHasItsBestAnchors() {
        let boxes = anchors(4, side: 10)
        // Half of each of the first two anchors, a tenth of the last: IoU 1/3, 1/3 and .1.
        let across = Box(minX: 5, minY: 0, maxX: 15, maxY: 10)
        let little = Box(minX: 30, minY: 0, maxX: 31, maxY: 10)
        let targets = sample(boxes, [across, little])
        let positives = targets.filter { $0.object != nil }
        #expect(Set(positives.map(\.anchor)) == [0, 1, 3])
        #expect(positives.first { $0.anchor == 3 }?.object == little)
        #expect(targets.filter { $0.object == nil }.map(\.anchor) == [2])
        // An object that no anchor touches makes none of them its own.
        let away = Box(minX: 500, minY: 500, maxX: 510, maxY: 510)
        #expect(sample(boxes, [away]).allSatisfy { $0.object == nil })
        #expect(sample(boxes, []).count == 4)
    }

    @Test func halfArePositiveAtMost() {
        let object = Box(minX: 0, minY: 0, maxX: 100, maxY: 100)
        let on = (0..<30).map { Box(minX: 0, minY: 0, maxX: 100, maxY: 99 - Double($0) * 0.5) }
        let beside = (0..<30).map { Box(minX: 200 + Double($0), minY: 0, maxX: 300, maxY: 100) }
        var sampler = AnchorSampler()
        sampler.anchorsPerImage = 20
        let targets = sample(on + beside, [object], sampler)
        #expect(targets.count { $0.object != nil } == 10 && targets.count == 20)
        #expect(Set(targets.map(\.anchor)).count == 20)
        // What positives do not fill, negatives do.
        let few = sample(Array(on.prefix(2)) + beside, [object], sampler)
        #expect(few.count { $0.object != nil } == 2 && few.count == 20)
    }

    @Test func anchorsBeyondTheImageAreLeftOut() {
        let boxes = anchors(4, side: 10)
        let object = Box(minX: 30, minY: 0, maxX: 40, maxY: 10)
        #expect(Set(sample(boxes, [object], width: 35).map(\.anchor)) == [0, 1, 2])
        var sampler = AnchorSampler()
        sampler.skipsStraddling = false
        #expect(sample(boxes, [object], width: 35, sampler).count == 4)
        // Where none lies inside, all stay.
        #expect(sample(boxes, [object], width: 5).count == 4)
    }

    @Test func theDrawFollowsFromTheStream() {
        let boxes = anchors(60, side: 10)
        var sampler = AnchorSampler()
        sampler.anchorsPerImage = 8
        let objects = [boxes[4]]
        #expect(sample(boxes, objects, sampler) == sample(boxes, objects, sampler))
        var other = RandomStream(4)
        let drawn = sampler.sample(boxes, objects, width: 1000, height: 1000, random: &other)
        #expect(drawn != sample(boxes, objects, sampler))
    }
}
