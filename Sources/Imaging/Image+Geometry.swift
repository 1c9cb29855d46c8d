#if canImport(Glibc)
internal import Glibc
#endif

/// A rectangle in continuous pixel coordinates: the pixel in column c covers [c, c + 1).
public struct ImageRegion: Hashable, Sendable {
    public var x: Double
    public var y: Double
    public var width: Double
    public var height: Double

    public init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }
}

extension ImageSize {
    private static let longestScaledSide = 1 << 16

    /// The size whose short side is `shortSide`, of the same shape, the long side cut down to a whole pixel.
    ///
    /// - Parameter longSideAtMost: when the long side would exceed this, it becomes this and the short side follows.
    /// - Note: torchvision's `Resize(size, max_size)`.
    public func scaled(shortSide: Int, longSideAtMost: Int? = nil) -> ImageSize {
        precondition(shortSide > 0 && width > 0 && height > 0, "cannot scale \(self) to short side \(shortSide)")
        var short = shortSide
        var long = shortSide * max(width, height) / min(width, height)
        if let limit = longSideAtMost, long > limit {
            short = max(1, limit * short / long)
            long = limit
        } else if longSideAtMost == nil {
            // Of a line of pixels, a short side of 256 would be gigabytes: it is squeezed.
            long = min(long, max(short, Self.longestScaledSide))
        }
        return width <= height ? ImageSize(width: short, height: long) : ImageSize(width: long, height: short)
    }
}

extension Image {
    /// Resized by antialiased bilinear interpolation (Pillow's `BILINEAR`).
    public func resized(to size: ImageSize) -> Image {
        size == self.size
            ? self
            : resized(
                from: ImageRegion(x: 0, y: 0, width: Double(width), height: Double(height)), to: size)
    }

    /// Resized, in shape, so that the short side is `shortSide`; see `ImageSize.scaled`.
    public func resized(shortSide: Int, longSideAtMost: Int? = nil) -> Image {
        resized(to: size.scaled(shortSide: shortSide, longSideAtMost: longSideAtMost))
    }

    /// A part of the image resized to `size`, without a copy of the part.
    ///
    /// Only pixels the part touches are read, so a part on whole pixels gives what cropping and resizing gives.
    /// Traps when the part is empty or reaches outside the image.
    public func resized(from part: ImageRegion, to size: ImageSize) -> Image {
        precondition(size.width > 0 && size.height > 0, "cannot resize to \(size)")
        precondition(
            part.width > 0 && part.height > 0 && part.x >= 0 && part.y >= 0
                && part.x + part.width <= Double(width) && part.y + part.height <= Double(height),
            "\(part) is not inside an image of \(width)x\(height)")
        let left = Int(part.x)
        let top = Int(part.y)
        let window = ImageSize(
            width: Int((part.x + part.width).rounded(.up)) - left,
            height: Int((part.y + part.height).rounded(.up)) - top)
        let inner = ImageRegion(
            x: part.x - Double(left), y: part.y - Double(top), width: part.width, height: part.height)
        return pixels.withUnsafeBufferPointer {
            Image.resample(
                $0.baseAddress! + (top * width + left) * 3, rowStride: width * 3, window: window, part: inner,
                to: size)
        }
    }

    /// The rectangle of `size` whose top-left pixel is (x, y). Traps when it reaches outside the image.
    public func cropped(x: Int, y: Int, size: ImageSize) -> Image {
        precondition(
            x >= 0 && y >= 0 && size.width >= 0 && size.height >= 0 && x + size.width <= width
                && y + size.height <= height,
            "a crop of \(size.width)x\(size.height) at (\(x), \(y)) is not inside \(width)x\(height)")
        return cropped(clippingX: x, y: y, size: size)
    }

    /// The same, black where the rectangle lies outside the image.
    func cropped(clippingX x: Int, y: Int, size: ImageSize) -> Image {
        let columns = max(0, x)..<max(max(0, x), min(width, x + size.width))
        return Image(
            size: size,
            pixels: [UInt8](unsafeUninitializedCapacity: size.pixelCount * 3) { output, count in
                count = size.pixelCount * 3
                if columns.count < size.width || y < 0 || y + size.height > height {
                    output.initialize(repeating: 0)
                }
                if columns.isEmpty { return }
                pixels.withUnsafeBufferPointer { input in
                    for row in max(0, -y)..<max(max(0, -y), min(size.height, height - y)) {
                        memcpy(
                            output.baseAddress! + (row * size.width + columns.lowerBound - x) * 3,
                            input.baseAddress! + ((row + y) * width + columns.lowerBound) * 3, columns.count * 3)
                    }
                }
            })
    }

    /// Mirrored left to right.
    public func flippedHorizontally() -> Image {
        Image(
            size: size,
            pixels: [UInt8](unsafeUninitializedCapacity: pixels.count) { output, count in
                pixels.withUnsafeBufferPointer { input in
                    for row in 0..<height {
                        var from = (row + 1) * width * 3 - 3
                        var to = row * width * 3
                        for _ in 0..<width {
                            output[to] = input[from]
                            output[to + 1] = input[from + 1]
                            output[to + 2] = input[from + 2]
                            from -= 3
                            to += 3
                        }
                    }
                }
                count = pixels.count
            })
    }

    /// Turned anticlockwise by so many right angles, pixel by pixel.
    public func turned(quarters: Int) -> Image {
        switch quarters & 3 {
        case 1: return transposed { (width - 1 - $1, $0) }
        case 2:
            var image = self
            for y in 0..<height { for x in 0..<width { image[x, y] = self[width - 1 - x, height - 1 - y] } }
            return image
        case 3: return transposed { ($1, height - 1 - $0) }
        default: return self
        }
    }

    /// An image of the other shape, whose pixel at (x, y) is this one's at `source(x, y)`.
    private func transposed(_ source: (Int, Int) -> (Int, Int)) -> Image {
        var image = Image(size: ImageSize(width: height, height: width))
        for y in 0..<image.height {
            for x in 0..<image.width {
                let (column, row) = source(x, y)
                image[x, y] = self[column, row]
            }
        }
        return image
    }

    /// Turned anticlockwise about its middle, by bilinear interpolation; beyond its edges the image goes on mirrored.
    public func rotated(degrees: Double) -> Image {
        if degrees == 0 || size.pixelCount == 0 { return self }
        let angle = degrees * .pi / 180
        let (cosine, sine) = (cos(angle), sin(angle))
        let (middleX, middleY) = (Double(width - 1) / 2, Double(height - 1) / 2)
        /// Where pixel `i` of a row or column lies that is mirrored at both ends.
        func mirrored(_ i: Int, _ count: Int) -> Int {
            let place = ((i % (2 * count)) + 2 * count) % (2 * count)
            return place < count ? place : 2 * count - 1 - place
        }
        return Image(
            size: size,
            pixels: [UInt8](unsafeUninitializedCapacity: pixels.count) { output, count in
                pixels.withUnsafeBufferPointer { input in
                    var to = 0
                    for row in 0..<height {
                        for column in 0..<width {
                            let (dx, dy) = (Double(column) - middleX, Double(row) - middleY)
                            let x = middleX + cosine * dx - sine * dy
                            let y = middleY + sine * dx + cosine * dy
                            let (left, top) = (x.rounded(.down), y.rounded(.down))
                            let (fx, fy) = (x - left, y - top)
                            let (x0, x1) = (mirrored(Int(left), width), mirrored(Int(left) + 1, width))
                            let (y0, y1) = (mirrored(Int(top), height), mirrored(Int(top) + 1, height))
                            for channel in 0..<3 {
                                func sample(_ x: Int, _ y: Int) -> Double {
                                    Double(input[(y * width + x) * 3 + channel])
                                }
                                let upper = sample(x0, y0) + fx * (sample(x1, y0) - sample(x0, y0))
                                let lower = sample(x0, y1) + fx * (sample(x1, y1) - sample(x0, y1))
                                output[to] = UInt8(clamping: Int((upper + fy * (lower - upper)).rounded()))
                                to += 1
                            }
                        }
                    }
                }
                count = pixels.count
            })
    }
}
