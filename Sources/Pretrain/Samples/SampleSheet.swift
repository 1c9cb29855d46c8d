public import Imaging

/// Rows of pictures with their captions as one picture.
public enum SampleSheet {
    /// Shorter sides are enlarged to at least so many pixels, each pixel to a square.
    private static let leastSide = 96
    private static let gap = 8
    private static let ink = Color(red: 30, green: 30, blue: 30)

    /// Columns are as wide as their widest picture or caption.
    public static func draw(_ rows: [SampleRow]) -> Image {
        let line = Image.textSize("x").height + 3
        let rows = rows.map { row in
            (
                title: row.title,
                cells: row.pictures.map { (image: enlarged($0.image), caption: $0.caption) }
            )
        }
        let columnCount = rows.map(\.cells.count).max() ?? 0
        let columns = (0..<columnCount).map { column in
            rows.filter { $0.cells.count > column }.map { row in
                let cell = row.cells[column]
                return max(cell.image.width, Image.textSize(cell.caption).width)
            }.max() ?? 0
        }
        let heights = rows.map { row in
            (row.title.isEmpty ? 0 : line) + (row.cells.map(\.image.height).max() ?? 0)
                + (row.cells.contains { !$0.caption.isEmpty } ? line : 0)
        }
        let titles = rows.map { Image.textSize($0.title).width }.max() ?? 0
        var sheet = Image(
            size: ImageSize(
                width: 2 * gap + max(columns.reduce(0) { $0 + $1 + gap } - gap, titles, 1),
                height: gap + heights.reduce(0) { $0 + $1 + gap }),
            color: .white)
        var top = gap
        for (row, height) in zip(rows, heights) {
            var y = top
            if !row.title.isEmpty {
                sheet.drawText(row.title, x: gap, y: y, color: ink)
                y += line
            }
            let captions = y + (row.cells.map(\.image.height).max() ?? 0) + 3
            var x = gap
            for (cell, width) in zip(row.cells, columns) {
                sheet.paste(cell.image, x: x, y: y)
                sheet.drawText(cell.caption, x: x, y: captions, color: ink)
                x += width + gap
            }
            top += height + gap
        }
        return sheet
    }

    private static func enlarged(_ image: Image) -> Image {
        let side = max(1, min(image.width, image.height))
        let factor = (leastSide + side - 1) / side
        if factor <= 1 { return image }
        var large = Image(size: ImageSize(width: image.width * factor, height: image.height * factor))
        for y in 0..<image.height {
            for x in 0..<image.width {
                large.fill(x: x * factor, y: y * factor, w: factor, h: factor, color: image[x, y])
            }
        }
        return large
    }
}
