internal import Boxes
public import Torch

extension RegionPooling {
    /// The same by tensor operators alone, wherever the map lives: what runs on a GPU, where `callAsFunction` comes here by
    /// itself. `featureMap` [N, C, H, W] → [R, C, S, S] float32; the gradient goes to the first cell of the largest value, too.
    ///
    /// Looks at the cells of all bins in turn, the first one of each, the next one of each, and so on; smaller bins see
    /// their last row or column again.
    public func byOperators(_ featureMap: Tensor, _ regions: [Region]) -> Tensor {
        let cells = cells(of: featureMap, regions)
        let (height, width, channels) = (cells.size(1), cells.size(2), cells.size(3))
        if regions.isEmpty { return Tensor.zeros([0, channels, size, size], device: featureMap.device) }
        let columns = regions.map { bounds($0.box.minX, $0.box.maxX, limit: width) }
        let rows = regions.map { bounds($0.box.minY, $0.box.maxY, limit: height) }
        /// Position `step` of each bin along one side, [R · S]; a bin without cells is looked at in some cell.
        func positions(_ bins: [[Range<Int>]], _ step: Int, limit: Int) -> [Int] {
            bins.flatMap { $0.map { min($0.lowerBound + min(step, max(0, $0.count - 1)), limit - 1) } }
        }
        func steps(_ bins: [[Range<Int>]]) -> Int { max(1, bins.joined().map(\.count).max() ?? 0) }
        let across = (0..<steps(columns)).map { step in
            Tensor(positions(columns, step, limit: width)).reshape(-1, 1, size).to(device: featureMap.device)
        }
        let down = (0..<steps(rows)).map { step in
            let starts = positions(rows, step, limit: height).enumerated().map { index, y in
                (regions[index / size].image * height + y) * width
            }
            return Tensor(starts).reshape(-1, size, 1).to(device: featureMap.device)
        }
        let indices = withoutGradients {
            let table = cells.detach().reshape(-1, channels)
            var best: (values: Tensor, cell: Tensor)?
            for y in down {
                for x in across {
                    let cell = (y + x).reshape(-1)  // [R · S · S]
                    let values = table.indexSelect(0, cell)  // [R · S · S, C]
                    guard let last = best else {
                        best = (values, cell.unsqueeze(1).expand(-1, channels))
                        continue
                    }
                    let isLarger = (values - last.values).greater(0)
                    best = (
                        last.values.maximum(values), Tensor.where(isLarger, cell.unsqueeze(1), last.cell)
                    )
                }
            }
            let channel = Tensor.arange(channels, device: featureMap.device)
            return (best!.cell * Tensor([channels]).to(device: featureMap.device) + channel).reshape(1, -1)
        }
        let filled = zip(rows, columns).flatMap { rows, columns in
            rows.flatMap { row in columns.map { row.isEmpty || $0.isEmpty ? Float(0) : 1 } }
        }
        return gather(cells, indices, filled: filled)
    }
}
