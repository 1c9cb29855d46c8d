/// How a camera was held, as EXIF's orientation tells it (Exif 2.32, tag 0x0112): what has to be done to the stored pixels
/// to see them upright.
public enum EXIFOrientation: Int, Hashable, Sendable {
    case upright = 1
    case mirrored
    case upsideDown
    case mirroredUpsideDown
    case transposed
    /// A quarter turn clockwise.
    case right
    case transversed
    /// A quarter turn the other way.
    case left

    /// Whether width and height change places.
    public var swapsSides: Bool { rawValue >= 5 }

    /// From the TIFF structure of an EXIF block: the first directory's entry, nil where there is none that makes sense.
    init?(tiff: UnsafeRawBufferPointer) {
        guard tiff.count >= 8 else { return nil }
        let isLittle = tiff[0] == 0x49
        guard tiff[0] == tiff[1], isLittle || tiff[0] == 0x4D else { return nil }
        func number(_ offset: Int, bytes: Int) -> Int {
            (0..<bytes).reduce(0) { $0 << 8 | Int(tiff[offset + (isLittle ? bytes - 1 - $1 : $1)]) }
        }
        guard number(2, bytes: 2) == 42 else { return nil }
        let directory = number(4, bytes: 4)
        guard directory <= tiff.count - 2 else { return nil }
        for index in 0..<number(directory, bytes: 2) {
            let entry = directory + 2 + 12 * index
            guard entry <= tiff.count - 12 else { return nil }
            guard number(entry, bytes: 2) == Self.tag, number(entry + 4, bytes: 4) == 1 else { continue }
            switch number(entry + 2, bytes: 2) {
            case Self.short: self.init(rawValue: number(entry + 8, bytes: 2))
            case Self.long: self.init(rawValue: number(entry + 8, bytes: 4))
            default: return nil
            }
            return
        }
        return nil
    }

    private static let tag = 0x0112
    private static let short = 3
    private static let long = 4
}

extension ImageSize {
    /// Width and height in each other's place.
    public var transposed: ImageSize { ImageSize(width: height, height: width) }
}

extension Image {
    /// The image as it is seen upright.
    public func turned(by orientation: EXIFOrientation) -> Image {
        if orientation == .upright { return self }
        let turned = orientation.swapsSides ? size.transposed : size
        // Where the pixel at column x of row y comes from: `start` + x · `right` + y · `down`.
        let (last, below) = (width - 1, width * (height - 1))
        let (start, right, down) =
            switch orientation {
            case .upright: (0, 1, width)
            case .mirrored: (last, -1, width)
            case .upsideDown: (below + last, -1, -width)
            case .mirroredUpsideDown: (below, 1, -width)
            case .transposed: (0, width, 1)
            case .right: (below, -width, 1)
            case .transversed: (below + last, -width, -1)
            case .left: (last, width, -1)
            }
        let turnedPixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { output, count in
            pixels.withUnsafeBufferPointer { input in
                var target = 0
                for y in 0..<turned.height {
                    var source = 3 * (start + y * down)
                    for _ in 0..<turned.width {
                        output[target] = input[source]
                        output[target + 1] = input[source + 1]
                        output[target + 2] = input[source + 2]
                        target += 3
                        source += 3 * right
                    }
                }
            }
            count = pixels.count
        }
        return Image(size: turned, pixels: turnedPixels)
    }
}
