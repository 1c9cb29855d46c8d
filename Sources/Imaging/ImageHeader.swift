public import Foundation
internal import Support

#if canImport(Glibc)
internal import Glibc
#endif

/// What an image file says about itself before any pixel is decoded.
public struct ImageHeader: Hashable, Sendable {
    public enum Format: Hashable, Sendable { case jpeg, png }

    public var format: Format
    public var size: ImageSize
    /// Samples a pixel as stored: 1 grey or palette, 2 grey and alpha, 3 colour, 4 colour and alpha (PNG) or CMYK
    /// (JPEG).
    public var channels: Int
    /// Bits a sample.
    public var depth: Int
    /// What EXIF says; upright where it says nothing.
    public var orientation = EXIFOrientation.upright

    /// The size of the image as it is seen upright; `size` is that of the stored pixels.
    public var uprightSize: ImageSize { orientation.swapsSides ? size.transposed : size }

    /// Whether a stated size is that of the upright image and not of the stored pixels: whatever was drawn on an image of
    /// that size was drawn on the upright one.
    public func isTurned(to stated: ImageSize?) -> Bool { size != uprightSize && stated == uprightSize }

    /// The size of the image when it is decoded so.
    func size(_ decoding: ImageDecoding) -> ImageSize { decoding.turnsByEXIF ? uprightSize : size }

    /// Reads the header of a JPEG or PNG file held in memory.
    ///
    /// - Parameter name: what errors call the data.
    /// - Throws: `InputError` when the data are empty, neither JPEG nor PNG, cut off inside the header, or nonsensical.
    public static func read(_ data: Data, name: String) throws -> ImageHeader {
        switch try scan(data, name: name, isWhole: true) {
        case .found(let header): return header
        case .cutOff: throw InputError(name, "is truncated", remedy: truncatedRemedy)
        }
    }

    /// Reads the header of a file, and of the file only as many bytes as that takes.
    public static func read(_ path: String) throws -> ImageHeader {
        // What is no regular file (a pipe would block) or cannot be opened gets its error from Files.
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let file = FileHandle(forReadingAtPath: path)
        else { return try read(try Files.read(path), name: path) }
        defer { try? file.close() }
        var data = Data()
        // Nearly all headers end within 64 KB; only long colour profiles and thumbnails need more.
        var step = 1 << 16
        while true {
            let more: Data
            do { more = try file.read(upToCount: step) ?? Data() } catch {
                throw InputError(path, "cannot be read")
            }
            data.append(more)
            if case .found(let header) = try scan(data, name: path, isWhole: more.isEmpty) { return header }
            if more.isEmpty { throw InputError(path, "is truncated", remedy: truncatedRemedy) }
            step *= 4
        }
    }

    static let truncatedRemedy = "fetch the file again or leave it out"

    private enum Scan {
        case found(ImageHeader)
        case cutOff
    }

    /// - Parameter isWhole: Whether no more bytes follow.
    private static func scan(_ data: Data, name: String, isWhole: Bool) throws -> Scan {
        guard !data.isEmpty else { throw InputError(name, "is empty", remedy: truncatedRemedy) }
        return try data.withUnsafeBytes { bytes in
            if bytes.starts(with: pngSignature.prefix(bytes.count)) {
                return try scanPNG(bytes, name: name, isWhole: isWhole)
            }
            if bytes.starts(with: [0xFF, 0xD8].prefix(bytes.count)) { return try scanJPEG(bytes, name: name) }
            throw InputError(name, "is neither a JPEG nor a PNG image")
        }
    }

    private static func scanJPEG(_ bytes: UnsafeRawBufferPointer, name: String) throws -> Scan {
        var segments = JPEGSegments(bytes)
        var orientation: EXIFOrientation?
        while let segment = segments.next() {
            switch segment.marker {
            case 0xE1 where orientation == nil && segment.body.starts(with: exif):
                orientation = EXIFOrientation(tiff: UnsafeRawBufferPointer(rebasing: segment.body[exif.count...]))
            // SOF0 … SOF15 without DHT, JPG and DAC, which share their range.
            case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(segment.marker):
                let body = segment.body
                guard body.count >= 6 else { throw InputError(name, "has a damaged JPEG frame header") }
                let size = ImageSize(
                    width: Int(body[3]) << 8 | Int(body[4]), height: Int(body[1]) << 8 | Int(body[2]))
                guard size.width > 0, size.height > 0 else {
                    throw InputError(name, "has a JPEG frame of \(size.width)x\(size.height) pixels")
                }
                return .found(
                    ImageHeader(
                        format: .jpeg, size: size, channels: Int(body[5]), depth: Int(body[0]),
                        orientation: orientation ?? .upright))
            case 0xD9, 0xDA: throw InputError(name, "is a JPEG file without a frame header")
            default: continue
            }
        }
        return .cutOff
    }

    private static let exif = Array("Exif\0\0".utf8)

    private static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private static func scanPNG(_ bytes: UnsafeRawBufferPointer, name: String, isWhole: Bool) throws -> Scan {
        guard bytes.count >= 26 else { return .cutOff }
        func word(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 << 8 | Int(bytes[offset + $1]) } }
        guard bytes[12..<16].elementsEqual("IHDR".utf8), word(8) == 13 else {
            throw InputError(name, "is a PNG file without an IHDR chunk")
        }
        let size = ImageSize(width: word(16), height: word(20))
        guard (1...0x7FFF_FFFF).contains(size.width), (1...0x7FFF_FFFF).contains(size.height) else {
            throw InputError(name, "is a PNG file of \(size.width)x\(size.height) pixels")
        }
        let channels: Int
        switch bytes[25] {
        case 0, 3: channels = 1
        case 4: channels = 2
        case 2: channels = 3
        case 6: channels = 4
        default: throw InputError(name, "is a PNG file of unknown colour type \(bytes[25])")
        }
        var header = ImageHeader(format: .png, size: size, channels: channels, depth: Int(bytes[24]))
        // EXIF may stand in front of the pixels; that behind them is for nobody who reads from the front.
        var position = 33
        while position + 8 <= bytes.count, !bytes[position + 4..<position + 8].elementsEqual("IDAT".utf8) {
            let body = position + 8
            let length = word(position)
            guard length <= bytes.count - body else { break }
            if bytes[position + 4..<body].elementsEqual("eXIf".utf8) {
                let tiff = UnsafeRawBufferPointer(rebasing: bytes[body..<body + length])
                header.orientation = EXIFOrientation(tiff: tiff) ?? .upright
                return .found(header)
            }
            position = body + length + 4
        }
        let reachesPixels = position + 8 <= bytes.count && bytes[position + 4..<position + 8].elementsEqual("IDAT".utf8)
        return reachesPixels || isWhole ? .found(header) : .cutOff
    }
}

/// Walks the marker segments of a JPEG file up to the first scan, as libjpeg does: bytes that belong to no segment
/// are passed over.
struct JPEGSegments: IteratorProtocol {
    struct Segment {
        var marker: UInt8
        /// The bytes after the length field; empty for markers that have none.
        var body: UnsafeRawBufferPointer
        /// Where the segment's marker stands in the file.
        var offset: Int
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 2

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next complete segment; nil when the bytes end first.
    mutating func next() -> Segment? {
        var marker: UInt8 = 0
        var start = position
        repeat {
            while position < bytes.count, bytes[position] != 0xFF { position += 1 }
            start = position
            while position < bytes.count, bytes[position] == 0xFF { position += 1 }
            guard position < bytes.count else { return nil }
            marker = bytes[position]
            position += 1
        } while marker == 0
        let empty = UnsafeRawBufferPointer(rebasing: bytes[0..<0])
        if (0xD0...0xD9).contains(marker) || marker == 0x01 {
            return Segment(marker: marker, body: empty, offset: start)
        }
        guard position + 2 <= bytes.count else { return nil }
        let length = Int(bytes[position]) << 8 | Int(bytes[position + 1])
        guard length >= 2, position + length <= bytes.count else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: bytes[(position + 2)..<(position + length)])
        position += length
        return Segment(marker: marker, body: body, offset: start)
    }
}
