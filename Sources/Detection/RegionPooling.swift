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

    /// `map` [N, C, H, W] → [R, C, S, S] float32. Traps when a region names an image outside the batch.
    public func callAsFunction(_ map: Tensor, _ regions: [Region]) -> Tensor {
        if map.device.kind != .cpu { return byOperators(map, regions) }
        let cells = cells(of: map, regions)
        let found = maxima(of: cells, regions)
        let (count, channels) = (regions.count, map.size(1))
        if !map.requiresGradient {
            return Tensor.from(found.values, [count, size, size, channels]).to(device: map.device).permute(0, 3, 1, 2)
        }
        let indices = Tensor.from(found.indices, [1, count * size * size * channels], dtype: .int64)
        return gather(cells, indices.to(device: map.device), filled: found.filled)
    }

    /// The map as [N, H, W, C] float32. Traps when a region names an image outside the batch.
    func cells(of map: Tensor, _ regions: [Region]) -> Tensor {
        precondition(
            regions.allSatisfy { (0..<map.size(0)).contains($0.image) },
            "a region names an image outside the batch of \(map.size(0))")
        return map.to(dtype: .float32).contiguous(.channelsLast).permute(0, 2, 3, 1)
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

    private struct Maxima {
        /// R·S·S·C values and their positions in the flattened [N, H, W, C] map.
        var values: [Float]
        var indices: [Int64]
        /// R·S·S: 0 for a bin without cells, else 1.
        var filled: [Float]
    }

    private func maxima(of cells: Tensor, _ regions: [Region]) -> Maxima {
        let shape = cells.shape
        let (height, width, channels) = (shape[1], shape[2], shape[3])
        let bins = size * size
        let total = regions.count * bins * channels
        let wantsIndices = cells.requiresGradient
        var result = Maxima(
            values: [Float](repeating: 0, count: wantsIndices ? 0 : total),
            indices: [Int64](repeating: 0, count: wantsIndices ? total : 0),
            filled: [Float](repeating: 1, count: regions.count * bins))
        cells.detach().withBytes { bytes in
            // Each region writes its own part of these buffers.
            nonisolated(unsafe) let map = bytes.bindMemory(to: Float.self).baseAddress
            result.values.withUnsafeMutableBufferPointer { values in
                result.indices.withUnsafeMutableBufferPointer { indices in
                    result.filled.withUnsafeMutableBufferPointer { filled in
                        nonisolated(unsafe) let (values, indices, filled) = (
                            values.baseAddress!, indices.baseAddress!, filled.baseAddress!
                        )
                        try! parallelFor(regions.count, threads: Runtime.threads) { r in
                            let region = regions[r]
                            let columns = bounds(region.box.minX, region.box.maxX, limit: width)
                            let rows = bounds(region.box.minY, region.box.maxY, limit: height)
                            withUnsafeTemporaryAllocation(of: Float.self, capacity: channels) { best in
                                withUnsafeTemporaryAllocation(of: Int32.self, capacity: channels) { cell in
                                    for (row, ys) in rows.enumerated() {
                                        for (column, xs) in columns.enumerated() {
                                            let bin = r * bins + row * size + column
                                            if ys.isEmpty || xs.isEmpty {
                                                filled[bin] = 0
                                                continue
                                            }
                                            let cells = map! + region.image * height * width * channels
                                            let out = bin * channels
                                            guard wantsIndices else {
                                                Self.maximum(cells, ys, xs, width, channels, values + out)
                                                continue
                                            }
                                            Self.maximum(
                                                cells, ys, xs, width, channels, best.baseAddress!, cell.baseAddress!)
                                            let image = Int64(region.image * height * width)
                                            for c in 0..<channels {
                                                indices[out + c] =
                                                    (image + Int64(cell[c])) * Int64(channels) + Int64(c)
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return result
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
