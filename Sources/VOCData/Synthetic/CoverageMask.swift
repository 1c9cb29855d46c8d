/// How much of each pixel of a small rectangle polygons cover, in [0, 1]: exact areas, so edges are anti-aliased.
struct CoverageMask {
    /// Column and row of the first pixel, in the coordinates of the drawing.
    let originX: Int
    let originY: Int
    let width: Int
    let height: Int
    private(set) var values: [Float]

    /// The union of the solid contours less the holes (non-zero winding).
    init(_ contours: [Contour]) {
        var low = SketchPoint(repeating: .infinity)
        var high = SketchPoint(repeating: -.infinity)
        for contour in contours {
            for point in contour {
                low = pointwiseMin(low, point)
                high = pointwiseMax(high, point)
            }
        }
        guard low.x <= high.x else {
            (originX, originY, width, height, values) = (0, 0, 0, 0, [])
            return
        }
        originX = Int(low.x.rounded(.down))
        originY = Int(low.y.rounded(.down))
        let width = Int(high.x.rounded(.down)) - originX + 1
        let height = Int(high.y.rounded(.down)) - originY + 1
        (self.width, self.height) = (width, height)
        // Each row has two spare cells: an edge also writes the cell to the right of the last one it touches.
        let stride = width + 2
        let origin = SketchPoint(Double(originX), Double(originY))
        var cells = [Float](repeating: 0, count: stride * height)
        cells.withUnsafeMutableBufferPointer { cells in
            for contour in contours {
                guard var previous = contour.last else { continue }
                for point in contour {
                    Self.addEdge(previous - origin, point - origin, to: cells, stride: stride, rows: height)
                    previous = point
                }
            }
        }
        values = [Float](unsafeUninitializedCapacity: width * height) { values, count in
            for row in 0..<height {
                var sum: Float = 0
                for column in 0..<width {
                    sum += cells[row * stride + column]
                    values[row * width + column] = min(1, abs(sum))
                }
            }
            count = width * height
        }
    }

    /// Adds what the edge changes in each cell: a running sum along the row then gives the covered area.
    private static func addEdge(
        _ start: SketchPoint, _ end: SketchPoint, to cells: UnsafeMutableBufferPointer<Float>, stride: Int, rows: Int
    ) {
        guard start.y != end.y else { return }
        let sign: Double = start.y < end.y ? 1 : -1
        let (top, bottom) = start.y < end.y ? (start, end) : (end, start)
        let slope = (bottom.x - top.x) / (bottom.y - top.y)
        for row in Int(top.y)...min(rows - 1, Int(bottom.y)) {
            let y0 = max(top.y, Double(row))
            let y1 = min(bottom.y, Double(row + 1))
            guard y1 > y0 else { continue }
            let xa = top.x + (y0 - top.y) * slope
            let xb = top.x + (y1 - top.y) * slope
            let (left, right) = xa < xb ? (xa, xb) : (xb, xa)
            let first = max(0, Int(left))
            let last = min(stride - 2, Int(right))
            let base = row * stride
            if first >= last {
                add(sign * (y1 - y0), mean: (left + right) / 2 - Double(first), base + first, to: cells)
                continue
            }
            let perColumn = sign * (y1 - y0) / (right - left)
            for column in first...last {
                let x0 = max(left, Double(column))
                let x1 = min(right, Double(column + 1))
                add(perColumn * (x1 - x0), mean: (x0 + x1) / 2 - Double(column), base + column, to: cells)
            }
        }
    }

    /// An edge of the given signed height at mean position `mean` in [0, 1] inside its cell.
    @inline(__always)
    private static func add(_ height: Double, mean: Double, _ cell: Int, to cells: UnsafeMutableBufferPointer<Float>) {
        cells[cell] += Float(height * (1 - mean))
        cells[cell + 1] += Float(height * mean)
    }
}
