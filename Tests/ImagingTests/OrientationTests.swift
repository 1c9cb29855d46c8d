import Foundation
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct OrientationTests {
    /// All eight, in JPEG and PNG, little and big endian. One level: the golden values come from another release of libjpeg.
    @Test(arguments: try GoldenImage.load("orientation"))
    func turnsAsPillow(golden: GoldenImage) throws {
        let file = try #require(golden.file)
        let header = try ImageHeader.read(file, name: golden.name)
        #expect(golden.name.hasSuffix(" \(header.orientation.rawValue)"))
        #expect(header.size == ImageSize(width: 13, height: 8) && header.uprightSize == golden.image.size)
        let turned = try Image.decode(file, name: golden.name, decoding: ImageDecoding(turnsByEXIF: true))
        #expect(largestDifference(turned, golden.image) <= 1)
        #expect(turned == (try Image.decode(file, name: golden.name)).turned(by: header.orientation))
        // A crop of the turned image, not of the stored one.
        let pipeline = ImagePipeline([.resizeShortSide(4)])
        var random = RandomStream(1)
        let small = try pipeline.load(file, name: "x", random: &random, decoding: ImageDecoding(turnsByEXIF: true))
        #expect(small.size == golden.image.size.scaled(shortSide: 4))
        try withTemporaryFolder { folder in
            try Files.writeAtomically(file, to: "\(folder)/x")
            #expect(try ImageHeader.read("\(folder)/x") == header)
        }
    }

    @Test func statedSizes() throws {
        let files = Dictionary(
            uniqueKeysWithValues: try GoldenImage.load("orientation").map { ($0.name, $0.file ?? Data()) })
        let stored = ImageSize(width: 13, height: 8)
        for (name, isTurned) in [("JPEG 1", false), ("JPEG 3", false), ("JPEG 6", true), ("PNG 8", true)] {
            let header = try ImageHeader.read(try #require(files[name]), name: name)
            #expect(header.isTurned(to: stored.transposed) == isTurned)
            #expect(!header.isTurned(to: stored) && !header.isTurned(to: nil))
        }
    }

    /// Nonsense in EXIF says nothing, and harms nothing.
    @Test func nonsenseIsUpright() throws {
        let sound = try #require(try GoldenImage.load("orientation").first { $0.name == "JPEG 6" }?.file)
        let start = try #require(sound.range(of: Data("Exif".utf8))).upperBound
        var random = RandomStream(3)
        var upright = 0
        for _ in 0..<500 {
            var damaged = sound
            for _ in 0..<2 { damaged[start + random.integer(below: 60)] = UInt8(random.integer(below: 256)) }
            if let header = try? ImageHeader.read(damaged, name: "x"), header.orientation == .upright { upright += 1 }
        }
        #expect(upright > 50)
    }
}
