/// Width and height of an image, in pixels.
public struct ImageSize: Hashable, Sendable {
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    public var pixelCount: Int { width * height }
}

/// An 8-bit RGB image: rows from the top, pixels from the left, R G B interleaved.
public struct Image: Hashable, Sendable {
    public let size: ImageSize
    /// `size.height * size.width * 3` bytes.
    public var pixels: [UInt8]

    /// Traps when the number of bytes does not fit the size.
    public init(size: ImageSize, pixels: [UInt8]) {
        precondition(
            pixels.count == size.pixelCount * 3,
            "an image of \(size.width)x\(size.height) needs \(size.pixelCount * 3) bytes, got \(pixels.count)")
        self.size = size
        self.pixels = pixels
    }

    /// One colour everywhere.
    public init(size: ImageSize, color: Color = .black) {
        self.size = size
        pixels = [UInt8](unsafeUninitializedCapacity: size.pixelCount * 3) { buffer, count in
            for pixel in 0..<size.pixelCount {
                buffer[3 * pixel] = color.red
                buffer[3 * pixel + 1] = color.green
                buffer[3 * pixel + 2] = color.blue
            }
            count = size.pixelCount * 3
        }
    }

    public var width: Int { size.width }
    public var height: Int { size.height }

    /// The colour at column x, row y.
    public subscript(x: Int, y: Int) -> Color {
        get {
            let offset = (y * size.width + x) * 3
            return Color(red: pixels[offset], green: pixels[offset + 1], blue: pixels[offset + 2])
        }
        set {
            let offset = (y * size.width + x) * 3
            pixels[offset] = newValue.red
            pixels[offset + 1] = newValue.green
            pixels[offset + 2] = newValue.blue
        }
    }
}

/// An sRGB colour, 8 bits a channel.
public struct Color: Hashable, Sendable {
    public var red: UInt8
    public var green: UInt8
    public var blue: UInt8

    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    public static let black = Color(red: 0, green: 0, blue: 0)
    public static let white = Color(red: 255, green: 255, blue: 255)
}
