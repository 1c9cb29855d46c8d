import Boxes
import Detection
import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct BoxCoderTests {
    // The proposal is 20 × 40 around (20, 40), the object 10 × 40 around (19, 30):
    // dx = -1/20, dy = -10/40, dw = ln(10/20), dh = ln 1.
    @Test func byHand() {
        let proposal = Box(minX: 10, minY: 20, maxX: 30, maxY: 60)
        let object = Box(minX: 14, minY: 10, maxX: 24, maxY: 50)
        #expect(BoxDelta(from: proposal, to: object) == BoxDelta(dx: -0.05, dy: -0.25, dw: log(0.5), dh: 0))
        let zero = BoxDelta(from: proposal, to: proposal)
        #expect(zero == BoxDelta(dx: 0, dy: 0, dw: 0, dh: 0) && zero.applied(to: proposal) == proposal)
    }

    @Test func roundTrip() {
        var random = RandomStream(1)
        func box() -> Box {
            let (x, y) = (random.uniform(-50, 500), random.uniform(-50, 500))
            return Box(minX: x, minY: y, maxX: x + random.uniform(10, 400), maxY: y + random.uniform(10, 400))
        }
        for _ in 0..<500 {
            let (proposal, object) = (box(), box())
            let back = BoxDelta(from: proposal, to: object).applied(to: proposal)
            #expect(
                isClose(
                    [back.minX, back.minY, back.maxX, back.maxY], [object.minX, object.minY, object.maxX, object.maxY],
                    1e-9))
        }
    }

    // 1000/16 = 62.5 times as large and no more; shrinking has no bound.
    @Test func growthIsCut() {
        let proposal = Box(minX: 0, minY: 0, maxX: 20, maxY: 10)
        let box = BoxDelta(dx: 0, dy: 0, dw: 100, dh: .infinity).applied(to: proposal)
        #expect(isClose([box.width, box.height, box.centerX, box.centerY], [1250, 625, 10, 5], 1e-12))
        #expect(BoxDelta(dx: 0, dy: 0, dw: -100, dh: 0).applied(to: proposal).width < 1e-30)
    }

    // Ten examples with dx = .4 and -.2 in turn: mean .1, deviation .3. dy does not vary, and dw and dh have
    // deviations of 1 and 2 around 0.
    @Test func statisticsByHand() {
        let deltas = (0..<10).map { i in
            let sign = i % 2 == 0 ? 1.0 : -1
            return (classIndex: 1, delta: BoxDelta(dx: 0.1 + 0.3 * sign, dy: 0.5, dw: sign, dh: -2 * sign))
        }
        let few = (0..<9).map { (classIndex: 0, delta: BoxDelta(dx: Double($0), dy: 0, dw: 0, dh: 0)) }
        let statistics = BoxTargetStatistics(classCount: 3, deltas: deltas + few)
        #expect(isClose(statistics.mean, [0, 0, 0, 0, 0.1, 0, 0, 0, 0, 0, 0, 0], 1e-12))
        #expect(isClose(statistics.deviation, [0.1, 0.1, 0.2, 0.2, 0.3, 0.1, 1, 2, 0.1, 0.1, 0.2, 0.2], 1e-12))
        let delta = BoxDelta(dx: 0.4, dy: 0.5, dw: -3, dh: 1)
        #expect(isClose(statistics.normalized(delta, classIndex: 1).map { Double($0) }, [1, 5, -3, 0.5], 1e-6))
        #expect(isClose(statistics.normalized(delta, classIndex: 2).map { Double($0) }, [4, 5, -15, 5], 1e-6))
    }
}
