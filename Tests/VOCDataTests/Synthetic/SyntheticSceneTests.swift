import Boxes
import Imaging
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct SyntheticSceneTests {
    private static let small = ImageSize(width: 160, height: 120)

    @Test func annotatesEveryClassInsideTheFrame() throws {
        let devkit = try SyntheticDevkit(images: 150, seed: 11, imageSize: Self.small)
        var names: Set<String> = []
        var difficult = 0
        var truncated = 0
        var all = 0
        for index in 0..<devkit.images {
            let drawing = devkit.image(index)
            let frame = Box(
                minX: 0, minY: 0, maxX: Double(drawing.image.width), maxY: Double(drawing.image.height))
            #expect((60...95).contains(drawing.jpegQuality))
            #expect(drawing.objects.count <= 5)
            for object in drawing.objects {
                names.insert(object.name)
                difficult += object.isDifficult ? 1 : 0
                truncated += object.isTruncated ? 1 : 0
                all += 1
                #expect(object.box.width >= 1 && object.box.height >= 1)
                #expect(object.box.intersection(frame) == object.box, "\(object.name) of image \(index)")
                #expect(object.box.minX == object.box.minX.rounded() && object.box.maxY == object.box.maxY.rounded())
            }
        }
        #expect(names == Set(SyntheticDevkit.allClasses))
        // Both flags mark exceptions.
        #expect(difficult > 0 && difficult * 3 < all)
        #expect(truncated > 0 && truncated * 3 < all)
    }

    @Test func sizesVaryAndSomeStandUpright() throws {
        let devkit = try SyntheticDevkit(images: 40, seed: 2, imageSize: Self.small)
        let sizes = (0..<40).map { devkit.image($0).image.size }
        #expect(Set(sizes).count > 20)
        let upright = sizes.filter { $0.height > $0.width }.count
        #expect((3...20).contains(upright))
    }

    @Test func imageDependsOnSeedAndIndexOnly() throws {
        let few = try SyntheticDevkit(images: 3, seed: 5, imageSize: Self.small)
        let many = try SyntheticDevkit(
            images: 900, seed: 5, imageSize: Self.small, trainFraction: 0.9, validationFraction: 0)
        let other = try SyntheticDevkit(images: 3, seed: 6, imageSize: Self.small)
        #expect(few.image(2) == many.image(2))
        #expect(few.image(2) != few.image(1))
        #expect(few.image(2) != other.image(2))
    }

    /// On black the pixels that are not black are the object. A box ends at pixels covered by a third: edges are
    /// off by a pixel at most, and a pointed tip, which thins out, by two.
    @Test(arguments: SyntheticDevkit.allClasses)
    func boxFitsTheDrawnPixels(name: String) throws {
        let devkit = try SyntheticDevkit(images: 20, seed: 9, classes: [name], objectLimit: 1, style: .plain)
        var sum = 0.0
        for index in 0..<devkit.images {
            let drawing = devkit.image(index)
            let object = try #require(drawing.objects.first)
            let drawn = try #require(Self.boundsOfLitPixels(drawing.image))
            for (edge, expected) in [
                (object.box.minX, drawn.minX), (object.box.minY, drawn.minY), (object.box.maxX, drawn.maxX),
                (object.box.maxY, drawn.maxY),
            ] {
                #expect(abs(edge - expected) <= 2, "image \(index): box \(object.box), pixels \(drawn)")
                sum += abs(edge - expected)
            }
            let touchesFrame =
                object.box.minX == 0 || object.box.minY == 0 || object.box.maxX == Double(drawing.image.width)
                || object.box.maxY == Double(drawing.image.height)
            #expect(touchesFrame || !object.isTruncated)
        }
        #expect(sum / Double(4 * devkit.images) < 0.5)
    }

    /// A nearest-mean classifier on the object's mean colour must stay near chance, 10 %.
    @Test func colorDoesNotTellTheClasses() throws {
        let devkit = try SyntheticDevkit(images: 1, seed: 21, style: .plain)
        let perClass = 50
        var colors: [[SIMD3<Double>]] = []
        for classIndex in devkit.classes.indices {
            colors.append(
                (0..<2 * perClass).map {
                    Self.meanColor(devkit.classificationImage(classIndex: classIndex, number: $0, side: 112).image)
                })
        }
        let means = colors.map { $0[..<perClass].reduce(SIMD3<Double>.zero, +) / Double(perClass) }
        // An object's colour deviates by about 0.2 a channel from the mean of all, so a mean of 50 by about 0.05 over
        // three channels; the most distant of ten classes stays within three times that.
        let overall = means.reduce(.zero, +) / Double(means.count)
        for mean in means { #expect(((mean - overall) * (mean - overall)).sum().squareRoot() < 0.15) }
        var correct = 0
        for (classIndex, samples) in colors.enumerated() {
            for sample in samples[perClass...] {
                let distances = means.map { (($0 - sample) * ($0 - sample)).sum() }
                if distances.firstIndex(of: distances.min() ?? 0) == classIndex { correct += 1 }
            }
        }
        let accuracy = Double(correct) / Double(perClass * devkit.classes.count)
        #expect(accuracy < 0.2, "\(accuracy)")
    }

    private static func boundsOfLitPixels(_ image: Image) -> Box? {
        var bounds: Box?
        for y in 0..<image.height {
            for x in 0..<image.width {
                let color = image[x, y]
                guard max(color.red, color.green, color.blue) > 8 else { continue }
                let (left, top) = (Double(x), Double(y))
                let old = bounds ?? Box(minX: left, minY: top, maxX: left + 1, maxY: top + 1)
                bounds = Box(
                    minX: min(old.minX, left), minY: min(old.minY, top), maxX: max(old.maxX, left + 1),
                    maxY: max(old.maxY, top + 1))
            }
        }
        return bounds
    }

    /// Over the pixels inside the object, in 0 ... 1. Its edges, mixed with black, are left out: thin objects
    /// would be darker.
    private static func meanColor(_ image: Image) -> SIMD3<Double> {
        var sum = SIMD3<Double>.zero
        var count = 0.0
        func isLit(_ x: Int, _ y: Int) -> Bool {
            let color = image[x, y]
            return max(color.red, color.green, color.blue) > 8
        }
        for y in 1..<(image.height - 1) {
            for x in 1..<(image.width - 1) where isLit(x, y) {
                guard isLit(x - 1, y), isLit(x + 1, y), isLit(x, y - 1), isLit(x, y + 1) else { continue }
                let color = image[x, y]
                sum += SIMD3(Double(color.red), Double(color.green), Double(color.blue))
                count += 1
            }
        }
        return sum / (255 * max(1, count))
    }
}
