public import Graphics
public import Imaging
internal import Support

/// The picture of a retrieval: a row for each query, the query on the left, its neighbours from the nearest on.
///
/// Under each neighbour stand its similarity and class; its frame is green where the class is the query's, red where it is
/// another, grey where one is unknown.
public struct RetrievalPicture {
    /// Side of a thumbnail in pixels.
    public static let thumbnailSize = 128

    private static let frame = 5
    private static let gap = 14
    private static let margin = 28
    /// Between the query and its neighbours.
    private static let divide = 44
    private static let letters = 15.0
    private static let line = 22
    private static let ink = Color(red: 40, green: 44, blue: 52)
    private static let faint = Color(red: 214, green: 218, blue: 224)
    private static let right = Color(red: 34, green: 152, blue: 72)
    private static let wrong = Color(red: 206, green: 52, blue: 60)

    private static var tile: Int { thumbnailSize + 2 * frame }

    private let retrieval: Retrieval
    private var drawing: Drawing

    /// - Parameters:
    ///   - query: The thumbnail of a query's image; nil where there is no picture.
    ///   - neighbor: The same for an image of the bank.
    public static func render(
        _ retrieval: Retrieval, query: (Int) throws -> Image?, neighbor: (Int) throws -> Image?
    ) rethrows -> Drawing {
        var picture = RetrievalPicture(retrieval)
        for row in retrieval.queries.indices {
            picture.draw(try query(row), label: nil, retrieval.queries[row].label, column: 0, row: row, color: ink)
            for (index, found) in retrieval.neighbors[row].enumerated() {
                picture.draw(
                    try neighbor(found.row), label: found.similarity.fixed(3), found.label, column: index + 1, row: row,
                    color: frameColor(retrieval.queries[row].label, found.label))
            }
        }
        return picture.drawing
    }

    /// The middle of an image, at the size of a thumbnail.
    public static func thumbnail(_ image: Image) -> Image {
        let small = image.resized(shortSide: thumbnailSize)
        return small.cropped(
            x: (small.width - thumbnailSize) / 2, y: (small.height - thumbnailSize) / 2,
            size: ImageSize(width: thumbnailSize, height: thumbnailSize))
    }

    private static func frameColor(_ query: String?, _ found: String?) -> Color {
        guard let query, let found else { return faint }
        return query == found ? right : wrong
    }

    private init(_ retrieval: Retrieval) {
        self.retrieval = retrieval
        let columns = retrieval.k
        let width = 2 * Self.margin + Self.tile + Self.divide + columns * (Self.tile + Self.gap) - Self.gap
        let height = Self.header + retrieval.queries.count * Self.rowHeight + Self.margin - Self.gap
        drawing = Drawing(size: ImageSize(width: width, height: height))
        text("query", left: Self.x(0), top: Self.margin - 8, width: Self.tile)
        drawing.add(
            "nearest neighbours, most similar first", x: Double(Self.x(1)), y: Double(Self.margin - 8) + Self.letters,
            size: Self.letters, .color(Self.ink))
        fill(
            x: Self.x(1) - Self.divide / 2, y: Self.margin - 8, w: 2, h: height - 2 * Self.margin + 16, Self.faint)
    }

    private mutating func fill(x: Int, y: Int, w: Int, h: Int, _ color: Color) {
        drawing.add(
            .rectangle(.init(x: Double(x), y: Double(y), width: Double(w), height: Double(h)), .color(color)))
    }

    private static var header: Int { margin + line + 6 }
    private static var rowHeight: Int { tile + 8 + 2 * line + gap }

    private static func x(_ column: Int) -> Int {
        column == 0 ? margin : margin + tile + divide + (column - 1) * (tile + gap)
    }

    private mutating func draw(
        _ thumbnail: Image?, label: String?, _ name: String?, column: Int, row: Int, color: Color
    ) {
        let (x, y) = (Self.x(column), Self.header + row * Self.rowHeight)
        fill(x: x, y: y, w: Self.tile, h: Self.tile, color)
        if let thumbnail {
            drawing.add(thumbnail, x: Double(x + Self.frame), y: Double(y + Self.frame))
        } else {
            fill(x: x + Self.frame, y: y + Self.frame, w: Self.thumbnailSize, h: Self.thumbnailSize, .white)
            text("no image", left: x, top: y + Self.tile / 2 - 8, width: Self.tile)
        }
        var top = y + Self.tile + 8
        for line in [label, name].compactMap({ $0 }) {
            text(line, left: x, top: top, width: Self.tile)
            top += Self.line
        }
    }

    /// A line in the middle of `width` units, cut where it is longer.
    private mutating func text(_ text: String, left: Int, top: Int, width: Int) {
        drawing.add(
            Lettering.fitted(text, width: Double(width), size: Self.letters), x: Double(left) + Double(width) / 2,
            y: Double(top) + Self.letters, size: Self.letters, .color(Self.ink), anchor: .middle)
    }
}
