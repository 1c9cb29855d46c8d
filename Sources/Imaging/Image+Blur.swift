internal import Foundation

extension Image {
    /// Blurred by a Gaussian of deviation `sigma` pixels, cut off to `kernel` (odd) pixels a side and normalised; beyond the
    /// frame the image is mirrored at its outermost pixels. As torchvision's `gaussian_blur`, but for the rounding of sums.
    ///
    /// Sums are float32 in a fixed order, so that the bytes are the same everywhere.
    public func blurred(sigma: Double, kernel: Int) -> Image {
        precondition(
            kernel > 0 && kernel % 2 == 1 && sigma > 0, "no Gaussian of deviation \(sigma) over \(kernel) pixels")
        let reach = kernel / 2
        let values = (-reach...reach).map { exp(-0.5 * pow(Double($0) / sigma, 2)) }
        let total = values.reduce(0, +)
        let weights = values.map { Float($0 / total) }
        let row = 3 * width
        // Along rows, each between its mirrored ends, then along columns.
        var padded = [Float](repeating: 0, count: row + 6 * reach)
        var rows = [Float](repeating: 0, count: row * height)
        for y in 0..<height {
            for x in -reach..<width + reach {
                let source = (y * width + Self.mirrored(x, width)) * 3
                for channel in 0..<3 { padded[(x + reach) * 3 + channel] = Float(pixels[source + channel]) }
            }
            for (k, weight) in weights.enumerated() {
                Self.add(padded, from: 3 * k, times: weight, to: &rows, at: y * row, count: row)
            }
        }
        var result = [UInt8](repeating: 0, count: pixels.count)
        var sums = [Float](repeating: 0, count: row)
        for y in 0..<height {
            for i in 0..<row { sums[i] = 0 }
            for (k, weight) in weights.enumerated() {
                let source = Self.mirrored(y + k - reach, height) * row
                Self.add(rows, from: source, times: weight, to: &sums, at: 0, count: row)
            }
            for i in 0..<row { result[y * row + i] = UInt8(max(0, min(255, sums[i] + 0.5))) }
        }
        return Image(size: size, pixels: result)
    }

    /// sums[at …] += values[from …] · weight
    private static func add(
        _ values: [Float], from: Int, times weight: Float, to sums: inout [Float], at start: Int, count: Int
    ) {
        values.withUnsafeBufferPointer { values in
            sums.withUnsafeMutableBufferPointer { sums in
                for i in 0..<count { sums[start + i] += values[from + i] * weight }
            }
        }
    }

    /// A position beyond the ends 0 and count − 1, mirrored at them as often as it takes.
    private static func mirrored(_ position: Int, _ count: Int) -> Int {
        if count == 1 { return 0 }
        let period = 2 * (count - 1)
        let place = ((position % period) + period) % period
        return place < count ? place : period - place
    }

    /// Samples of at least `threshold` inverted, as Pillow's `solarize`.
    public func solarized(_ threshold: UInt8) -> Image {
        Image(size: size, pixels: pixels.map { $0 >= threshold ? 255 - $0 : $0 })
    }
}
