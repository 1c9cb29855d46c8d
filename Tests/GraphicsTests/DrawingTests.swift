import Foundation
import Graphics
import Imaging
import Support
import TestSupport
import Testing

/// What is antialiased is asked for by its darkness and place, not by its pixels: those are the library's.
@Suite(.tags(.unit), .tiered) struct DrawingTests {
    private let red = Paint.color(Color(red: 200, green: 30, blue: 40))

    private func drawing(_ width: Int, _ height: Int, _ shapes: Drawing.Shape...) -> Drawing {
        Drawing(size: ImageSize(width: width, height: height), shapes)
    }

    /// The rows as text: "#" where more than half of a pixel is covered.
    private func map(_ image: Image) -> [String] {
        (0..<image.height).map { y in
            String((0..<image.width).map { x in Int(image[x, y].green) < 140 ? "#" : "." })
        }
    }

    private func ink(_ image: Image, rows: Range<Int>? = nil, columns: Range<Int>? = nil) -> Int {
        (rows ?? 0..<image.height).reduce(0) { sum, y in
            sum + (columns ?? 0..<image.width).reduce(0) { $0 + 255 - Int(image[$1, y].green) }
        }
    }

    @Test func shapesOnWholePixelsAreExact() {
        let picture = drawing(
            7, 5, .outline(.init(x: 1, y: 1, width: 5, height: 3), .color(.black), width: 1),
            .rectangle(.init(x: 3, y: 2, width: 1, height: 1), red))
        let image = picture.image()
        #expect(map(image) == [".......", ".#####.", ".#.#.#.", ".#####.", "......."])
        #expect(image[3, 2] == red.color && image[1, 1] == .black && image[2, 2] == .white)
        #expect(picture.image(scale: 2).size == ImageSize(width: 14, height: 10))
    }

    @Test func whatLiesOutsideOrIsNoNumberIsLeftOut() {
        let wild: [Drawing.Rectangle] = [
            .init(x: .nan, y: 0, width: 1, height: 1), .init(x: 3, y: 2, width: -2, height: -1),
            .init(x: 0, y: 0, width: .infinity, height: 1),
        ]
        for box in wild {
            let image = drawing(
                4, 3, .rectangle(box, .ink), .outline(box, .ink, width: 1),
                .image(Image(size: .init(width: 1, height: 1)), box)
            ).image()
            #expect(ink(image) == 0, "\(box)")
        }
        let far = drawing(4, 3, .outline(.init(x: -1e12, y: -5, width: 1e12 + 2, height: 1e300), .ink, width: 1))
        #expect(map(far.image()) == [".#..", ".#..", ".#.."])
    }

    @Test func linesBreakWhereAPointIsMissing() {
        let points: [Drawing.Point] = [.init(2, 4), .init(8, 4), .init(.nan, 4), .init(14, 4), .init(20, .infinity)]
        let image = drawing(24, 8, .line(points, .color(.black), width: 2)).image()
        #expect(map(image)[3] == ".########....##.........")
        // Round ends and a dot reach half the width further.
        #expect(ink(image, columns: 0..<1) == 0 && ink(image, columns: 10..<12) == 0)
    }

    @Test func imagesKeepTheirPixels() {
        var image = Image(size: ImageSize(width: 3, height: 2))
        for i in 0..<image.pixels.count { image.pixels[i] = UInt8(11 * i) }
        #expect(Drawing(image).image() == image)
        // Each pixel becomes a square.
        let large = drawing(6, 4, .image(image, .init(x: 0, y: 0, width: 6, height: 4))).image()
        for y in 0..<4 { for x in 0..<6 { #expect(large[x, y] == image[x / 2, y / 2]) } }
        // Where there is no room, all of them count.
        var stripes = Image(size: ImageSize(width: 40, height: 40), color: .white)
        for y in 0..<40 { for x in stride(from: 0, to: 40, by: 2) { stripes[x, y] = .black } }
        let small = Drawing(stripes).fitting(10).image()
        #expect(small.size == ImageSize(width: 10, height: 10))
        #expect((100...155).contains(small[5, 5].green) && small[5, 5] == small[4, 4])
    }

    @Test func gridsCentreTheirTiles() {
        let tiles = [4, 2].map { Drawing(Image(size: ImageSize(width: $0, height: 2))) }
        let sheet = Drawing.grid(tiles, columns: 2, gap: 1).image()
        #expect(map(sheet) == ["...........", ".####..##..", ".####..##..", "..........."])
        #expect(Drawing.grid([], columns: 3, gap: 2).image().size == ImageSize(width: 4, height: 2))
    }

    @Test(arguments: [Drawing.Text.Anchor.start, .middle, .end])
    func textStandsOnItsPoint(anchor: Drawing.Text.Anchor) {
        var picture = Drawing(size: ImageSize(width: 200, height: 60))
        picture.add("HIH", x: 100, y: 40, size: 20, anchor: anchor)
        let image = picture.image()
        let width = Int(Lettering.width("HIH", size: 20).rounded(.up))
        #expect(width > 20 && width < 60)
        let left = anchor == .start ? 100 : anchor == .middle ? 100 - width / 2 : 100 - width
        #expect(ink(image) > 2000)
        // Capitals of seven tenths stand on the baseline, within their width.
        #expect(ink(image, rows: 41..<60) == 0 && ink(image, rows: 0..<22) == 0)
        #expect(ink(image, columns: left - 1..<left + width + 1) == ink(image))
        // Upright it runs upwards from the same point.
        picture = Drawing(size: ImageSize(width: 60, height: 200))
        picture.add("HIH", x: 40, y: 100, size: 20, anchor: anchor, isUpright: true)
        let turned = picture.image()
        let top = anchor == .end ? 100 : anchor == .middle ? 100 - width / 2 : 100 - width
        #expect(ink(turned, rows: top - 1..<top + width + 1) == ink(turned) && ink(turned) > 2000)
    }

    /// What is drawn after a text does not begin where that ended.
    @Test func whatFollowsATextStandsAlone() {
        let shapes: [Drawing.Shape] = [
            .line([.init(10, 10), .init(30, 10)], .ink, width: 2), .marker(.circle, .init(20, 30), radius: 4, .ink),
            .marker(.diamond, .init(30, 30), radius: 4, .ink),
            .rectangle(.init(x: 5, y: 40, width: 9, height: 9), .ink),
            .outline(.init(x: 20, y: 40, width: 9, height: 9), .ink, width: 1),
        ]
        for shape in shapes {
            let alone = drawing(120, 60, shape)
            var picture = Drawing(size: alone.size)
            picture.add("HIH", x: 70, y: 50, size: 20)
            let text = picture.image()
            picture.add(shape)
            #expect(ink(picture.image()) == ink(text) + ink(alone.image()), "\(shape)")
        }
    }

    /// Letters of many scripts are drawn, and nothing in a text is markup.
    @Test(.enabled(if: Lettering.hasFonts), arguments: ["Ж", "é", "Ω", "א", "س", "<", "&amp;", "%s", "\u{1F600}", "猫"])
    func textMayHoldAnything(text: String) {
        var picture = Drawing(size: ImageSize(width: 120, height: 40))
        picture.add(text, x: 10, y: 28, size: 20)
        #expect(ink(picture.image()) > 100)
        #expect(Lettering.width(text + text, size: 20) > Lettering.width(text, size: 20))
    }

    @Test func textIsCutToFit() {
        #expect(Lettering.fitted("short", width: 200, size: 12) == "short")
        let cut = Lettering.fitted("a name that is much too long", width: 60, size: 12)
        #expect(cut.hasSuffix("…") && cut.hasPrefix("a n") && Lettering.width(cut, size: 12) <= 60)
        #expect(Lettering.fitted("", width: 0, size: 12) == "")
        #expect(Lettering.fitted("wide", width: 0, size: 12) == "…")
    }

    @Test func everyMarkerHasItsOwnShape() {
        let shapes = Drawing.Marker.allCases.map {
            map(drawing(40, 40, .marker($0, .init(20, 20), radius: 14, .color(.black))).image())
        }
        #expect(Set(shapes).count == shapes.count)
        #expect(shapes.allSatisfy { $0[20].contains("#") })
    }

    @Test func theEndingSaysWhatIsWritten() throws {
        let folder = try TemporaryFolder()
        var picture = drawing(60, 30, .rectangle(.init(x: 2, y: 2, width: 20, height: 10), red))
        picture.add("text & more", x: 2, y: 25, size: 10)
        picture.add(Image(size: ImageSize(width: 4, height: 4)), x: 40, y: 2)
        for (ending, start) in ["pdf": "%PDF-", "svg": "<?xml", "SVG": "<?xml", "png": "\u{89}PNG"] {
            let path = "\(folder.path)/p.\(ending)"
            try picture.write(to: path)
            let bytes = try Files.read(path)
            #expect(
                bytes.prefix(start.unicodeScalars.count).elementsEqual(start.unicodeScalars.map { UInt8($0.value) }))
        }
        // The same drawing is the same file.
        #expect(picture.pdf() == picture.pdf())
        #expect(Page(String(decoding: picture.svg(), as: UTF8.self)) != nil)
        #expect(try Image.read("\(folder.path)/p.png") == picture.image())
        #expect(throws: InputError.self) { try picture.write(to: "\(folder.path)/p.gif") }
    }

    /// Without a limit of Cairo's being met by a crash.
    @Test func aPictureTooWideForCairoIsSmaller() {
        let image = drawing(70_000, 20, .rectangle(.init(x: 0, y: 0, width: 70_000, height: 20), red)).image()
        #expect(image.width == 32_767 && image.height == 9)
        #expect(image[30_000, 4] == red.color)
    }

    @Test func coloursOfSeriesCanBeTold() {
        let colors = (0..<40).map { Paint.series($0).color }
        #expect(Set(colors).count == 40)
        // WCAG's contrast of graphics, 3 : 1, on both papers.
        func luminance(_ color: Color) -> Double {
            func linear(_ value: UInt8) -> Double {
                let share = Double(value) / 255
                return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue)
        }
        func contrast(_ a: Color, _ b: Color) -> Double {
            let (low, high) = (min(luminance(a), luminance(b)), max(luminance(a), luminance(b)))
            return (high + 0.05) / (low + 0.05)
        }
        for index in 0..<10 {
            let paint = Paint.series(index)
            #expect(contrast(paint.color, Paint.paper.color) >= 3, "\(index)")
            #expect(contrast(paint.darkColor, Paint.paper.darkColor) >= 3, "\(index)")
        }
        for text in [Paint.ink, .muted] {
            #expect(contrast(text.color, Paint.paper.color) >= 4.5)
            #expect(contrast(text.darkColor, Paint.paper.darkColor) >= 4.5)
        }
    }
}
