internal import Imaging

/// Two regions, the one with the lower number first.
struct RegionPair: Hashable {
    var first: Int32
    var second: Int32

    /// The pairs of regions of which any two pixels are 8-neighbours, as in the segmentation's graph; ascending.
    static func neighbors(in segmentation: GraphSegmentation) -> [RegionPair] {
        unique(borders(of: segmentation), regionCount: segmentation.count)
    }

    /// Pairs of neighbours in any order, some of them more than once.
    private static func borders(of segmentation: GraphSegmentation) -> [RegionPair] {
        let (width, height) = (segmentation.size.width, segmentation.size.height)
        var pairs: [RegionPair] = []
        segmentation.labels.withUnsafeBufferPointer { labels in
            guard let labels = labels.baseAddress else { return }
            // Along a border the same pair comes again and again: remember the last one of each direction.
            var last = (RegionPair.none, RegionPair.none, RegionPair.none, RegionPair.none)
            @inline(__always)
            func add(_ a: Int32, _ b: Int32, _ last: inout RegionPair) {
                if a == b { return }
                let pair = RegionPair(first: min(a, b), second: max(a, b))
                if pair != last {
                    last = pair
                    pairs.append(pair)
                }
            }
            // Squares of 2 × 2 pixels with their upper left corner at `pixel`.
            func addSquares(_ pixels: Range<Int>) {
                for pixel in pixels {
                    add(labels[pixel], labels[pixel + 1], &last.0)
                    add(labels[pixel], labels[pixel + width], &last.1)
                    add(labels[pixel], labels[pixel + width + 1], &last.2)
                    add(labels[pixel + 1], labels[pixel + width], &last.3)
                }
            }
            for y in 0..<max(height - 1, 0) {
                let (row, end) = (y * width, (y + 1) * width - 1)
                var pixel = row
                while pixel + 8 <= end {
                    let here: SIMD8<Int32> = labels.vector(pixel)
                    let isBorder =
                        here .!= labels.vector(pixel + 1) .| here .!= labels.vector(pixel + width)
                        .| here .!= labels.vector(pixel + width + 1)
                    if any(isBorder) { addSquares(pixel..<pixel + 8) }
                    pixel += 8
                }
                addSquares(pixel..<end)
                add(labels[end], labels[end + width], &last.1)
            }
            for pixel in max(height - 1, 0) * width..<max(height * width - 1, 0) {
                add(labels[pixel], labels[pixel + 1], &last.0)
            }
        }
        return pairs
    }

    private static let none = RegionPair(first: -1, second: -1)

    /// The pairs in ascending order, each once.
    private static func unique(_ pairs: [RegionPair], regionCount: Int) -> [RegionPair] {
        // A bucket for each first region.
        var starts = [Int](repeating: 0, count: regionCount + 1)
        for pair in pairs { starts[Int(pair.first) + 1] += 1 }
        for region in 0..<regionCount { starts[region + 1] += starts[region] }
        var seconds = [Int32](repeating: 0, count: pairs.count)
        var ends = starts
        for pair in pairs {
            seconds[ends[Int(pair.first)]] = pair.second
            ends[Int(pair.first)] += 1
        }
        var result: [RegionPair] = []
        result.reserveCapacity(min(pairs.count, 4 * regionCount))
        /// The last first region that each region was met as a neighbour of.
        var metBy = [Int32](repeating: -1, count: regionCount)
        seconds.withUnsafeMutableBufferPointer { seconds in
            for first in 0..<regionCount {
                var end = starts[first]
                for i in starts[first]..<starts[first + 1] {
                    let second = seconds[i]
                    if metBy[Int(second)] == first { continue }
                    metBy[Int(second)] = Int32(first)
                    seconds[end] = second
                    end += 1
                }
                var unique = UnsafeMutableBufferPointer(rebasing: seconds[starts[first]..<end])
                unique.sort()
                for second in unique { result.append(RegionPair(first: Int32(first), second: second)) }
            }
        }
        return result
    }
}
