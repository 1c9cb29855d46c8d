internal import Imaging

extension Image {
    /// Averaged over blocks of pixels down to at most `maximumPixels`, the shape kept; itself when small enough.
    func reduced(toPixels maximumPixels: Int) -> Image {
        guard size.pixelCount > maximumPixels, maximumPixels > 0 else { return self }
        let factor = (Double(maximumPixels) / Double(size.pixelCount)).squareRoot()
        var columns = max(1, Int(Double(width) * factor))
        var rows = max(1, Int(Double(height) * factor))
        // A side of one pixel cannot shrink further: the other one then takes what is left.
        columns = min(columns, max(1, maximumPixels / rows))
        rows = min(rows, max(1, maximumPixels / columns))
        let reduced = [UInt8](unsafeUninitializedCapacity: rows * columns * 3) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for row in 0..<rows {
                    let top = row * height / rows
                    let bottom = (row + 1) * height / rows
                    for column in 0..<columns {
                        let left = column * width / columns
                        let right = (column + 1) * width / columns
                        let area = (bottom - top) * (right - left)
                        var (red, green, blue) = (area / 2, area / 2, area / 2)
                        for y in top..<bottom {
                            for x in left..<right {
                                let offset = 3 * (y * width + x)
                                red += Int(source[offset])
                                green += Int(source[offset + 1])
                                blue += Int(source[offset + 2])
                            }
                        }
                        let offset = 3 * (row * columns + column)
                        target[offset] = UInt8(red / area)
                        target[offset + 1] = UInt8(green / area)
                        target[offset + 2] = UInt8(blue / area)
                    }
                }
            }
            initialized = rows * columns * 3
        }
        return Image(size: ImageSize(width: columns, height: rows), pixels: reduced)
    }
}
