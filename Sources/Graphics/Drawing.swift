public import Imaging

/// A picture as the shapes it is made of, from the lowest to the topmost.
///
/// It is a value: the same shapes become pixels, a PDF or SVG file, and the charts of a page. Coordinates are continuous, from
/// the top left corner; one unit is a pixel of the image it becomes, and a point of a PDF page.
public struct Drawing: Hashable, Sendable {
    public struct Point: Hashable, Sendable {
        public var x: Double
        public var y: Double

        public init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }

        public var isFinite: Bool { x.isFinite && y.isFinite }
    }

    public struct Rectangle: Hashable, Sendable {
        public var x: Double
        public var y: Double
        public var width: Double
        public var height: Double

        public init(x: Double, y: Double, width: Double, height: Double) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
        }
    }

    /// Marks that tell series apart where colours do not.
    public enum Marker: CaseIterable, Hashable, Sendable { case circle, square, triangle, diamond, cross, wedge }

    /// A line of text.
    public struct Text: Hashable, Sendable {
        /// Which part of the text the point is.
        public enum Anchor: Hashable, Sendable { case start, middle, end }

        public var string: String
        /// On the baseline.
        public var point: Point
        /// Of the letters, in units: capitals are seven tenths as high.
        public var size: Double
        public var paint: Paint
        public var anchor: Anchor
        public var isBold: Bool
        /// Runs upwards.
        public var isUpright: Bool

        public init(
            _ string: String, at point: Point, size: Double, _ paint: Paint = .ink, anchor: Anchor = .start,
            isBold: Bool = false, isUpright: Bool = false
        ) {
            self.string = string
            self.point = point
            self.size = size
            self.paint = paint
            self.anchor = anchor
            self.isBold = isBold
            self.isUpright = isUpright
        }
    }

    public indirect enum Shape: Hashable, Sendable {
        /// Filled.
        case rectangle(Rectangle, Paint)
        /// A line around the inside of a rectangle.
        case outline(Rectangle, Paint, width: Double)
        /// With round joints; points that are not finite interrupt it, and a point alone is a dot.
        case line([Point], Paint, width: Double)
        case marker(Marker, Point, radius: Double, Paint)
        case text(Text)
        case image(Image, Rectangle)
        /// Another drawing, made to fit.
        case drawing(Drawing, Rectangle)
        case group(Group)
    }

    /// Shapes that belong together, such as those of one series.
    public struct Group: Hashable, Sendable {
        /// What it is, for who points at it on a page; may be empty.
        public var title: String
        /// Which series a page can hide, counted from 0; nil for what always shows.
        public var series: Int?
        public var shapes: [Shape]

        public init(_ title: String, series: Int? = nil, _ shapes: [Shape]) {
            self.title = title
            self.series = series
            self.shapes = shapes
        }
    }

    public var size: ImageSize
    /// Of what no shape covers; nil leaves files of vectors and pages clear, and pixels white.
    public var background: Paint?
    public var shapes: [Shape]

    public init(size: ImageSize, background: Paint? = .paper, _ shapes: [Shape] = []) {
        self.size = size
        self.background = background
        self.shapes = shapes
    }

    /// An image alone.
    public init(_ image: Image) {
        self.init(size: image.size, background: nil, [])
        add(image, x: 0, y: 0)
    }

    public mutating func add(_ shape: Shape) { shapes.append(shape) }

    /// An image with its own pixels, the top left one at (x, y).
    public mutating func add(_ image: Image, x: Double, y: Double) {
        if image.size.pixelCount == 0 { return }
        shapes.append(
            .image(image, Rectangle(x: x, y: y, width: Double(image.width), height: Double(image.height))))
    }

    /// A line of text, see `Text`.
    public mutating func add(
        _ text: String, x: Double, y: Double, size: Double, _ paint: Paint = .ink, anchor: Text.Anchor = .start,
        isBold: Bool = false, isUpright: Bool = false
    ) {
        if text.isEmpty { return }
        shapes.append(
            .text(
                Text(
                    text, at: Point(x, y), size: size, paint, anchor: anchor, isBold: isBold, isUpright: isUpright)))
    }
}

extension Drawing {
    /// Drawings in rows of `columns`, each in the middle of a cell that fits the largest.
    public static func grid(
        _ tiles: [Drawing], columns: Int, gap: Int = 4, background: Paint = .paper
    ) -> Drawing {
        precondition(columns > 0 && gap >= 0, "a grid needs a column and a gap of 0 or more")
        let cell = ImageSize(width: tiles.map(\.size.width).max() ?? 0, height: tiles.map(\.size.height).max() ?? 0)
        let rows = (tiles.count + columns - 1) / columns
        var sheet = Drawing(
            size: ImageSize(
                width: gap + min(columns, max(1, tiles.count)) * (cell.width + gap),
                height: gap + rows * (cell.height + gap)),
            background: background)
        for (index, tile) in tiles.enumerated() {
            let (x, y) = (
                gap + index % columns * (cell.width + gap) + (cell.width - tile.size.width) / 2,
                gap + index / columns * (cell.height + gap) + (cell.height - tile.size.height) / 2
            )
            sheet.place(tile, x: x, y: y)
        }
        return sheet
    }

    /// Adds another drawing in its own size.
    public mutating func place(_ drawing: Drawing, x: Int, y: Int) {
        if drawing.size.pixelCount == 0 { return }
        shapes.append(
            .drawing(
                drawing,
                Rectangle(
                    x: Double(x), y: Double(y), width: Double(drawing.size.width), height: Double(drawing.size.height))
            ))
    }

    /// The same drawing, made smaller until neither side is longer than this.
    public func fitting(_ side: Int) -> Drawing {
        let scale = min(1, Double(side) / Double(max(size.width, size.height, 1)))
        if scale == 1 { return self }
        let small = ImageSize(
            width: max(1, Int((Double(size.width) * scale).rounded())),
            height: max(1, Int((Double(size.height) * scale).rounded())))
        return Drawing(
            size: small, background: nil,
            [
                .drawing(
                    self, Rectangle(x: 0, y: 0, width: Double(small.width), height: Double(small.height)))
            ])
    }
}
