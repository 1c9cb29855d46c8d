/// Drawing; whatever lies outside the image is cut off.
extension Image {
    /// Fills the rectangle of `w` × `h` pixels whose top-left one is (x, y).
    public mutating func fill(x: Int, y: Int, w: Int, h: Int, color: Color) {
        let columns = max(0, x)..<max(max(0, x), min(width, x + w))
        for row in max(0, y)..<max(max(0, y), min(height, y + h)) {
            for column in columns { self[column, row] = color }
        }
    }

    /// A straight antialiased line with round ends between two points (continuous coordinates: the centre of the
    /// top-left pixel is (0.5, 0.5)).
    public mutating func drawLine(
        x0: Double, y0: Double, x1: Double, y1: Double, color: Color, thickness: Double = 1
    ) {
        drawPolyline([(x0, y0), (x1, y1)], color: color, thickness: thickness)
    }

    /// An antialiased line through points; non-finite points interrupt it, and a point alone is a dot.
    public mutating func drawPolyline(
        _ points: [(x: Double, y: Double)], color: Color, thickness: Double = 1
    ) {
        var coverage = [Float](repeating: 0, count: size.pixelCount)
        var previous: (x: Double, y: Double)?
        for (index, point) in points.enumerated() {
            guard point.x.isFinite, point.y.isFinite else {
                previous = nil
                continue
            }
            let nextIsPoint = index + 1 < points.count && points[index + 1].x.isFinite && points[index + 1].y.isFinite
            if let start = previous {
                cover(&coverage, from: start, to: point, radius: thickness / 2)
            } else if !nextIsPoint {
                cover(&coverage, from: point, to: point, radius: thickness / 2)
            }
            previous = point
        }
        for pixel in 0..<size.pixelCount where coverage[pixel] > 0 {
            let (x, y) = (pixel % width, pixel / width)
            self[x, y] = self[x, y].mixed(with: color, Double(coverage[pixel]))
        }
    }

    /// Raises each pixel's coverage to that of the segment: all segments are blended at once, so joints stay even.
    private func cover(
        _ coverage: inout [Float], from start: (x: Double, y: Double), to end: (x: Double, y: Double), radius: Double
    ) {
        let reach = radius + 1
        func pixels(_ a: Double, _ b: Double, _ count: Int) -> Range<Int> {
            let low = min(max(min(a, b) - reach, 0), Double(count))
            let high = min(max(max(a, b) + reach, 0), Double(count))
            return Int(low)..<max(Int(low), Int(high.rounded(.up)))
        }
        let (dx, dy) = (end.x - start.x, end.y - start.y)
        let squaredLength = dx * dx + dy * dy
        for row in pixels(start.y, end.y, height) {
            for column in pixels(start.x, end.x, width) {
                let (px, py) = (Double(column) + 0.5 - start.x, Double(row) + 0.5 - start.y)
                let along = squaredLength > 0 ? min(max((px * dx + py * dy) / squaredLength, 0), 1) : 0
                let (ex, ey) = (px - along * dx, py - along * dy)
                let distance = (ex * ex + ey * ey).squareRoot()
                let share = Float(min(max(radius + 0.5 - distance, 0), 1))
                let index = row * width + column
                coverage[index] = max(coverage[index], share)
            }
        }
    }

    /// The outline of a box given by its corners (continuous, half-open coordinates, as `Box`), drawn inwards.
    public mutating func drawBox(
        x0: Double, y0: Double, x1: Double, y1: Double, color: Color, thickness: Int = 2
    ) {
        guard [x0, y0, x1, y1].allSatisfy(\.isFinite), x1 > x0, y1 > y0 else { return }
        func pixel(_ value: Double, _ count: Int) -> Int {
            Int(min(max(value, Double(-thickness)), Double(count + thickness)).rounded())
        }
        let (left, top) = (pixel(x0, width), pixel(y0, height))
        let (w, h) = (max(1, pixel(x1, width) - left), max(1, pixel(y1, height) - top))
        let line = min(thickness, w, h)
        fill(x: left, y: top, w: w, h: line, color: color)
        fill(x: left, y: top + h - line, w: w, h: line, color: color)
        fill(x: left, y: top, w: line, h: h, color: color)
        fill(x: left + w - line, y: top, w: line, h: h, color: color)
    }

    /// Copies another image here, its top-left pixel to (x, y).
    public mutating func paste(_ image: Image, x: Int, y: Int) {
        let columns = max(0, -x)..<max(max(0, -x), min(image.width, width - x))
        for row in max(0, -y)..<max(max(0, -y), min(image.height, height - y)) {
            for column in columns { self[x + column, y + row] = image[column, row] }
        }
    }

    /// Images in rows of `columns`, each in the middle of a cell that fits the largest.
    public static func grid(
        _ tiles: [Image], columns: Int, gap: Int = 4, background: Color = .white
    ) -> Image {
        precondition(columns > 0 && gap >= 0, "a grid needs a column and a gap of 0 or more")
        let cell = ImageSize(width: tiles.map(\.width).max() ?? 0, height: tiles.map(\.height).max() ?? 0)
        let usedColumns = min(columns, max(1, tiles.count))
        let rows = (tiles.count + columns - 1) / columns
        var sheet = Image(
            size: ImageSize(
                width: gap + usedColumns * (cell.width + gap), height: gap + rows * (cell.height + gap)),
            color: background)
        for (index, tile) in tiles.enumerated() {
            sheet.paste(
                tile, x: gap + index % columns * (cell.width + gap) + (cell.width - tile.width) / 2,
                y: gap + index / columns * (cell.height + gap) + (cell.height - tile.height) / 2)
        }
        return sheet
    }
}
