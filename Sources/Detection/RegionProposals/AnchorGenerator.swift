public import Boxes

/// Boxes of fixed sizes and shapes around every cell of a map, which a region proposal network scores and moves
/// (Ren et al., Faster R-CNN, NIPS 2015, section 3.1.1).
///
/// As in the published code, the shapes of one base square (as wide as a cell) are rounded to whole pixels and then
/// scaled: a cell of 16 pixels gives 184×96, 368×192, 736×384 for the ratio ½.
public struct AnchorGenerator: Hashable, Sendable {
    /// Pixels of the input from one cell to the next.
    public var stride: Int
    /// Sides in cells.
    public var scales: [Double]
    /// Heights for a width of 1.
    public var ratios: [Double]

    public init(stride: Int, scales: [Double] = [8, 16, 32], ratios: [Double] = [0.5, 1, 2]) {
        self.stride = stride
        self.scales = scales
        self.ratios = ratios
    }

    public var countPerCell: Int { scales.count * ratios.count }

    /// (width, height) of the anchors of a cell: scales within ratios.
    public var shapes: [(width: Double, height: Double)] {
        ratios.flatMap { ratio in
            let width = (Double(stride * stride) / ratio).squareRoot().rounded(.toNearestOrEven)
            let height = (width * ratio).rounded(.toNearestOrEven)
            return scales.map { (width * $0, height * $0) }
        }
    }

    /// The anchors of a map of `height` × `width` cells: rows, cells of a row, shapes.
    public func anchors(height: Int, width: Int) -> [Box] {
        let shapes = shapes
        var boxes: [Box] = []
        boxes.reserveCapacity(height * width * shapes.count)
        for y in 0..<height {
            for x in 0..<width {
                let (centerX, centerY) = (Double(stride) * (Double(x) + 0.5), Double(stride) * (Double(y) + 0.5))
                for shape in shapes {
                    boxes.append(
                        Box(
                            minX: centerX - 0.5 * shape.width, minY: centerY - 0.5 * shape.height,
                            maxX: centerX + 0.5 * shape.width, maxY: centerY + 0.5 * shape.height))
                }
            }
        }
        return boxes
    }
}
