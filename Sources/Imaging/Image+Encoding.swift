internal import CTurboJPEG
public import Foundation
internal import Support

extension Image {
    /// How many pixels share one chroma sample of a JPEG file.
    public enum ChromaSubsampling: Hashable, Sendable {
        /// One each (4:4:4): coloured edges stay sharp.
        case none
        /// Two by two (4:2:0): the usual of photographs, about a third smaller.
        case byTwo
    }

    /// The image as a JPEG file.
    ///
    /// - Parameters:
    ///   - quality: 1 … 100 on libjpeg's scale.
    ///   - subsampling: nil takes 4:2:0 below quality 95 and 4:4:4 from there on.
    /// - Throws: `InputError` for an image over JPEG's 65,500 pixels a side, or an empty one.
    public func encodedJPEG(quality: Int = 95, subsampling: ChromaSubsampling? = nil) throws -> Data {
        precondition((1...100).contains(quality), "JPEG quality must be 1 … 100, got \(quality)")
        let subsampling = subsampling ?? (quality < 95 ? .byTwo : .none)
        let encoder = TurboJPEG(tjInitCompress())
        var output: UnsafeMutablePointer<UInt8>?
        var length: UInt = 0
        defer { tjFree(output) }
        let status = pixels.withUnsafeBufferPointer {
            tjCompress2(
                encoder.handle, $0.baseAddress, Int32(clamping: width), 0, Int32(clamping: height),
                Int32(TJPF_RGB.rawValue), &output, &length,
                Int32((subsampling == .none ? TJSAMP_444 : TJSAMP_420).rawValue), Int32(quality),
                Int32(TJFLAG_ACCURATEDCT))
        }
        guard status == 0, let output else {
            throw InputError("JPEG image of \(width)x\(height)", encoder.message, remedy: "write a PNG file instead")
        }
        return Data(bytes: output, count: Int(length))
    }

    /// The image as a PNG file; throws `InputError` for an empty image or over a million pixels a side.
    public func encodedPNG() throws -> Data { try PNGCodec.encode(self) }

    /// Writes a JPEG or PNG file, as the extension of the path says; an interrupted write leaves no partial file.
    public func write(to path: String, quality: Int = 95) throws {
        switch path.fileExtension.lowercased() {
        case "jpg", "jpeg": try Files.writeAtomically(try encodedJPEG(quality: quality), to: path)
        case "png": try Files.writeAtomically(try encodedPNG(), to: path)
        default: throw InputError(path, "does not end in a known picture format", remedy: "use .jpg, .jpeg or .png")
        }
    }
}
