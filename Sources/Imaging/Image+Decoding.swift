public import Foundation
internal import Support

extension Image {
    /// Images of more pixels than this are refused before memory is taken for them.
    public static let defaultPixelLimit = 1 << 28

    /// Decodes a JPEG or PNG file held in memory to RGB.
    ///
    /// Colours follow Pillow's `convert("RGB")`: grey is repeated, CMYK is read as Adobe writes it (inverted), an
    /// alpha channel is dropped, 16 bits become 8. The EXIF orientation is ignored, as VOC and ImageNet do.
    ///
    /// - Parameters:
    ///   - name: what errors call the data; usually the path.
    ///   - minimumSize: a JPEG is reduced by 2, 4 or 8 while decoding, the most that keeps both sides at or above
    ///     this; nil decodes at full size.
    /// - Throws: `InputError` for empty, foreign, truncated or damaged data and for images over `pixelLimit`.
    public static func decode(
        _ data: Data, name: String, minimumSize: ImageSize? = nil, pixelLimit: Int = defaultPixelLimit
    ) throws -> Image {
        let header = try ImageHeader.read(data, name: name)
        let reduction = minimumSize.map { JPEGDecoder.reduction(of: header.size, atLeast: $0) } ?? 1
        return try decode(data, header: header, name: name, reduction: reduction, pixelLimit: pixelLimit)
    }

    /// Reads and decodes a JPEG or PNG file; see `decode`.
    public static func read(
        _ path: String, minimumSize: ImageSize? = nil, pixelLimit: Int = defaultPixelLimit
    ) throws -> Image {
        try decode(try Files.read(path), name: path, minimumSize: minimumSize, pixelLimit: pixelLimit)
    }

    /// Decodes at 1 / `reduction` of the stored size, rounded up (1, 2, 4 or 8; PNG ignores it).
    static func decode(
        _ data: Data, header: ImageHeader, name: String, reduction: Int, pixelLimit: Int = defaultPixelLimit
    ) throws -> Image {
        guard header.size.pixelCount <= pixelLimit else {
            throw InputError(
                name, "is \(header.size.width)x\(header.size.height) pixels, more than the limit of \(pixelLimit)",
                remedy: "make it smaller or leave it out")
        }
        return switch header.format {
        case .jpeg: try JPEGDecoder.decode(data, header: header, reduction: reduction, name: name)
        case .png: try PNGCodec.decode(data, header: header, name: name)
        }
    }
}
