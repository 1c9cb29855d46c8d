import Foundation
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct BlurTests {
    private func noise(_ width: Int, _ height: Int) -> Image {
        var random = RandomStream(3, UInt64(width), UInt64(height))
        return Image(
            size: ImageSize(width: width, height: height),
            pixels: (0..<3 * width * height).map { _ in UInt8(random.integer(below: 256)) })
    }

    /// The definition, in Double and two dimensions at once.
    private func reference(_ image: Image, sigma: Double, kernel: Int) -> [Double] {
        let reach = kernel / 2
        func mirrored(_ i: Int, _ n: Int) -> Int { n == 1 ? 0 : i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i }
        func weight(_ i: Int) -> Double { exp(-0.5 * pow(Double(i) / sigma, 2)) }
        let total = pow((-reach...reach).reduce(0) { $0 + weight($1) }, 2)
        var result: [Double] = []
        for y in 0..<image.height {
            for x in 0..<image.width {
                for c in 0..<3 {
                    var sum = 0.0
                    for dy in -reach...reach {
                        for dx in -reach...reach {
                            let (row, column) = (mirrored(y + dy, image.height), mirrored(x + dx, image.width))
                            sum += weight(dx) * weight(dy) * Double(image.pixels[(row * image.width + column) * 3 + c])
                        }
                    }
                    result.append(sum / total)
                }
            }
        }
        return result
    }

    @Test(arguments: [(17, 9, 0.1, 3), (17, 9, 2, 5), (12, 31, 1.3, 9), (4, 4, 2, 3)])
    func blurIsTheDefinition(width: Int, height: Int, sigma: Double, kernel: Int) {
        let image = noise(width, height)
        let blurred = image.blurred(sigma: sigma, kernel: kernel)
        let expected = reference(image, sigma: sigma, kernel: kernel)
        // Rounded to the nearest level, give or take float32.
        #expect(zip(blurred.pixels, expected).allSatisfy { abs(Double($0) - $1) < 0.501 })
    }

    /// One white pixel under σ = 1 over three: e^−½ = .6065, 1 / (1 + 2 · .6065) = .4519 in the middle of a row.
    @Test func oneWhitePixel() {
        var pixels = [UInt8](repeating: 0, count: 3 * 25)
        for c in 0..<3 { pixels[12 * 3 + c] = 255 }
        let image = Image(size: ImageSize(width: 5, height: 5), pixels: pixels).blurred(sigma: 1, kernel: 3)
        func level(_ x: Int, _ y: Int) -> UInt8 { image.pixels[(y * 5 + x) * 3] }
        // 255 · .4519² = 52.07, 255 · .4519 · .2741 = 31.58, 255 · .2741² = 19.15.
        #expect(level(2, 2) == 52 && level(1, 2) == 32 && level(2, 3) == 32 && level(3, 3) == 19 && level(0, 2) == 0)
    }

    @Test func evenPicturesStayEven() {
        let image = Image(size: ImageSize(width: 3, height: 2), color: .white)
        #expect(image.blurred(sigma: 2, kernel: 23) == image)
    }

    @Test func solarizingInvertsWhatIsBright() {
        let image = Image(size: ImageSize(width: 2, height: 1), pixels: [0, 127, 128, 200, 255, 1])
        #expect(image.solarized(128).pixels == [0, 127, 127, 55, 0, 1])
    }

    @Test func probabilitiesAreThose() {
        let pipeline = ImagePipeline([
            .randomGaussianBlur(kernel: 3, sigma: 0.1...2, probability: 0.3),
            .randomSolarize(threshold: 128, probability: 0.2),
            .colorJitter(brightness: 0.4, contrast: 0, saturation: 0, hue: 0, probability: 0.8),
        ])
        var (blurred, solarized, colored) = (0, 0, 0)
        for index in 0..<4000 {
            var random = RandomStream(9, UInt64(index))
            for step in pipeline.steps {
                switch step.draw(&random) {
                case .blur(let sigma?, _):
                    blurred += 1
                    #expect((0.1...2).contains(sigma))
                case .solarize(_?): solarized += 1
                case .colors(let list) where !list.isEmpty: colored += 1
                default: break
                }
            }
        }
        // Four deviations of a binomial.
        #expect(abs(blurred - 1200) < 116 && abs(solarized - 800) < 102 && abs(colored - 3200) < 102)
    }

    /// Blur stays with the host, and what comes before it: the rest can be put off.
    @Test func devicesDoWhatFollowsTheBlur() {
        var augmentation = Augmentation(cropScale: 0.2, color: .init(grayscale: 0.2, jitter: 0.4))
        augmentation.blur = 0.5
        augmentation.solarize = 0.2
        let pipeline = augmentation.pipeline(imageSize: 224)
        #expect(pipeline.withoutChanges.steps.last == .randomGaussianBlur(kernel: 23, sigma: 0.1...2, probability: 0.5))
        var random = RandomStream(1)
        #expect(pipeline.drawChanges(&random).count == 2)
    }
}
