internal import Boxes
public import Torch

/// ROI align (He et al., Mask R-CNN, ICCV 2017, section 3): each region is cut into size × size bins without rounding,
/// and each bin is the mean of samplesPerSide² values that are interpolated bilinearly between cells.
///
/// Letters: N images, C channels, H × W cells of the map, R regions, S bins a side.
/// Equal to torchvision's `roi_align` with `aligned=True`: the centre of cell (0, 0) is at (.5, .5) cells, samples more
/// than a cell outside the map count as 0, and nearer ones take the value at its edge. Made of tensor operators on any
/// device; the gradient is autograd's.
public struct RegionAlign: Hashable, Sendable {
    /// S
    public var size: Int
    /// Cells of the map for a pixel of the image: 1 / stride.
    public var scale: Double
    public var samplesPerSide = 2

    public init(size: Int, scale: Double, samplesPerSide: Int = 2) {
        self.size = size
        self.scale = scale
        self.samplesPerSide = samplesPerSide
    }

    /// A cell and its share of a bin.
    private struct Tap {
        var cell: Int64
        var weight: Float
    }

    /// `featureMap` [N, C, H, W] → [R, C, S, S] float32. Traps when a region names an image outside the batch.
    public func callAsFunction(_ featureMap: Tensor, _ regions: [Region]) -> Tensor {
        let cells = featureMap.to(dtype: .float32).contiguous(.channelsLast).permute(0, 2, 3, 1)  // [N, H, W, C]
        let shape = cells.shape
        let (images, height, width, channels) = (shape[0], shape[1], shape[2], shape[3])
        precondition(
            regions.allSatisfy { (0..<images).contains($0.image) },
            "a region names an image outside the batch of \(images)")
        if regions.isEmpty { return Tensor.zeros([0, channels, size, size], device: featureMap.device) }
        let perBin = 4 * samplesPerSide * samplesPerSide
        var indices: [Int64] = []
        var weights: [Float] = []
        indices.reserveCapacity(regions.count * size * size * perBin)
        weights.reserveCapacity(indices.capacity)
        for region in regions {
            let first = Int64(region.image * height * width)
            let columns = taps(region.box.minX, region.box.maxX, limit: width)
            let rows = taps(region.box.minY, region.box.maxY, limit: height)
            for row in rows {
                for column in columns {
                    for y in row {
                        for x in column {
                            indices.append(first + y.cell * Int64(width) + x.cell)
                            weights.append(y.weight * x.weight)
                        }
                    }
                }
            }
        }
        let pooled = cells.reshape(-1, channels).weightedRowSums(
            indices.withUnsafeBytes { Tensor(bytes: $0, shape: [indices.count], dtype: .int64) }.to(
                device: featureMap.device),
            Tensor(weights).to(device: featureMap.device), perBag: perBin)
        return pooled.reshape(regions.count, size, size, channels).permute(0, 3, 1, 2)
    }

    /// For each bin along one side two cells a sample, with weights that sum to 1 over the bin unless samples lie
    /// outside the map.
    private func taps(_ low: Double, _ high: Double, limit: Int) -> [[Tap]] {
        let start = low * scale - 0.5
        let step = (high - low) * scale / Double(size * samplesPerSide)
        return (0..<size).map { bin in
            (0..<samplesPerSide).flatMap { sample -> [Tap] in
                let position = start + (Double(bin * samplesPerSide + sample) + 0.5) * step
                guard position >= -1, position <= Double(limit) else {
                    return [Tap(cell: 0, weight: 0), Tap(cell: 0, weight: 0)]
                }
                let inside = min(max(position, 0), Double(limit - 1))
                let cell = Int64(inside)
                let share = Float(inside - Double(cell))
                let each = 1 / Float(samplesPerSide)
                return [
                    Tap(cell: cell, weight: (1 - share) * each),
                    Tap(cell: min(cell + 1, Int64(limit - 1)), weight: share * each),
                ]
            }
        }
    }
}

/// How regions are pooled from the map.
public enum RegionOperator: String, CaseIterable, Sendable {
    /// ROI max pooling, as Fast R-CNN has it.
    case pool
    /// ROI align.
    case align
}
