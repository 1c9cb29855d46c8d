import Boxes
import Proposals
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct SelectiveSearchTests {
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

    // The boxes of the first implementation, whose loops went pixel by pixel: sides that no vector divides, every colour space.
    @Test(arguments: [
        (161, 119, SelectiveSearchMode.fast, UInt64(0xb377_8db8_227b_e9d8)),
        (61, 173, .fast, 0x4b01_4293_9d4d_41df),
        (161, 119, .quality, 0xce28_d203_363b_b4b8),
        (83, 58, .quality, 0x04dd_b18c_f9cf_6269),
    ])
    func boxesStayAsTheyWere(_ width: Int, _ height: Int, _ mode: SelectiveSearchMode, _ checksum: UInt64) {
        let boxes = SelectiveSearch(mode.options, seed: 2).boxes(in: Self.patches(width, height))
        let text = boxes.map { "\(Int($0.minX)) \(Int($0.minY)) \(Int($0.maxX)) \(Int($0.maxY))" }
        #expect(SelectiveSearch.key(text.joined(separator: "\n")) == checksum)
    }

    @Test(arguments: SelectiveSearchMode.allCases)
    func blackWhiteAndGrayHaveNoColorToDivideBy(_ mode: SelectiveSearchMode) {
        let size = ImageSize(width: 45, height: 31)
        let whole = Box(minX: 0, minY: 0, maxX: 45, maxY: 31)
        for color in [Color.black, .white, Color(red: 128, green: 128, blue: 128)] {
            #expect(SelectiveSearch(mode.options).boxes(in: Image(size: size, color: color)) == [whole])
        }
        var halves = Image(size: ImageSize(width: 90, height: 64), color: .black)
        halves.fill(x: 0, y: 0, w: 43, h: 64, color: .white)
        let boxes = SelectiveSearch(mode.options).boxes(in: halves)
        #expect(best(boxes, Box(minX: 0, minY: 0, maxX: 43, maxY: 64)) == 1)
    }

    @Test(arguments: [(1, 400), (400, 1), (2, 333), (333, 2), (7, 90), (1, 1)])
    func noiseInAStripGivesTheWholeImage(_ width: Int, _ height: Int) {
        var random = RandomStream(5)
        let image = Image(
            size: ImageSize(width: width, height: height),
            pixels: (0..<3 * width * height).map { _ in UInt8(random.integer(below: 256)) })
        let whole = Box(minX: 0, minY: 0, maxX: Double(width), maxY: Double(height))
        for options in [SelectiveSearchOptions.fast, .quality] {
            #expect(SelectiveSearch(options).boxes(in: image) == [whole])
            // Without the limit on sides the parts of the strip appear, all within it.
            var all = options
            all.minimumSide = 0
            let boxes = SelectiveSearch(all).boxes(in: image)
            #expect(boxes.contains(whole))
            #expect(boxes.allSatisfy { $0.clipped(width: whole.maxX, height: whole.maxY) == $0 })
        }
    }

    /// Noisy rectangles of random colours over each other.
    private static func patches(_ width: Int, _ height: Int) -> Image {
        var random = RandomStream(UInt64(width), UInt64(height))
        var image = Image(size: ImageSize(width: width, height: height))
        for _ in 0..<14 {
            let (x, y) = (random.integer(below: width), random.integer(below: height))
            let (w, h) = (min(1 + random.integer(below: 60), width - x), min(1 + random.integer(below: 60), height - y))
            let color = (0..<3).map { _ in random.integer(below: 236) }
            for row in y..<y + h {
                for column in x..<x + w {
                    let noise = random.integer(below: 20)
                    image[column, row] = Color(
                        red: UInt8(color[0] + noise), green: UInt8(color[1] + noise), blue: UInt8(color[2] + noise))
                }
            }
        }
        return image
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
