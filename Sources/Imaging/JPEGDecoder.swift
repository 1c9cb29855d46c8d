internal import CTurboJPEG
internal import Foundation
internal import Support

/// A TurboJPEG instance with one owner, destroyed with it.
struct TurboJPEG: ~Copyable {
    let handle: tjhandle

    init(_ handle: tjhandle?) {
        guard let handle else { fatalError("TurboJPEG: no memory for an instance") }
        self.handle = handle
    }

    deinit { tjDestroy(handle) }

    var message: String { String(cString: tjGetErrorStr2(handle)) }
    var isWarning: Bool { tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue) }
}

enum JPEGDecoder {
    /// The largest of 1, 2, 4 and 8 by which `size` can be divided, rounding up, and stay at least `minimum`.
    static func reduction(of size: ImageSize, atLeast minimum: ImageSize) -> Int {
        [8, 4, 2].first {
            let reduced = size.divided(by: $0)
            return reduced.width >= minimum.width && reduced.height >= minimum.height
        } ?? 1
    }

    /// - Parameter onDamage: Hears of damage that libjpeg filled in with grey; nil refuses the image.
    static func decode(
        _ data: Data, header: ImageHeader, reduction: Int, name: String, onDamage: ((InputError) -> Void)? = nil
    ) throws -> Image {
        guard header.depth == 8 else {
            throw InputError(
                name, "is a JPEG image of \(header.depth) bits a sample; 8 can be read", remedy: "convert the file")
        }
        let size = header.size.divided(by: reduction)
        let isCMYK = header.channels == 4
        let bytesPerPixel = isCMYK ? 4 : 3
        let decoder = TurboJPEG(tjInitDecompress())
        // TurboJPEG's default is what Pillow uses too: the accurate integer DCT and smooth chroma upsampling.
        // The limit of 500 scans guards against progressive files made to take hours.
        let format = isCMYK ? TJPF_CMYK : TJPF_RGB
        var status: Int32 = 0
        let pixels = data.withUnsafeBytes { bytes in
            [UInt8](unsafeUninitializedCapacity: size.pixelCount * bytesPerPixel) { buffer, count in
                count = size.pixelCount * bytesPerPixel
                // TurboJPEG calls an error a warning that came after one: rows it never reached are grey, not what lay there.
                buffer.initialize(repeating: 128)
                status = tjDecompress2(
                    decoder.handle, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count),
                    buffer.baseAddress, Int32(size.width), 0, Int32(size.height), Int32(format.rawValue),
                    Int32(TJFLAG_LIMITSCANS))
            }
        }
        if status != 0, let error = damage(decoder, data, name) {
            guard let onDamage, decoder.isWarning else { throw error }
            onDamage(error)
        }
        return Image(size: size, pixels: isCMYK ? rgb(fromInvertedCMYK: pixels) : pixels)
    }

    /// What of TurboJPEG's complaint cost pixels; nil when they are all there.
    ///
    /// libjpeg reports damage as warnings and fills in grey. Only the first warning's text is kept, so a missing
    /// end-of-image marker is looked for as well. Other warnings (bytes between segments, odd scan parameters,
    /// an unknown Adobe transform) leave the picture whole and occur in published data sets.
    private static func damage(_ decoder: borrowing TurboJPEG, _ data: Data, _ name: String) -> InputError? {
        let message = decoder.message
        if message.contains("Premature end of JPEG file") || !endsProperly(data) {
            return InputError(name, "is truncated", remedy: ImageHeader.truncatedRemedy)
        }
        let lossy = ["premature end of data segment", "bad Huffman code", "bad arithmetic code", "instead of RST"]
        if !decoder.isWarning || lossy.contains(where: message.contains) {
            return InputError(
                name, "is a damaged or unsupported JPEG image (\(message))", remedy: ImageHeader.truncatedRemedy)
        }
        return nil
    }

    /// Whether an end-of-image marker follows the first scan; one of an embedded thumbnail comes before it.
    private static func endsProperly(_ data: Data) -> Bool {
        data.withUnsafeBytes { bytes in
            var segments = JPEGSegments(bytes)
            while let segment = segments.next() {
                guard segment.marker == 0xDA else { continue }
                var position = bytes.count - 2
                while position > segment.offset {
                    if bytes[position] == 0xFF, bytes[position + 1] == 0xD9 { return true }
                    position -= 1
                }
                return false
            }
            return false
        }
    }

    /// Adobe stores 255 − C, 255 − M, 255 − Y, 255 − K; the conversion is Pillow's, which knows no other kind.
    private static func rgb(fromInvertedCMYK pixels: [UInt8]) -> [UInt8] {
        let count = pixels.count / 4
        return [UInt8](unsafeUninitializedCapacity: count * 3) { output, initialized in
            pixels.withUnsafeBufferPointer { input in
                for pixel in 0..<count {
                    let light = Int(input[4 * pixel + 3])
                    for channel in 0..<3 {
                        // light − ink · light / 255, the division rounded to nearest.
                        let product = (255 - Int(input[4 * pixel + channel])) * light + 128
                        output[3 * pixel + channel] = UInt8(max(0, light - (((product >> 8) + product) >> 8)))
                    }
                }
            }
            initialized = count * 3
        }
    }
}

extension ImageSize {
    /// The size at 1 / `reduction`, partial pixels counted as whole ones.
    func divided(by reduction: Int) -> ImageSize {
        ImageSize(width: (width + reduction - 1) / reduction, height: (height + reduction - 1) / reduction)
    }
}
