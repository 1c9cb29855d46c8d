import Boxes
import Detection
import Imaging
import Support
import Testing

@Suite struct SelectiveSearchTests {
    private static let first = Box(minX: 20, minY: 15, maxX: 70, maxY: 60)
    private static let second = Box(minX: 95, minY: 50, maxX: 140, maxY: 105)

    @Test func findsTwoObjects() {
        let boxes = SelectiveSearch(seed: 1).boxes(in: twoObjects(scale: 1))
        for object in [Self.first, Self.second] { #expect(best(boxes, object) >= 0.9) }
        #expect(boxes.contains(Box(minX: 0, minY: 0, maxX: 160, maxY: 120)))
    }

    @Test func boxesKeepTheContract() {
        let image = twoObjects(scale: 1)
        let boxes = SelectiveSearch(seed: 1).boxes(in: image)
        #expect(Set(boxes).count == boxes.count)
        for box in boxes {
            #expect(box.clipped(width: 160, height: 120) == box)
            #expect(min(box.width, box.height) >= 20)
            #expect(
                box
                    == Box(
                        minX: box.minX.rounded(), minY: box.minY.rounded(), maxX: box.maxX.rounded(),
                        maxY: box.maxY.rounded()))
        }
        let few = SelectiveSearch(seed: 1).boxes(in: image, maximumCount: 3)
        #expect(few == Array(boxes.prefix(3)))
        #expect(SelectiveSearch(seed: 1).boxes(in: image, maximumCount: 0).isEmpty)
    }

    @Test func sameOnEveryThreadAndAnotherOrderForAnotherSeedOrKey() throws {
        let image = twoObjects(scale: 1)
        let search = SelectiveSearch(seed: 5)
        let alone = (0..<6).map { search.boxes(in: image, key: UInt64($0)) }
        let together = try parallelMap(6, threads: 4) { search.boxes(in: image, key: UInt64($0)) }
        #expect(alone == together)
        #expect(alone[0] != alone[1])
        #expect(Set(alone[0]) == Set(alone[1]))
        let other = SelectiveSearch(seed: 6).boxes(in: image)
        #expect(other != alone[0])
        #expect(Set(other) == Set(alone[0]))
    }

    @Test func keysOfNamesAreFNV1a() {
        #expect(SelectiveSearch.key("") == 0xcbf2_9ce4_8422_2325)
        #expect(SelectiveSearch.key("a") == 0xaf63_dc4c_8601_ec8c)
        #expect(SelectiveSearch.key("foobar") == 0x8594_4171_f739_67e8)
    }

    @Test(arguments: [(1, 1), (1, 40), (40, 1), (2, 2), (19, 19), (20, 20), (60, 50), (500, 3)])
    func plainAndTinyImagesGiveTheWholeImage(_ width: Int, _ height: Int) {
        let image = Image(
            size: ImageSize(width: width, height: height), color: Color(red: 90, green: 120, blue: 60))
        let whole = Box(minX: 0, minY: 0, maxX: Double(width), maxY: Double(height))
        #expect(SelectiveSearch().boxes(in: image) == [whole])
    }

    @Test func anImageWithoutPixelsGivesNoBox() {
        #expect(SelectiveSearch().boxes(in: Image(size: ImageSize(width: 0, height: 7))).isEmpty)
    }

    @Test func aLargeImageIsSearchedReduced() {
        var options = SelectiveSearchOptions.fast
        options.maximumPixels = 12_000
        let image = twoObjects(scale: 3)
        let boxes = SelectiveSearch(options, seed: 1).boxes(in: image)
        // A pixel of the reduced copy is 3.8 pixels wide: the sides of the objects are known to about 3 %.
        #expect(best(boxes, Self.first.scaled(x: 3, y: 3)) >= 0.85)
        #expect(best(boxes, Self.second.scaled(x: 3, y: 3)) >= 0.85)
        #expect(boxes.contains(Box(minX: 0, minY: 0, maxX: 480, maxY: 360)))
        for box in boxes { #expect(box.clipped(width: 480, height: 360) == box) }
    }

    @Test(arguments: [(3000, 2), (2, 3000), (3000, 1)])
    func aLongImageIsReducedWithoutLosingASide(_ width: Int, _ height: Int) {
        var options = SelectiveSearchOptions.fast
        options.maximumPixels = 100
        let image = Image(size: ImageSize(width: width, height: height), color: .white)
        let whole = Box(minX: 0, minY: 0, maxX: Double(width), maxY: Double(height))
        #expect(SelectiveSearch(options).boxes(in: image) == [whole])
    }

    @Test func moreHierarchiesGiveMoreBoxes() {
        var single = SelectiveSearchOptions.fast
        single.colorSpaces = [.lab]
        single.similarities = [.color]
        single.scales = [50]
        let image = twoObjects(scale: 1)
        let few = SelectiveSearch(single).boxes(in: image)
        let many = SelectiveSearch().boxes(in: image)
        #expect(few.count < many.count)
    }

    @Test func qualityVariesMore() {
        let image = twoObjects(scale: 1)
        let quality = SelectiveSearch(.quality, seed: 1)
        let boxes = quality.boxes(in: image)
        #expect(boxes.count > SelectiveSearch(.fast, seed: 1).boxes(in: image).count)
        for object in [Self.first, Self.second] { #expect(best(boxes, object) >= 0.9) }
        #expect(quality.boxes(in: image, threads: 3) == boxes)
        let options = SelectiveSearchOptions.quality
        #expect(options.colorSpaces.count * options.similarities.count * options.scales.count == 80)
    }

    // The largest image is searched at 1.5 million pixels; noise makes the most regions there can be.
    @Test func aPhotographOfMillionsOfPixelsAndNoise() {
        var random = RandomStream(11)
        let noise = Image(
            size: ImageSize(width: 300, height: 200),
            pixels: (0..<180_000).map { _ in UInt8(random.integer(below: 256)) })
        #expect(!SelectiveSearch().boxes(in: noise).isEmpty)
        var large = Image(size: ImageSize(width: 6000, height: 4000), color: Color(red: 30, green: 60, blue: 90))
        large.fill(x: 1500, y: 1200, w: 2400, h: 1600, color: Color(red: 220, green: 200, blue: 40))
        let boxes = SelectiveSearch().boxes(in: large)
        let object = Box(minX: 1500, minY: 1200, maxX: 3900, maxY: 2800)
        #expect(best(boxes, object) > 0.95)
        #expect(boxes.allSatisfy { $0.clipped(width: 6000, height: 4000) == $0 })
        let gray = Image(size: noise.size, pixels: noise.pixels.enumerated().map { noise.pixels[$0.0 / 3 * 3] })
        #expect(!SelectiveSearch().boxes(in: gray).isEmpty)
    }

    private func best(_ boxes: [Box], _ object: Box) -> Double { boxes.map { object.iou($0) }.max() ?? 0 }

    /// A striped and a plain rectangle on a noisy ground; each side is `scale` times as long.
    private func twoObjects(scale: Int) -> Image {
        var image = Image(size: ImageSize(width: 160 * scale, height: 120 * scale))
        var random = RandomStream(3)
        for y in 0..<image.height {
            for x in 0..<image.width {
                let noise = UInt8(random.integer(below: 24))
                let place = Box(
                    minX: Double(x / scale), minY: Double(y / scale), maxX: Double(x / scale) + 1,
                    maxY: Double(y / scale) + 1)
                if Self.first.intersection(place) == place {
                    let stripe: UInt8 = x / scale % 10 < 5 ? 180 : 220
                    image[x, y] = Color(red: stripe, green: 40 + noise, blue: 30)
                } else if Self.second.intersection(place) == place {
                    image[x, y] = Color(red: 20, green: 60 + noise, blue: 200)
                } else {
                    image[x, y] = Color(red: 90 + noise, green: 140 + noise, blue: 90)
                }
            }
        }
        return image
    }
}
