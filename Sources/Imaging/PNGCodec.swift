internal import CPNG
internal import Foundation
internal import Support

/// PNG through libpng's simplified interface, which reports errors by return value and never jumps out.
enum PNGCodec {
    static func decode(_ data: Data, header: ImageHeader, name: String) throws -> Image {
        var png = png_image()
        png.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&png) }
        return try data.withUnsafeBytes { bytes in
            guard png_image_begin_read_from_memory(&png, bytes.baseAddress, bytes.count) != 0 else {
                throw failure(&png, name)
            }
            guard Int(png.width) == header.size.width, Int(png.height) == header.size.height else {
                throw InputError(name, "has a PNG header that contradicts itself")
            }
            // 16-bit files without a gamma chunk are taken as sRGB, like 8-bit ones, not as linear light.
            png.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
            // With alpha the colour is read beside it and kept as stored, not blended with a background.
            let hasAlpha = png.format & UInt32(PNG_FORMAT_FLAG_ALPHA) != 0
            png.format = UInt32(PNG_FORMAT_FLAG_COLOR) | (hasAlpha ? UInt32(PNG_FORMAT_FLAG_ALPHA) : 0)
            let bytesPerPixel = hasAlpha ? 4 : 3
            var succeeded = false
            var pixels = [UInt8](unsafeUninitializedCapacity: header.size.pixelCount * bytesPerPixel) {
                buffer, count in
                count = header.size.pixelCount * bytesPerPixel
                succeeded = png_image_finish_read(&png, nil, buffer.baseAddress, 0, nil) != 0
                if !succeeded { buffer.initialize(repeating: 0) }
            }
            guard succeeded else { throw failure(&png, name) }
            if hasAlpha { dropAlpha(&pixels) }
            return Image(size: header.size, pixels: pixels)
        }
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
            guard size > capacity else { throw failure(&png, "PNG image of \(image.width)x\(image.height)") }
            capacity = size
        }
    }

    private static func dropAlpha(_ pixels: inout [UInt8]) {
        let count = pixels.count / 4
        pixels.withUnsafeMutableBufferPointer { buffer in
            for pixel in 0..<count {
                buffer[3 * pixel] = buffer[4 * pixel]
                buffer[3 * pixel + 1] = buffer[4 * pixel + 1]
                buffer[3 * pixel + 2] = buffer[4 * pixel + 2]
            }
        }
        pixels.removeLast(count)
    }

    private static func failure(_ png: inout png_image, _ name: String) -> InputError {
        let message = withUnsafeBytes(of: &png.message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        // libpng calls the end of the data inside a chunk "read beyond end of data".
        let isTruncated = ["beyond end", "Not enough image data", "Read Error"].contains { message.contains($0) }
        return InputError(
            name, isTruncated ? "is truncated" : "is a damaged or unsupported PNG image (\(message))",
            remedy: ImageHeader.truncatedRemedy)
    }
}
