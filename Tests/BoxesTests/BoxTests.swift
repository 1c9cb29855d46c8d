import Boxes
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct BoxTests {
    // Pixels 1 … 10 and 6 … 15 of one row share 5 of 15: VOC's "+1" convention.
    @Test func vocPixelsAreInclusive() {
        let a = Box(vocXMin: 1, yMin: 1, xMax: 10, yMax: 1)
        let b = Box(vocXMin: 6, yMin: 1, xMax: 15, yMax: 1)
        #expect(a.width == 10 && a.height == 1)
        #expect(a.iou(b) == 5.0 / 15)
        #expect(a.voc == (1, 1, 10, 1))
    }

    @Test func flippingTwiceIsTheIdentity() {
        let box = Box(vocXMin: 1, yMin: 2, xMax: 7, yMax: 9)
        #expect(box.flippedHorizontally(width: 7) == box)
        #expect(box.flippedHorizontally(width: 20).voc == (14, 2, 20, 9))
        #expect(box.flippedHorizontally(width: 20).flippedHorizontally(width: 20) == box)
    }

    @Test func boxesThatOnlyTouchDoNotOverlap() {
        let a = Box(minX: 0, minY: 0, maxX: 4, maxY: 4)
        #expect(a.iou(Box(minX: 4, minY: 0, maxX: 8, maxY: 4)) == 0)
        #expect(a.iou(a) == 1)
        let empty = Box(minX: 2, minY: 2, maxX: 2, maxY: 2)
        #expect(empty.iou(empty) == 0)
    }

    @Test func clippingKeepsTheCommonPartWithTheFrame() {
        let box = Box(minX: -3, minY: 2, maxX: 12, maxY: 30)
        #expect(box.clipped(width: 10, height: 20) == Box(minX: 0, minY: 2, maxX: 10, maxY: 20))
    }
}
