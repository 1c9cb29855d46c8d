/// Drawing; whatever lies outside the image is cut off.
extension Image {
    /// Fills the rectangle of `w` × `h` pixels whose top-left one is (x, y).
    public mutating func fill(x: Int, y: Int, w: Int, h: Int, color: Color) {
        let columns = max(0, x)..<max(max(0, x), min(width, x + w))
        for row in max(0, y)..<max(max(0, y), min(height, y + h)) {
            for column in columns { self[column, row] = color }
        }
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
