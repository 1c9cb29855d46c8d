internal import CPNG
internal import CPNGDecoder
internal import Foundation
internal import Support

/// PNG through libpng: read by `CPNGDecoder`, written by libpng's simplified interface.
enum PNGCodec {
    /// - Parameter onDamage: Hears of damage when some rows could be read; nil refuses the image.
    static func decode(
        _ data: Data, header: ImageHeader, name: String, onDamage: ((InputError) -> Void)? = nil
    ) throws -> Image {
        let (image, decoding) = attempt(data, header.size, isTolerant: false)
        guard let problem = message(decoding) else { return image }
        let error = failure(problem, name)
        guard let onDamage else { throw error }
        // Again, over wrong checksums.
        let (rest, kept) = attempt(data, header.size, isTolerant: true)
        guard kept.rows > 0 else { throw error }
        onDamage(error)
        return rest
    }

    private static func attempt(_ data: Data, _ size: ImageSize, isTolerant: Bool) -> (Image, png_decoding) {
        var decoding = png_decoding()
        let pixels = data.withUnsafeBytes { bytes in
            [UInt8](unsafeUninitializedCapacity: size.pixelCount * 3) { buffer, count in
                count = size.pixelCount * 3
                buffer.initialize(repeating: 0)
                decoding = png_decode_rgb(
                    bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, UInt32(size.width), UInt32(size.height),
                    isTolerant ? 1 : 0, buffer.baseAddress)
            }
        }
        return (Image(size: size, pixels: pixels), decoding)
    }

    /// What libpng complained about; nil when it did not.
    private static func message(_ decoding: png_decoding) -> String? {
        let text = withUnsafeBytes(of: decoding.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return text.isEmpty ? nil : text
    }

    /// Throws `InputError` when libpng refuses the size (more than a million pixels a side).
    static func encode(_ image: Image) throws -> Data {
        var png = png_image()
        png.version = UInt32(PNG_IMAGE_VERSION)
        png.width = UInt32(image.width)
        png.height = UInt32(image.height)
        png.format = UInt32(PNG_FORMAT_FLAG_COLOR)
        defer { png_image_free(&png) }
        let raw = (image.width * 3 + 1) * image.height
        // Deflate's stored blocks cost 5 bytes in 16 KB at worst; the rest is chunk headers.
        var capacity = raw + raw / 1024 + 8192
        while true {
            var size = capacity
            var data = Data(count: capacity)
            let status = data.withUnsafeMutableBytes { memory in
                image.pixels.withUnsafeBytes {
                    png_image_write_to_memory(&png, memory.baseAddress, &size, 0, $0.baseAddress, 0, nil)
                }
            }
            if status != 0 { return data.prefix(size) }
            guard size > capacity else {
                let message = withUnsafeBytes(of: &png.message) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                throw failure(message, "PNG image of \(image.width)x\(image.height)")
            }
            capacity = size
        }
    }

    private static func failure(_ message: String, _ name: String) -> InputError {
        let isTruncated = ["beyond end", "Not enough image data"].contains { message.contains($0) }
        return InputError(
            name, isTruncated ? "is truncated" : "is a damaged or unsupported PNG image (\(message))",
            remedy: ImageHeader.truncatedRemedy)
    }
}
