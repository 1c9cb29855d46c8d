public import Graphics
public import Imaging
public import Support

/// A picture as the values it is drawn from.
public enum Figure: Hashable, Sendable {
    case line(LinePlot, size: ImageSize = ImageSize(width: 960, height: 600))
    case bars(BarPlot, size: ImageSize = ImageSize(width: 960, height: 600))
    case matrix(MatrixPlot, width: Int = 960)
    case images(ImageSheet)

    public var title: String {
        switch self {
        case .line(let plot, _): plot.title
        case .bars(let plot, _): plot.title
        case .matrix(let plot, _): plot.title
        case .images(let sheet): sheet.title
        }
    }

    public var drawing: Drawing {
        switch self {
        case .line(let plot, let size): plot.drawing(size: size)
        case .bars(let plot, let size): plot.drawing(size: size)
        case .matrix(let plot, let width): plot.drawing(width: width)
        case .images(let sheet): sheet.drawing
        }
    }

    /// What the picture shows, for who cannot see it.
    public var description: String {
        func text(_ parts: [String]) -> String { parts.filter { !$0.isEmpty }.joined(separator: "; ") }
        return switch self {
        case .line(let plot, _):
            text(
                ["Curves", plot.title, [plot.yLabel, plot.xLabel].filter { !$0.isEmpty }.joined(separator: " over ")]
                    + plot.series.map(\.name))
        case .bars(let plot, _):
            text(
                [
                    "Bars", plot.title, plot.yLabel, "of \(plot.groups.filter { !$0.isEmpty }.joined(separator: ", "))",
                ] + plot.series.map(\.name))
        case .matrix(let plot, _):
            text([
                "Matrix", plot.title, "rows \(plot.rows.joined(separator: ", "))",
                "columns \(plot.columns.joined(separator: ", "))",
            ])
        case .images(let sheet): text(["Images", sheet.title] + sheet.tiles.map(\.caption))
        }
    }

    /// `{"figure": KIND, "title", …}` with the values; of images, the captions.
    public var json: JSON {
        func numbers(_ values: [Double]) -> JSON { .array(values.map { .number($0) }) }
        func texts(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }
        let (kind, members): (JSON, [JSON.Member]) =
            switch self {
            case .line(let plot, _):
                (
                    "line",
                    [
                        .init("x", .string(plot.xLabel)), .init("y", .string(plot.yLabel)),
                        .init(
                            "series",
                            .array(
                                plot.series.map {
                                    ["name": .string($0.name), "x": numbers($0.x), "y": numbers($0.y)]
                                })),
                    ]
                )
            case .bars(let plot, _):
                (
                    "bars",
                    [
                        .init("y", .string(plot.yLabel)), .init("groups", texts(plot.groups)),
                        .init(
                            "series",
                            .array(plot.series.map { ["name": .string($0.name), "values": numbers($0.values)] })),
                    ]
                )
            case .matrix(let plot, _):
                (
                    "matrix",
                    [
                        .init("rows", texts(plot.rows)), .init("columns", texts(plot.columns)),
                        .init("values", .array(plot.values.map(numbers))),
                    ]
                )
            case .images(let sheet): ("images", [.init("captions", texts(sheet.tiles.map(\.caption)))])
            }
        return .object([.init("figure", kind), .init("title", .string(title))] + members)
    }
}

/// Pictures in rows.
public struct ImageSheet: Hashable, Sendable {
    public struct Tile: Hashable, Sendable {
        public var image: Image
        /// Drawn above the image, where there is one.
        public var caption: String

        public init(_ image: Image, caption: String = "") {
            self.image = image
            self.caption = caption
        }
    }

    /// Not drawn.
    public var title: String
    public var tiles: [Tile]
    public var columns: Int
    /// Pixels between tiles and around them.
    public var gap: Int

    public init(title: String = "", _ tiles: [Tile], columns: Int, gap: Int = 4) {
        self.title = title
        self.tiles = tiles
        self.columns = columns
        self.gap = gap
    }

    public var drawing: Drawing { Drawing.grid(tiles.map(\.drawing), columns: columns, gap: gap) }
}

extension ImageSheet.Tile {
    private static let letters = 15.0

    /// With the caption above it, as much of it as fits.
    fileprivate var drawing: Drawing {
        if caption.isEmpty { return Drawing(image) }
        let height = Int(Lettering.lineHeight(Self.letters).rounded(.up)) + 4
        var drawing = Drawing(size: ImageSize(width: image.width, height: image.height + height))
        drawing.add(image, x: 0, y: Double(height))
        drawing.add(
            Lettering.fitted(caption, width: Double(image.width), size: Self.letters), x: 0, y: Self.letters + 2,
            size: Self.letters)
        return drawing
    }
}
