import Foundation
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ColorTests {
    /// The roundings are Pillow's, so every level is.
    @Test(arguments: try GoldenImage.load("color").dropFirst())
    func adjustsAsPillow(golden: GoldenImage) throws {
        var image = try GoldenImage.load("color")[0].image
        let factor = golden.factor ?? 0
        switch golden.name {
        case "grey": image = image.grayscaled()
        case "brightness": image.adjustBrightness(factor)
        case "contrast": image.adjustContrast(factor)
        case "saturation": image.adjustSaturation(factor)
        default: image.adjustHue(factor)
        }
        #expect(largestDifference(image, golden.image) == 0)
    }
}

@Suite(.tags(.unit), .tiered) struct PipelineTests {
    static let instance = ImagePipeline([
        .randomResizedCrop(size: ImageSize(width: 48, height: 40), scale: 0.2...1, ratio: 0.75...(4.0 / 3)),
        .randomGrayscale(probability: 0.2),
        .colorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.4),
        .randomHorizontalFlip(probability: 0.5),
    ])

    @Test func isAFunctionOfImageAndStream() throws {
        let file = try samplePicture(width: 300, height: 200).encodedJPEG()
        func run(_ key: UInt64) throws -> (Image, RandomStream) {
            var random = RandomStream(key)
            return (try Self.instance.load(file, name: "x", random: &random), random)
        }
        #expect(try run(1) == run(1))
        #expect(try run(1).0 != run(2).0)
    }

    /// The reduced decoding changes pixels a little and random choices not at all.
    @Test func loadStaysCloseToApply() throws {
        let pipeline = ImagePipeline([
            .randomResizedCrop(size: ImageSize(width: 32, height: 32), scale: 0.3...1, ratio: 0.75...(4.0 / 3)),
            .randomHorizontalFlip(probability: 0.5),
        ])
        var smooth = Image(size: ImageSize(width: 301, height: 203))
        for y in 0..<203 {
            for x in 0..<301 { smooth[x, y] = Color(red: UInt8(x * 255 / 301), green: UInt8(y), blue: 90) }
        }
        let file = try smooth.encodedJPEG()
        let decoded = try Image.decode(file, name: "x")
        for key in 0..<10 {
            var first = RandomStream(UInt64(key))
            var second = first
            let loaded = try pipeline.load(file, name: "x", random: &first)
            let applied = pipeline.apply(decoded, random: &second)
            #expect(first == second)
            // Each level is a mean over several pixels of a slope of one level a pixel.
            #expect(largestDifference(loaded, applied) <= 4)
        }
    }

    @Test func cropsFollowScaleAndRatio() {
        // Red and green give the coordinates, so the corners tell which part was taken.
        var image = Image(size: ImageSize(width: 200, height: 200))
        for y in 0..<200 {
            for x in 0..<200 { image[x, y] = Color(red: UInt8(x), green: UInt8(y), blue: 0) }
        }
        let size = ImageSize(width: 100, height: 100)
        let pipeline = ImagePipeline([.randomResizedCrop(size: size, scale: 0.25...0.5, ratio: 0.5...2)])
        var random = RandomStream(3)
        var corners: Set<Color> = []
        for _ in 0..<50 {
            let crop = pipeline.apply(image, random: &random)
            // 99 steps of the output span the part but for one step.
            let width = Double(crop[99, 50].red) - Double(crop[0, 50].red) + 1
            let height = Double(crop[50, 99].green) - Double(crop[50, 0].green) + 1
            #expect((0.22...0.55).contains(width * height / 40_000))
            #expect((0.45...2.2).contains(width / height))
            corners.insert(crop[0, 0])
        }
        #expect(corners.count > 40)
    }

    @Test func cropFallsBackOnExtremeShapes() {
        var random = RandomStream(1)
        for (width, height) in [(1, 1), (1, 500), (900, 2)] {
            let image = Image(size: ImageSize(width: width, height: height), color: .white)
            let result = Self.instance.apply(image, random: &random)
            #expect(result.size == ImageSize(width: 48, height: 40))
        }
    }

    @Test func centerCropPadsWithBlack() {
        var random = RandomStream(1)
        let image = Image(size: ImageSize(width: 2, height: 6), color: .white)
        let crop = ImagePipeline([.centerCrop(ImageSize(width: 4, height: 4))]).apply(image, random: &random)
        #expect((0..<4).map { crop[$0, 0] } == [.black, .white, .white, .black])
    }

    @Test func randomCropWithPaddingReachesEveryOffset() {
        var random = RandomStream(5)
        var image = Image(size: ImageSize(width: 4, height: 4))
        image[1, 2] = .white
        let pipeline = ImagePipeline([.randomCrop(size: ImageSize(width: 4, height: 4), padding: 1)])
        let places = Set((0..<200).map { _ in pipeline.apply(image, random: &random).pixels.firstIndex(of: 255) })
        // The white pixel lands on 3 × 3 places, all inside.
        #expect(places.count == 9)
        #expect(!places.contains(nil))
    }

    @Test func probabilities() {
        var random = RandomStream(9)
        var image = Image(size: ImageSize(width: 2, height: 1))
        image[0, 0] = .white
        let flip = ImagePipeline([.randomHorizontalFlip(probability: 0.25)])
        let flips = (0..<1000).count { _ in flip.apply(image, random: &random) != image }
        // Five standard deviations of a binomial of 1000 at 1/4.
        #expect((182...318).contains(flips))
    }

    @Test func outputSizes() {
        let square = ImageSize(width: 224, height: 224)
        #expect(Self.instance.outputSize == ImageSize(width: 48, height: 40))
        #expect(ImagePipeline([.resizeShortSide(256), .centerCrop(square)]).outputSize == square)
        #expect(ImagePipeline([.centerCrop(square), .resizeShortSide(256)]).outputSize == nil)
        #expect(ImagePipeline([.randomHorizontalFlip(probability: 1)]).outputSize == nil)
    }

    @Test func errorsNameTheFile() {
        var random = RandomStream(1)
        let error = #expect(throws: InputError.self) {
            try Self.instance.load(Data(), name: "a.jpg", random: &random)
        }
        #expect(error?.subject == "a.jpg")
    }
}
