#if canImport(Glibc)
internal import Glibc
#endif

/// The weights of an antialiased bilinear resize along one axis.
///
/// A triangle filter whose support grows with the reduction, as in Pillow's `Resample.c`: output i is the weighted
/// mean of `count` inputs from `start`, in fixed point with 22 fractional bits.
private struct ResampleWeights {
    static let fractionBits = 22
    private(set) var starts: [Int]
    private(set) var counts: [Int]
    /// `stride` weights an output.
    private(set) var weights: [Int32]
    let stride: Int

    /// Maps [low, high) of `inputCount` samples on `outputCount`.
    init(inputCount: Int, low: Double, high: Double, outputCount: Int) {
        let scale = (high - low) / Double(outputCount)
        // An enlargement interpolates between neighbours: the support never falls below one sample.
        let support = max(scale, 1)
        stride = Int(support.rounded(.up)) * 2 + 1
        starts = []
        counts = []
        starts.reserveCapacity(outputCount)
        counts.reserveCapacity(outputCount)
        weights = [Int32](repeating: 0, count: outputCount * stride)
        var taps = [Double](repeating: 0, count: stride)
        for output in 0..<outputCount {
            let center = low + (Double(output) + 0.5) * scale
            let start = max(Int(center - support + 0.5), 0)
            let end = min(Int(center + support + 0.5), inputCount)
            var sum = 0.0
            for tap in 0..<(end - start) {
                taps[tap] = max(0, 1 - abs((Double(tap + start) - center + 0.5) / support))
                sum += taps[tap]
            }
            for tap in 0..<(end - start) {
                weights[output * stride + tap] = Int32((taps[tap] / sum * Double(1 << Self.fractionBits)).rounded())
            }
            starts.append(start)
            counts.append(end - start)
        }
    }

    /// The same sums with as many inputs for each output, some of weight zero: a loop of one length is faster.
    func evened(inputCount: Int) -> (starts: [Int], count: Int, weights: [Int32]) {
        let count = counts.max() ?? 0
        let starts = starts.map { min($0, inputCount - count) }
        var weights = [Int32](repeating: 0, count: starts.count * count)
        for output in starts.indices {
            let shift = self.starts[output] - starts[output]
            for tap in 0..<counts[output] {
                weights[output * count + shift + tap] = self.weights[output * stride + tap]
            }
        }
        return (starts, count, weights)
    }
}

extension Image {
    /// Resizes the part [low, high) × [low, high) of a window of pixels; no pixel outside the window is read.
    ///
    /// - Parameters:
    ///   - source: the window's first pixel.
    ///   - rowStride: bytes from one row of the window to the next.
    ///   - part: in pixels of the window, inside it, not empty.
    static func resample(
        _ source: UnsafePointer<UInt8>, rowStride: Int, window: ImageSize, part: ImageRegion, to size: ImageSize
    ) -> Image {
        let isWholeWidth = size.width == window.width && part.x == 0 && part.width == Double(window.width)
        let isWholeHeight = size.height == window.height && part.y == 0 && part.height == Double(window.height)
        let rowBytes = size.width * 3
        if isWholeHeight {
            return Image(
                size: size,
                pixels: horizontalPass(
                    source, rowStride: rowStride, rows: window.height, window: window, part: part, width: size.width,
                    copies: isWholeWidth))
        }
        let vertical = ResampleWeights(
            inputCount: window.height, low: part.y, high: part.y + part.height, outputCount: size.height)
        if isWholeWidth {
            return Image(
                size: size,
                pixels: verticalPass(
                    source, rowStride: rowStride, firstRow: 0, weights: vertical, rowBytes: rowBytes))
        }
        let firstRow = vertical.starts[0]
        let endRow = vertical.starts[size.height - 1] + vertical.counts[size.height - 1]
        let middle = horizontalPass(
            source + firstRow * rowStride, rowStride: rowStride, rows: endRow - firstRow, window: window, part: part,
            width: size.width, copies: false)
        return middle.withUnsafeBufferPointer {
            Image(
                size: size,
                pixels: verticalPass(
                    $0.baseAddress!, rowStride: rowBytes, firstRow: firstRow, weights: vertical, rowBytes: rowBytes))
        }
    }

    private static func horizontalPass(
        _ source: UnsafePointer<UInt8>, rowStride: Int, rows: Int, window: ImageSize, part: ImageRegion, width: Int,
        copies: Bool
    ) -> [UInt8] {
        if copies {
            return [UInt8](unsafeUninitializedCapacity: rows * width * 3) { output, count in
                for row in 0..<rows {
                    memcpy(output.baseAddress! + row * width * 3, source + row * rowStride, width * 3)
                }
                count = rows * width * 3
            }
        }
        let (starts, taps, weights) = ResampleWeights(
            inputCount: window.width, low: part.x, high: part.x + part.width, outputCount: width
        ).evened(inputCount: window.width)
        // Four bytes hold a pixel and one more, which is there for all but the outputs that reach the end of the line. The
        // fourth byte of an output is overwritten by the next one.
        let vectors = max(
            0, min(starts.count - 1, starts.lastIndex { $0 + taps < window.width }.map { $0 + 1 } ?? 0))
        return [UInt8](unsafeUninitializedCapacity: rows * width * 3) { output, count in
            starts.withUnsafeBufferPointer { starts in
                weights.withUnsafeBufferPointer { weights in
                    for row in 0..<rows {
                        let line = source + row * rowStride
                        let out = output.baseAddress! + row * width * 3
                        let base = weights.baseAddress!
                        // The usual numbers of inputs as constants, so that the compiler unrolls the sums.
                        switch taps {
                        case 2: horizontalLine(line, vectors: vectors, starts, base, taps: 2, out)
                        case 3: horizontalLine(line, vectors: vectors, starts, base, taps: 3, out)
                        case 4: horizontalLine(line, vectors: vectors, starts, base, taps: 4, out)
                        case 5: horizontalLine(line, vectors: vectors, starts, base, taps: 5, out)
                        default: horizontalLine(line, vectors: vectors, starts, base, taps: taps, out)
                        }
                    }
                }
            }
            count = rows * width * 3
        }
    }

    /// - Parameter vectors: Outputs from the start of the line that may read and write four bytes a pixel.
    @inline(__always)
    private static func horizontalLine(
        _ line: UnsafePointer<UInt8>, vectors: Int, _ starts: UnsafeBufferPointer<Int>, _ weights: UnsafePointer<Int32>,
        taps: Int, _ output: UnsafeMutablePointer<UInt8>
    ) {
        let half = Int32(1) << Int32(ResampleWeights.fractionBits - 1)
        for x in 0..<vectors {
            let pixel = UnsafeRawPointer(line + starts[x] * 3)
            let weight = weights + x * taps
            var sum = SIMD4<Int32>(repeating: half)
            for tap in 0..<taps {
                let bytes = pixel.loadUnaligned(fromByteOffset: 3 * tap, as: SIMD4<UInt8>.self)
                sum &+= SIMD4<Int32>(truncatingIfNeeded: bytes) &* weight[tap]
            }
            let levels = (sum &>> Int32(ResampleWeights.fractionBits))
                .clamped(lowerBound: .zero, upperBound: SIMD4(repeating: 255))
            UnsafeMutableRawPointer(output + 3 * x).storeBytes(
                of: SIMD4<UInt8>(truncatingIfNeeded: levels), as: SIMD4<UInt8>.self)
        }
        for x in vectors..<starts.count {
            let pixel = line + starts[x] * 3
            let weight = weights + x * taps
            var (red, green, blue) = (half, half, half)
            for tap in 0..<taps {
                red &+= Int32(pixel[3 * tap]) &* weight[tap]
                green &+= Int32(pixel[3 * tap + 1]) &* weight[tap]
                blue &+= Int32(pixel[3 * tap + 2]) &* weight[tap]
            }
            output[3 * x] = level(red)
            output[3 * x + 1] = level(green)
            output[3 * x + 2] = level(blue)
        }
    }

    /// - Parameter firstRow: which row of the window `source` points at.
    private static func verticalPass(
        _ source: UnsafePointer<UInt8>, rowStride: Int, firstRow: Int, weights kernel: ResampleWeights, rowBytes: Int
    ) -> [UInt8] {
        let rows = kernel.starts.count
        let half = SIMD8<Int32>(repeating: Int32(1) << Int32(ResampleWeights.fractionBits - 1))
        return [UInt8](unsafeUninitializedCapacity: rows * rowBytes) { output, count in
            kernel.weights.withUnsafeBufferPointer { weights in
                for row in 0..<rows {
                    let out = output.baseAddress! + row * rowBytes
                    let line = source + (kernel.starts[row] - firstRow) * rowStride
                    let weight = weights.baseAddress! + row * kernel.stride
                    let taps = kernel.counts[row]
                    var x = 0
                    while x + 8 <= rowBytes {
                        var sum = half
                        for tap in 0..<taps {
                            let bytes = UnsafeRawPointer(line + tap * rowStride + x)
                                .loadUnaligned(as: SIMD8<UInt8>.self)
                            sum &+= SIMD8<Int32>(truncatingIfNeeded: bytes) &* weight[tap]
                        }
                        // The weights are not negative and sum to one: no value leaves 0 … 255 but by rounding.
                        let levels = (sum &>> Int32(ResampleWeights.fractionBits))
                            .clamped(lowerBound: .zero, upperBound: SIMD8(repeating: 255))
                        UnsafeMutableRawPointer(out + x).storeBytes(
                            of: SIMD8<UInt8>(truncatingIfNeeded: levels), as: SIMD8<UInt8>.self)
                        x += 8
                    }
                    while x < rowBytes {
                        var sum = half[0]
                        for tap in 0..<taps { sum &+= Int32(line[tap * rowStride + x]) &* weight[tap] }
                        out[x] = level(sum)
                        x += 1
                    }
                }
            }
            count = rows * rowBytes
        }
    }

    @inline(__always)
    private static func level(_ sum: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: min(max(sum &>> Int32(ResampleWeights.fractionBits), 0), 255))
    }
}
