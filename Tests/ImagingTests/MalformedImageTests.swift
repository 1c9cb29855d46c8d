import Foundation
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct MalformedImageTests {
    static let jpeg = Result { try samplePicture(width: 80, height: 60).encodedJPEG() }
    static let png = Result { try samplePicture(width: 80, height: 60).encodedPNG() }

    /// The error of decoding must name the file and say this.
    private func expectError(_ data: Data, saying text: String, _ location: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: InputError.self, sourceLocation: location) {
            try Image.decode(data, name: "picture.jpg")
        }
        #expect(error?.subject == "picture.jpg", sourceLocation: location)
        #expect(error?.problem.contains(text) == true, "\(error?.problem ?? "")", sourceLocation: location)
    }

    @Test func empty() { expectError(Data(), saying: "is empty") }

    @Test func foreign() {
        expectError(Data("<html>not found</html>".utf8), saying: "neither a JPEG nor a PNG")
        expectError(Data("GIF89a".utf8), saying: "neither a JPEG nor a PNG")
        expectError(Data(count: 1000), saying: "neither a JPEG nor a PNG")
    }

    @Test(arguments: [1, 2, 3, 20, 150, 300, 900, 2000])
    func truncatedJPEG(length: Int) throws {
        let file = try Self.jpeg.get()
        try #require(length < file.count)
        expectError(file.prefix(length), saying: "is truncated")
    }

    @Test func jpegWithoutItsLastBytes() throws {
        let file = try Self.jpeg.get()
        expectError(file.dropLast(2), saying: "is truncated")
        expectError(file.dropLast(40), saying: "is truncated")
    }

    /// Cut off and closed again by a tool: the missing rows would come out grey.
    @Test func jpegCutAndClosed() throws {
        let file = try Self.jpeg.get()
        expectError(file.prefix(file.count / 2) + Data([0xFF, 0xD9]), saying: "premature end of data segment")
    }

    @Test(arguments: [1, 8, 20, 60, 300, 600])
    func truncatedPNG(length: Int) throws {
        let file = try Self.png.get()
        try #require(length < file.count)
        expectError(file.prefix(length), saying: "is truncated")
    }

    @Test func pngWithBadChecksum() throws {
        var file = try Self.png.get()
        file[file.startIndex + 60] ^= 0xFF
        expectError(file, saying: "damaged")
    }

    @Test func harmlessJPEGWarningsPass() throws {
        let file = try Self.jpeg.get()
        let whole = try Image.decode(file, name: "x")
        // Bytes that belong to no segment, before the first table, and others after the end.
        let first = try #require(file.range(of: Data([0xFF, 0xDB])))
        var noisy = file
        noisy.insert(contentsOf: [0x12, 0x00, 0x34], at: first.lowerBound)
        noisy.append(contentsOf: [1, 2, 3])
        #expect(try Image.decode(noisy, name: "x") == whole)
    }

    @Test func noisyAndTruncatedIsTruncated() throws {
        var file = try Self.jpeg.get()
        let first = try #require(file.range(of: Data([0xFF, 0xDB])))
        file.insert(contentsOf: [0x12, 0x00, 0x34], at: first.lowerBound)
        expectError(file.dropLast(300), saying: "is truncated")
    }

    @Test func hugeSizesAreRefusedBeforeAllocation() throws {
        var png = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13])
        png += Data("IHDR".utf8)
        png += Data([0x00, 0x01, 0x86, 0xA0, 0x00, 0x01, 0x86, 0xA0, 8, 2, 0, 0, 0, 0, 0, 0, 0])
        expectError(png, saying: "100000x100000 pixels, more than the limit")
        var jpeg = try Self.jpeg.get()
        let frame = try #require(jpeg.range(of: Data([0xFF, 0xC0]))).lowerBound
        jpeg.replaceSubrange((frame + 5)..<(frame + 9), with: [0xFF, 0xDC, 0xFF, 0xDC])
        expectError(jpeg, saying: "65500x65500 pixels, more than the limit")
        #expect(throws: InputError.self) { try Image.decode(try Self.jpeg.get(), name: "x", pixelLimit: 4799) }
        #expect(try Image.decode(try Self.jpeg.get(), name: "x", pixelLimit: 4800).size.pixelCount == 4800)
    }

    @Test func zeroSizes() throws {
        var jpeg = try Self.jpeg.get()
        let frame = try #require(jpeg.range(of: Data([0xFF, 0xC0]))).lowerBound
        jpeg.replaceSubrange((frame + 5)..<(frame + 7), with: [0, 0])
        expectError(jpeg, saying: "80x0 pixels")
        var png = try Self.png.get()
        png.replaceSubrange(16..<20, with: [0, 0, 0, 0])
        expectError(png, saying: "0x60 pixels")
    }

    /// No byte of a file may bring the decoder down, whatever it is changed to.
    @Test func damagedBytesNeverCrash() throws {
        var random = RandomStream(7)
        var failures = 0
        for file in [try Self.jpeg.get(), try Self.png.get()] {
            for _ in 0..<300 {
                var damaged = file
                for _ in 0..<3 { damaged[random.integer(below: file.count)] = UInt8(random.integer(below: 256)) }
                do { _ = try Image.decode(damaged, name: "x", pixelLimit: 1 << 20) } catch { failures += 1 }
            }
        }
        #expect(failures > 100)
    }
}
