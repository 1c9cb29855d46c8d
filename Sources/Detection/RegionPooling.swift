public import Boxes
internal import Support
public import Torch

/// A rectangle of one image of a batch, in the pixels of the batch.
public struct Region: Hashable, Sendable {
    public var image: Int
    public var box: Box

    public init(image: Int, box: Box) {
        self.image = image
        self.box = box
    }
}

/// ROI max pooling (Girshick, Fast R-CNN, ICCV 2015, section 2.1): each region of the feature map is cut into
/// size × size bins, and the maximum of each bin is taken.
///
/// Letters: N images, C channels, H × W cells of the map, R regions, S bins a side.
/// In cells, a box from x1 to x2 (first and last pixel) starts at round(x1·scale) and ends at round(x2·scale), at
/// least one cell wide; bin p of S covers [floor(p·w/S), ceil((p+1)·w/S)), clipped to the map; an empty bin gives 0.
///
/// The index of every maximum is found first and the values are gathered by tensor operators, so the gradient is the
/// gather's and flows to the cell that won (the first one, if several are equal).
public struct RegionPooling: Hashable, Sendable {
    /// S
    public var size: Int
    /// Cells of the map for a pixel of the image: 1 / stride.
    public var scale: Double

    public init(size: Int, scale: Double) {
        self.size = size
        self.scale = scale
    }

    /// `featureMap` [N, C, H, W] → [R, C, S, S] float32. Traps when a region names an image outside the batch.
    public func callAsFunction(_ featureMap: Tensor, _ regions: [Region]) -> Tensor {
        if featureMap.device.kind != .cpu { return byOperators(featureMap, regions) }
        let cells = cells(of: featureMap, regions)
        let found = maxima(of: cells, regions)
        let (count, channels) = (regions.count, featureMap.size(1))
        // A view made without gradients asks for none, whatever the map does.
        if !cells.requiresGradient {
            return Tensor.from(found.values, [count, size, size, channels]).to(device: featureMap.device).permute(
                0, 3, 1, 2)
        }
        let indices = Tensor.from(found.indices, [1, count * size * size * channels], dtype: .int64)
        return gather(cells, indices.to(device: featureMap.device), filled: found.filled)
    }

    /// The map as [N, H, W, C] float32. Traps when a region names an image outside the batch.
    func cells(of featureMap: Tensor, _ regions: [Region]) -> Tensor {
        precondition(
            regions.allSatisfy { (0..<featureMap.size(0)).contains($0.image) },
            "a region names an image outside the batch of \(featureMap.size(0))")
        return featureMap.to(dtype: .float32).contiguous(.channelsLast).permute(0, 2, 3, 1)
    }

    /// [R, C, S, S] of the values at `indices` ([1, R·S·S·C], into the flattened cells), 0 for bins that are not `filled`
    /// (R·S·S).
    func gather(_ cells: Tensor, _ indices: Tensor, filled: [Float]) -> Tensor {
        let pooled = cells.reshape(1, -1).gather(1, indices).reshape(-1, size, size, cells.size(3))
        guard filled.contains(0) else { return pooled.permute(0, 3, 1, 2) }
        let mask = Tensor(filled, shape: [pooled.size(0), size, size, 1]).to(device: cells.device)
        return (pooled * mask).permute(0, 3, 1, 2)
    }

    /// The cells a box covers once its corners are rounded, first and behind the last, on a map without end: boxes with
    /// equal cells are pooled to equal values.
    func cells(_ box: Box) -> Box {
        let (columns, rows) = (span(box.minX, box.maxX), span(box.minY, box.maxY))
        return Box(
            minX: Double(columns.lowerBound), minY: Double(rows.lowerBound), maxX: Double(columns.upperBound),
            maxY: Double(rows.upperBound))
    }

    /// The cells of one bin; none of them outside the map.
    private struct Bin {
        var rows: Range<Int>
        var columns: Range<Int>
        var isEmpty: Bool { rows.isEmpty || columns.isEmpty }
    }

    /// The S × S bins of a region, row by row.
    private func bins(of box: Box, height: Int, width: Int) -> [Bin] {
        let columns = bounds(box.minX, box.maxX, limit: width)
        return bounds(box.minY, box.maxY, limit: height).flatMap { rows in
            columns.map { Bin(rows: rows, columns: $0) }
        }
    }

    private struct Maxima {
        /// R·S·S·C values and their positions in the flattened [N, H, W, C] map.
        var values: [Float]
        var indices: [Int64]
        /// R·S·S: 0 for a bin without cells, else 1.
        var filled: [Float]

        mutating func withPointers(
            _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Float>) -> Void
        ) {
            values.withUnsafeMutableBufferPointer { values in
                indices.withUnsafeMutableBufferPointer { indices in
                    filled.withUnsafeMutableBufferPointer { filled in
                        body(values.baseAddress!, indices.baseAddress!, filled.baseAddress!)
                    }
                }
            }
        }
    }

    /// The values where no gradient is asked for, else their positions.
    private func maxima(of cells: Tensor, _ regions: [Region]) -> Maxima {
        let (height, width, channels) = (cells.size(1), cells.size(2), cells.size(3))
        let binCount = size * size
        let total = regions.count * binCount * channels
        let wantsIndices = cells.requiresGradient
        var result = Maxima(
            values: [Float](repeating: 0, count: wantsIndices ? 0 : total),
            indices: [Int64](repeating: 0, count: wantsIndices ? total : 0),
            filled: [Float](repeating: 1, count: regions.count * binCount))
        cells.detach().withBytes { bytes in
            let start = bytes.bindMemory(to: Float.self).baseAddress
            let grid = CellGrid(start: start, height: height, width: width, channels: channels)
            result.withPointers { values, indices, filled in
                // Each region writes its own part of these buffers.
                nonisolated(unsafe) let (grid, values, indices, filled) = (grid, values, indices, filled)
                try! parallelFor(regions.count, threads: Runtime.threads) { r in
                    let bins = bins(of: regions[r].box, height: height, width: width)
                    let first = r * binCount
                    for (index, bin) in bins.enumerated() where bin.isEmpty { filled[first + index] = 0 }
                    if wantsIndices {
                        grid.findPositions(bins, ofImage: regions[r].image, into: indices + first * channels)
                    } else {
                        grid.findValues(bins, ofImage: regions[r].image, into: values + first * channels)
                    }
                }
            }
        }
        return result
    }

    /// The map in memory, [N, H, W, C].
    private struct CellGrid {
        /// Nil for a map without cells.
        var start: UnsafePointer<Float>?
        var height: Int
        var width: Int
        var channels: Int

        /// The maxima of each bin, [bins, C]; those of bins without cells stay as they are.
        func findValues(_ bins: [Bin], ofImage image: Int, into values: UnsafeMutablePointer<Float>) {
            for (index, bin) in bins.enumerated() where !bin.isEmpty {
                let cells = start! + image * height * width * channels
                RegionPooling.maximum(cells, bin.rows, bin.columns, width, channels, values + index * channels)
            }
        }

        /// The positions of these maxima in the whole map.
        func findPositions(_ bins: [Bin], ofImage image: Int, into indices: UnsafeMutablePointer<Int64>) {
            let first = image * height * width
            withUnsafeTemporaryAllocation(of: Float.self, capacity: channels) { best in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: channels) { cell in
                    for (index, bin) in bins.enumerated() where !bin.isEmpty {
                        let (best, cell, out) = (best.baseAddress!, cell.baseAddress!, indices + index * channels)
                        RegionPooling.maximum(
                            start! + first * channels, bin.rows, bin.columns, width, channels, best, cell)
                        for c in 0..<channels {
                            out[c] = Int64(first + Int(cell[c])) * Int64(channels) + Int64(c)
                        }
                    }
                }
            }
        }
    }

    /// Maximum over a bin for every channel.
    private static func maximum(
        _ image: UnsafePointer<Float>, _ ys: Range<Int>, _ xs: Range<Int>, _ width: Int, _ channels: Int,
        _ best: UnsafeMutablePointer<Float>
    ) {
        best.update(from: image + (ys.lowerBound * width + xs.lowerBound) * channels, count: channels)
        for y in ys {
            for x in xs {
                let values = image + (y * width + x) * channels
                for c in 0..<channels { best[c] = values[c] > best[c] ? values[c] : best[c] }
            }
        }
    }

    /// The same, and the cell it is in, rows of cells counted within the image.
    private static func maximum(
        _ image: UnsafePointer<Float>, _ ys: Range<Int>, _ xs: Range<Int>, _ width: Int, _ channels: Int,
        _ best: UnsafeMutablePointer<Float>, _ cell: UnsafeMutablePointer<Int32>
    ) {
        let first = ys.lowerBound * width + xs.lowerBound
        for c in 0..<channels {
            best[c] = image[first * channels + c]
            cell[c] = Int32(truncatingIfNeeded: first)
        }
        for y in ys {
            for x in xs {
                let position = y * width + x
                let values = image + position * channels
                let code = Int32(truncatingIfNeeded: position)
                for c in 0..<channels {
                    let isLarger = values[c] > best[c]
                    best[c] = isLarger ? values[c] : best[c]
                    cell[c] = isLarger ? code : cell[c]
                }
            }
        }
    }

    /// The cells along one side, at least one.
    private func span(_ low: Double, _ high: Double) -> Range<Int> {
        // The half-open box ends with pixel high − 1.
        let start = Int((low * scale).rounded(.toNearestOrAwayFromZero))
        let end = Int(((high - 1) * scale).rounded(.toNearestOrAwayFromZero))
        return start..<max(end, start) + 1
    }

    /// The cells of each bin along one side.
    func bounds(_ low: Double, _ high: Double, limit: Int) -> [Range<Int>] {
        let span = span(low, high)
        let start = span.lowerBound
        // Float, as the published implementations compute it: the ceilings below depend on its rounding.
        let side = Float(span.count) / Float(size)
        return (0..<size).map { p in
            let from = min(max(Int((Float(p) * side).rounded(.down)) + start, 0), limit)
            let to = min(max(Int((Float(p + 1) * side).rounded(.up)) + start, 0), limit)
            return from..<max(from, to)
        }
    }
}

extension Tensor {
    /// A tensor of values that Tensor has no initialiser of its own for, without a second copy.
    fileprivate static func from<Element: BitwiseCopyable>(_ values: [Element], _ shape: [Int], dtype: DType = .float32)
        -> Tensor
    {
        values.withUnsafeBytes { Tensor(bytes: $0, shape: shape, dtype: dtype) }
    }
}
