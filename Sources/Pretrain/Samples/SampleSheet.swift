public import Graphics
internal import Imaging

/// Rows of pictures with their captions as one picture.
public enum SampleSheet {
    /// Shorter sides are enlarged to at least so many pixels, each pixel to a square.
    private static let leastSide = 96
    private static let gap = 8.0
    private static let letters = 12.0

    /// Columns are as wide as their widest picture or caption.
    public static func draw(_ rows: [SampleRow]) -> Drawing {
        let line = Lettering.lineHeight(letters).rounded(.up)
        func width(_ text: String, isBold: Bool = false) -> Double {
            Lettering.width(text, size: letters, isBold: isBold).rounded(.up)
        }
        func size(_ image: Image) -> (width: Double, height: Double) {
            let side = max(1, min(image.width, image.height))
            let factor = (leastSide + side - 1) / side
            return (Double(image.width * factor), Double(image.height * factor))
        }
        let columns = (0..<(rows.map(\.pictures.count).max() ?? 0)).map { column in
            rows.filter { $0.pictures.count > column }.map { row in
                max(size(row.pictures[column].image).width, width(row.pictures[column].caption))
            }.max() ?? 0
        }
        let parts = rows.map { row in
            (
                title: row.title.isEmpty ? 0 : line,
                pictures: row.pictures.map { size($0.image).height }.max() ?? 0,
                captions: row.pictures.contains { !$0.caption.isEmpty } ? line : 0
            )
        }
        let titles = rows.map { width($0.title, isBold: true) }.max() ?? 0
        var sheet = Drawing(
            size: ImageSize(
                width: Int(2 * gap + max(columns.reduce(0) { $0 + $1 + gap } - gap, titles, 1)),
                height: Int(gap + parts.reduce(0) { $0 + $1.title + $1.pictures + $1.captions + gap })))
        var top = gap
        for (row, part) in zip(rows, parts) {
            sheet.add(row.title, x: gap, y: top + letters, size: letters, isBold: true)
            top += part.title
            var x = gap
            for (picture, width) in zip(row.pictures, columns) {
                let size = size(picture.image)
                sheet.add(.image(picture.image, .init(x: x, y: top, width: size.width, height: size.height)))
                sheet.add(picture.caption, x: x, y: top + part.pictures + 1.1 * letters, size: letters)
                x += width + gap
            }
            top += part.pictures + part.captions + gap
        }
        return sheet
    }
}
