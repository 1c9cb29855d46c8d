/// The descriptors of regions, laid out as `PixelBins` says: the texture part and the colour part each sum to 1.
struct RegionHistograms {
    /// [slot, PixelBins.stride]
    private var values: [Float]

    /// Slot i is for region i, which has `sizes[i]` pixels.
    init(_ labels: [Int32], sizes: [Int32], bins: PixelBins) {
        let stride = PixelBins.stride
        let total = sizes.count * stride
        var counts = Self.counts(labels, regionCount: sizes.count, bins: bins)
        values = [Float](unsafeUninitializedCapacity: total) { values, initialized in
            counts.withUnsafeMutableBufferPointer { counts in
                for region in 0..<sizes.count {
                    let range = region * stride..<(region + 1) * stride
                    let counts = UnsafeMutableBufferPointer(rebasing: counts[range])
                    let values = UnsafeMutableBufferPointer(rebasing: values[range])
                    Self.complete(counts, size: Int32(sizes[region]), planeCount: bins.planeCount)
                    let textureScale = 1 / (Float(sizes[region]) * Float(PixelBins.texturesPerPixel))
                    let colorScale = 1 / (Float(sizes[region]) * 3)
                    for bin in 0..<PixelBins.textureBins { values[bin] = Float(counts[bin]) * textureScale }
                    for bin in PixelBins.textureBins..<stride { values[bin] = Float(counts[bin]) * colorScale }
                }
            }
            initialized = total
        }
    }

    /// Equation 4 of Uijlings et al.
    func textureOverlap(_ a: Int32, _ b: Int32) -> Float { overlap(a, b, bins: 0..<PixelBins.textureBins) }

    /// Equation 2 of Uijlings et al.
    func colorOverlap(_ a: Int32, _ b: Int32) -> Float { overlap(a, b, bins: PixelBins.textureBins..<PixelBins.stride) }

    /// Puts the weighted sum of two descriptors in the place of the first.
    mutating func mix(_ first: Int32, _ second: Int32, weights: (Float, Float)) {
        values.withUnsafeMutableBufferPointer { values in
            guard let values = values.baseAddress else { return }
            let target = values + Int(first) * PixelBins.stride
            let source = values + Int(second) * PixelBins.stride
            for bin in stride(from: 0, to: PixelBins.stride, by: 4) {
                let sum: SIMD4<Float> = weights.0 * target.vector(bin) + weights.1 * source.vector(bin)
                target.store(sum, at: bin)
            }
        }
    }

    /// Sum of the smaller values over a range of bins that holds whole vectors of 16.
    @inline(__always)
    private func overlap(_ first: Int32, _ second: Int32, bins: Range<Int>) -> Float {
        values.withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return 0 }
            let (a, b) = (values + Int(first) * PixelBins.stride, values + Int(second) * PixelBins.stride)
            var sums = (SIMD4<Float>.zero, SIMD4<Float>.zero, SIMD4<Float>.zero, SIMD4<Float>.zero)
            for bin in stride(from: bins.lowerBound, to: bins.upperBound, by: 16) {
                sums.0 += smaller(a.vector(bin), b.vector(bin))
                sums.1 += smaller(a.vector(bin + 4), b.vector(bin + 4))
                sums.2 += smaller(a.vector(bin + 8), b.vector(bin + 8))
                sums.3 += smaller(a.vector(bin + 12), b.vector(bin + 12))
            }
            let sum = SIMD16(
                lowHalf: SIMD8(lowHalf: sums.0, highHalf: sums.1), highHalf: SIMD8(lowHalf: sums.2, highHalf: sums.3))
            return sum.sum()
        }
    }
}

// MARK: - Counting

extension RegionHistograms {
    /// What `PixelBins` gives, counted for each region.
    private static func counts(_ labels: [Int32], regionCount: Int, bins: PixelBins) -> [Int32] {
        let stride = PixelBins.stride
        var counts = [Int32](repeating: 0, count: regionCount * stride)
        counts.withUnsafeMutableBufferPointer { counts in
            labels.withUnsafeBufferPointer { labels in
                bins.textures.withUnsafeBufferPointer { textures in
                    for texture in textures {
                        counts[Int(labels[Int(texture.pixel)]) &* stride &+ Int(texture.bin)] &+= 1
                    }
                }
                bins.colors.withUnsafeBufferPointer { colors in
                    for pixel in labels.indices {
                        let first = Int(labels[pixel]) &* stride &+ PixelBins.textureBins
                        for plane in 0..<bins.planeCount {
                            let level = Int(colors[plane &* labels.count &+ pixel])
                            counts[first &+ plane &* PixelBins.colorLevels &+ level] &+= 1
                        }
                    }
                }
            }
        }
        return counts
    }

    /// Fills in what `PixelBins` leaves out: texture level 0, and channels equal to the first.
    private static func complete(_ counts: UnsafeMutableBufferPointer<Int32>, size: Int32, planeCount: Int) {
        let (levels, texturesOfChannel) = (PixelBins.textureLevels, PixelBins.orientations * PixelBins.textureLevels)
        for histogram in stride(from: 0, to: planeCount * texturesOfChannel, by: levels) {
            var others: Int32 = 0
            for level in 1..<levels { others &+= counts[histogram + level] }
            counts[histogram] = size &- others
        }
        for channel in planeCount..<3 {
            for bin in 0..<texturesOfChannel { counts[channel * texturesOfChannel + bin] = counts[bin] }
            let colors = PixelBins.textureBins
            for level in 0..<PixelBins.colorLevels {
                counts[colors + channel * PixelBins.colorLevels + level] = counts[colors + level]
            }
        }
    }
}
