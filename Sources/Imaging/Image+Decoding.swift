public import Foundation
public import Support

/// How an image file becomes pixels.
public struct ImageDecoding: Sendable {
    /// Hears of damage to an image of which the sound part is used all the same: the rest of a JPEG is grey, as libjpeg
    /// leaves it, that of a PNG black. nil refuses damaged images.
    public var onDamage: (@Sendable (InputError) -> Void)?
    /// Whether an image is turned as its EXIF orientation says. VOC and ImageNet ignore it.
    public var turnsByEXIF: Bool

    public init(turnsByEXIF: Bool = false, onDamage: (@Sendable (InputError) -> Void)? = nil) {
        self.turnsByEXIF = turnsByEXIF
        self.onDamage = onDamage
    }

    /// Pixels as they are stored, damaged images refused.
    public static let asStored = ImageDecoding()
}

extension Image {
    /// Images of more pixels than this are refused before memory is taken for them.
    public static let defaultPixelLimit = 1 << 28

    /// Decodes a JPEG or PNG file held in memory to RGB.
    ///
    /// Colours follow Pillow's `convert("RGB")`: grey is repeated, CMYK is read as Adobe writes it (inverted), an
    /// alpha channel is dropped, of 16 bits the upper 8 are kept. Gamma and profiles change nothing. The EXIF orientation
    /// is ignored unless `decoding` says otherwise.
    ///
    /// - Parameters:
    ///   - name: what errors call the data; usually the path.
    ///   - minimumSize: a JPEG is reduced by 2, 4 or 8 while decoding, the most that keeps both sides at or above
    ///     this; nil decodes at full size.
    /// - Throws: `InputError` for empty, foreign, truncated or damaged data and for images over `pixelLimit`.
    public static func decode(
        _ data: Data, name: String, minimumSize: ImageSize? = nil, pixelLimit: Int = defaultPixelLimit,
        decoding: ImageDecoding = .asStored
    ) throws -> Image {
        let header = try ImageHeader.read(data, name: name)
        let size = header.size(decoding)
        let reduction = minimumSize.map { JPEGDecoder.reduction(of: size, atLeast: $0) } ?? 1
        return try decode(
            data, header: header, name: name, reduction: reduction, pixelLimit: pixelLimit, decoding: decoding)
    }

    /// Reads and decodes a JPEG or PNG file; see `decode`.
    public static func read(
        _ path: String, minimumSize: ImageSize? = nil, pixelLimit: Int = defaultPixelLimit,
        decoding: ImageDecoding = .asStored
    ) throws -> Image {
        try decode(
            try Files.read(path), name: path, minimumSize: minimumSize, pixelLimit: pixelLimit, decoding: decoding)
    }

    /// Decodes at 1 / `reduction` of the size, rounded up (1, 2, 4 or 8; PNG ignores it).
    static func decode(
        _ data: Data, header: ImageHeader, name: String, reduction: Int, pixelLimit: Int = defaultPixelLimit,
        decoding: ImageDecoding = .asStored
    ) throws -> Image {
        guard header.size.pixelCount <= pixelLimit else {
            throw InputError(
                name, "is \(header.size.width)x\(header.size.height) pixels, more than the limit of \(pixelLimit)",
                remedy: "make it smaller or leave it out")
        }
        let image =
            switch header.format {
            case .jpeg:
                try JPEGDecoder.decode(
                    data, header: header, reduction: reduction, name: name, onDamage: decoding.onDamage)
            case .png: try PNGCodec.decode(data, header: header, name: name, onDamage: decoding.onDamage)
            }
        return decoding.turnsByEXIF ? image.turned(by: header.orientation) : image
    }
}
