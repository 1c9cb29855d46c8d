import Boxes
import Detection
import Support
import TestSupport
import Testing

/// The object is the square (0, 0)-(10, 10); a proposal (0, 0)-(10, h) inside it has the IoU h/10.
@Suite(.tags(.unit), .tiered) struct RegionSamplerTests {
    private let object = LabeledBox(box: Box(minX: 0, minY: 0, maxX: 10, maxY: 10), classIndex: 4)

    private func slice(_ height: Double) -> Box { Box(minX: 0, minY: 0, maxX: 10, maxY: height) }
    private func elsewhere(_ x: Double) -> Box { Box(minX: x, minY: 50, maxX: x + 5, maxY: 60) }

    private func sample(
        _ proposals: [Box], _ objects: [LabeledBox], by sampler: RegionSampler = RegionSampler(), seed: UInt64 = 1
    ) -> [RegionTarget] {
        var random = RandomStream(seed)
        return sampler.sample(proposals, objects, random: &random)
    }

    @Test func thresholds() {
        // On the object from .5 on, background from .1 up to .5 without it; 0.9 of a slice is nothing.
        let regions = sample([slice(5), slice(4.99), slice(1), slice(0.99), elsewhere(70)], [object])
        let foreground = regions.filter { $0.classIndex != nil }
        #expect(Set(foreground.map(\.box)) == [object.box, slice(5)])
        #expect(foreground.allSatisfy { $0.classIndex == 4 && $0.object == object.box })
        let background = regions.filter { $0.classIndex == nil }
        #expect(Set(background.map(\.box)) == [slice(4.99), slice(1)])
        #expect(background.allSatisfy { $0.object == nil })
    }

    @Test func objectsAreCandidates() {
        let regions = sample([], [object])
        #expect(regions.map(\.box) == [object.box] && regions.map(\.object) == [object.box])
        #expect(regions.map(\.classIndex) == [4])
    }

    @Test func aQuarterIsForegroundAtMost() {
        var sampler = RegionSampler()
        sampler.regionsPerImage = 8
        let on = (0..<20).map { slice(6 + 0.1 * Double($0)) }
        let beside = (0..<20).map { slice(2 + 0.1 * Double($0)) }
        let regions = sample(on + beside, [object], by: sampler)
        #expect(regions.map { $0.classIndex != nil } == [true, true, false, false, false, false, false, false])
        #expect(Set(regions.map(\.box)).count == 8)
        // Too little background is not made up by foreground, too little foreground is by background.
        #expect(sample(on + beside.prefix(3), [object], by: sampler).count == 5)
        #expect(sample(beside, [object], by: sampler).count == 8)
        sampler.foregroundFraction = 0.5
        #expect(sample(on + beside, [object], by: sampler).count { $0.classIndex != nil } == 4)
    }

    @Test func emptySkyIsBackgroundWhenThereIsNoOther() {
        let sky = [elsewhere(0), elsewhere(20)]
        #expect(Set(sample(sky, [object]).filter { $0.classIndex == nil }.map(\.box)) == Set(sky))
        #expect(sample(sky + [slice(2)], [object]).filter { $0.classIndex == nil }.map(\.box) == [slice(2)])
        let regions = sample(sky, [])
        #expect(Set(regions.map(\.box)) == Set(sky) && regions.allSatisfy { $0.classIndex == nil })
        #expect(sample([], []).isEmpty)
    }

    @Test func theBestObjectCounts() {
        let other = LabeledBox(box: slice(8), classIndex: 2)
        let matches = bestMatches([slice(8.5), slice(9.5), elsewhere(0)], [object.box, other.box])
        #expect(matches.map(\.object) == [1, 0, 0])
        #expect(matches.map(\.iou) == [8 / 8.5, 0.95, 0])
        // Of equal objects the first one wins; without objects there is none.
        #expect(bestMatches([slice(8)], [other.box, other.box])[0].object == 0)
        #expect(bestMatches([slice(8)], [])[0] == BoxMatch(object: -1, iou: 0))
    }

    @Test func theChoiceFollowsFromTheSeed() {
        var sampler = RegionSampler()
        sampler.regionsPerImage = 4
        let proposals = (0..<60).map { slice(1 + 0.1 * Double($0)) }
        let choices = (0..<10).map { sample(proposals, [object], by: sampler, seed: UInt64($0)) }
        #expect(choices == (0..<10).map { sample(proposals, [object], by: sampler, seed: UInt64($0)) })
        #expect(Set(choices).count > 5)
    }
}
