import Foundation
import Imaging
import Support
import Synchronization
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct DecodingTests {
    /// PNG to the bit, with gamma and profiles or without; JPEG within a level, as the golden values come from another
    /// release of libjpeg.
    @Test(arguments: try GoldenImage.load("decoding"))
    func equalsPillow(golden: GoldenImage) throws {
        let file = try #require(golden.file)
        #expect(
            largestDifference(try Image.decode(file, name: golden.name), golden.image)
                <= (golden.name.hasPrefix("png") ? 0 : 1))
        let header = try ImageHeader.read(file, name: golden.name)
        #expect(header.size == golden.image.size)
        #expect(header.format == (golden.name.hasPrefix("png") ? .png : .jpeg))
    }

    /// Of a file that is cut off: what OpenCV makes of a JPEG, the rows so far of a PNG and black below.
    @Test(arguments: try GoldenImage.load("damaged"))
    func damagedImagesAreUsed(golden: GoldenImage) throws {
        let file = try #require(golden.file)
        #expect(throws: InputError.self) { try Image.decode(file, name: golden.name) }
        let errors = Mutex<[InputError]>([])
        let image = try Image.decode(
            file, name: golden.name, decoding: ImageDecoding { error in errors.withLock { $0.append(error) } })
        #expect(errors.withLock { $0.map(\.problem) } == ["is truncated"])
        guard golden.name == "png" else { return #expect(largestDifference(image, golden.image) <= 1) }
        let rowBytes = 3 * image.width
        let rows = (0..<image.height).prefix { row in
            let range = row * rowBytes..<(row + 1) * rowBytes
            return image.pixels[range] == golden.image.pixels[range]
        }
        #expect((10..<image.height).contains(rows.count))
        // The row that was cut may be there in part.
        #expect(image.pixels.dropFirst((rows.count + 1) * rowBytes).allSatisfy { $0 == 0 })
    }

    /// Wrong checksums cost nothing but trust.
    @Test func aPNGWithAWrongChecksumIsUsedAsAWhole() throws {
        let image = samplePicture(width: 80, height: 60)
        var file = try image.encodedPNG()
        let end = try #require(file.range(of: Data("IEND".utf8))).lowerBound
        file[end - 5] ^= 1
        #expect(throws: InputError.self) { try Image.decode(file, name: "x") }
        #expect(try Image.decode(file, name: "x", decoding: ImageDecoding { _ in }) == image)
    }

    @Test func whatHoldsNothingIsRefused() throws {
        let picture = samplePicture(width: 80, height: 60)
        let decoding = ImageDecoding { _ in }
        for file in [
            try picture.encodedPNG().prefix(45), try picture.encodedJPEG().prefix(100), Data("x".utf8), Data(),
        ] {
            #expect(throws: InputError.self) { try Image.decode(file, name: "x", decoding: decoding) }
        }
    }

    @Test func headerTellsChannelsAndDepth() throws {
        let headers = Dictionary(
            uniqueKeysWithValues: try GoldenImage.load("decoding").map {
                ($0.name, try ImageHeader.read($0.file ?? Data(), name: $0.name))
            })
        #expect(headers["jpeg grey"]?.channels == 1)
        #expect(headers["jpeg CMYK"]?.channels == 4)
        #expect(headers["jpeg progressive"]?.channels == 3)
        #expect(headers["png alpha"]?.channels == 4)
        #expect(headers["png grey alpha"]?.channels == 2)
        #expect(headers["png 16 bit"]?.depth == 16)
        #expect(headers["png 1 bit"]?.depth == 1)
    }

    struct Reduction: Sendable {
        var minimum: ImageSize
        var expected: ImageSize
    }

    /// 203 × 100 halves to 102 × 50, then 51 × 25, then 26 × 13.
    @Test(arguments: [
        Reduction(minimum: ImageSize(width: 103, height: 1), expected: ImageSize(width: 203, height: 100)),
        Reduction(minimum: ImageSize(width: 102, height: 50), expected: ImageSize(width: 102, height: 50)),
        Reduction(minimum: ImageSize(width: 51, height: 26), expected: ImageSize(width: 102, height: 50)),
        Reduction(minimum: ImageSize(width: 51, height: 25), expected: ImageSize(width: 51, height: 25)),
        Reduction(minimum: ImageSize(width: 1, height: 1), expected: ImageSize(width: 26, height: 13)),
        Reduction(minimum: ImageSize(width: 900, height: 900), expected: ImageSize(width: 203, height: 100)),
    ])
    func reducesWhileDecoding(_ reduction: Reduction) throws {
        let file = try samplePicture(width: 203, height: 100).encodedJPEG()
        let image = try Image.decode(file, name: "x", minimumSize: reduction.minimum)
        #expect(image.size == reduction.expected)
    }

    @Test func losslessRoundTrip() throws {
        for size in [(1, 1), (7, 5), (300, 1)] {
            let image = samplePicture(width: size.0, height: size.1)
            #expect(try Image.decode(try image.encodedPNG(), name: "x") == image)
        }
        // Noise does not compress: the file is larger than the pixels.
        var random = RandomStream(1)
        let noise = Image(
            size: ImageSize(width: 61, height: 40),
            pixels: (0..<(61 * 40 * 3)).map { _ in UInt8(random.integer(below: 256)) })
        #expect(try Image.decode(try noise.encodedPNG(), name: "x") == noise)
    }

    @Test func jpegQualityAndSubsampling() throws {
        let image = samplePicture(width: 64, height: 64)
        let fine = try image.encodedJPEG(quality: 95)
        let coarse = try image.encodedJPEG(quality: 50)
        #expect(coarse.count < fine.count)
        #expect(try image.encodedJPEG(quality: 95, subsampling: .byTwo).count < fine.count)
        #expect(try image.encodedJPEG(quality: 95, subsampling: Image.ChromaSubsampling.none) == fine)
    }

    @Test func writesByExtension() throws {
        try withTemporaryFolder { folder in
            let image = samplePicture(width: 20, height: 10)
            try image.write(to: "\(folder)/a.png")
            try image.write(to: "\(folder)/a.JPG")
            #expect(try Image.read("\(folder)/a.png") == image)
            #expect(try ImageHeader.read("\(folder)/a.JPG").format == .jpeg)
            #expect(throws: InputError.self) { try image.write(to: "\(folder)/a.gif") }
            #expect(throws: InputError.self) { try image.write(to: "\(folder)/missing/a.png") }
            #expect(try Files.list(folder) == ["a.JPG", "a.png"])
            #expect(throws: InputError.self) { try Image.read("\(folder)/none.png") }
            #expect(throws: InputError.self) { try ImageHeader.read(folder) }
        }
    }

    /// A comment of several maximal segments pushes the frame header beyond the first read.
    @Test func headerBehindLongSegments() throws {
        var file = try samplePicture(width: 20, height: 10).encodedJPEG()
        let comment = Data([0xFF, 0xFE, 0xFF, 0xFF]) + Data(count: 0xFFFD)
        for _ in 0..<6 { file.insert(contentsOf: comment, at: 2) }
        try withTemporaryFolder { folder in
            try Files.writeAtomically(file, to: "\(folder)/long.jpg")
            #expect(try ImageHeader.read("\(folder)/long.jpg").size == ImageSize(width: 20, height: 10))
            #expect(try Image.read("\(folder)/long.jpg").size == ImageSize(width: 20, height: 10))
        }
    }
}
