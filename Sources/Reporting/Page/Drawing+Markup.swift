internal import Foundation
internal import Graphics
internal import Imaging
internal import Support

extension Drawing {
    /// The drawing as an element of a page, whose colours are the page's and whose text is text; its pictures are left to
    /// `Figure`. Cairo's own SVG knows neither: its letters are outlines that nobody can select or read out.
    func markup(classes: String, label: String, minimumWidth: Int? = nil) -> String {
        let width = minimumWidth.map { " style=\"min-width: \($0)px\"" } ?? ""
        return "<svg class=\"\(classes)\" viewBox=\"0 0 \(size.width) \(size.height)\" role=\"img\" "
            + "aria-label=\"\(label.html)\"\(width)>\n\(shapes.map(\.markup).joined())</svg>\n"
    }
}

extension Drawing.Shape {
    var markup: String {
        switch self {
        case .rectangle(let box, let paint): "<rect\(box.markup) \(paint.fill)/>\n"
        case .outline(let box, let paint, let width):
            "<rect\(box.inset(width / 2).markup) fill=\"none\" \(paint.line(width))/>\n"
        case .line(let points, let paint, let width):
            "<path class=\"line \(paint.lineClass)\" stroke-width=\"\(width.markup)\" d=\"\(points.runs.map(\.path).joined())\"/>\n"
        case .marker(let marker, let point, let radius, let paint):
            if let corners = marker.corners {
                "<path class=\"mark\" style=\"fill: \(paint.css)\" d=\""
                    + corners.map { Drawing.Point(point.x + radius * $0.x, point.y + radius * $0.y) }[...].path
                    + "Z\"/>\n"
            } else {
                "<circle cx=\"\(point.x.markup)\" cy=\"\(point.y.markup)\" r=\"\(radius.markup)\" \(paint.fill)/>\n"
            }
        case .text(let text): text.markup
        case .group(let group):
            "<g\(group.series.map { " class=\"series-\($0)\"" } ?? "")>"
                + (group.title.isEmpty ? "" : "<title>\(group.title.html)</title>")
                + group.shapes.map(\.markup).joined() + "</g>\n"
        case .drawing(let drawing, let box):
            "<g transform=\"translate(\(box.x.markup) \(box.y.markup)) scale(\((box.width / Double(max(1, drawing.size.width))).markup))\">"
                + drawing.shapes.map(\.markup).joined() + "</g>\n"
        case .image: ""
        }
    }
}

extension Drawing.Text {
    fileprivate var markup: String {
        let (x, y) = (point.x.markup, point.y.markup)
        let turn = isUpright ? " transform=\"rotate(-90 \(x) \(y))\"" : ""
        let anchor = anchor == .start ? "" : " text-anchor=\"\(anchor == .middle ? "middle" : "end")\""
        return
            "<text x=\"\(x)\" y=\"\(y)\" font-size=\"\(size.markup)\"\(anchor)\(turn)\(isBold ? " font-weight=\"700\"" : "") "
            + "\(paint.fill)>\(string.html)</text>\n"
    }
}

extension Drawing.Rectangle {
    fileprivate var markup: String {
        " x=\"\(x.markup)\" y=\"\(y.markup)\" width=\"\(max(0, width).markup)\" height=\"\(max(0, height).markup)\""
    }

    fileprivate func inset(_ margin: Double) -> Drawing.Rectangle {
        .init(x: x + margin, y: y + margin, width: width - 2 * margin, height: height - 2 * margin)
    }
}

extension ArraySlice<Drawing.Point> {
    /// The data of a path.
    fileprivate var path: String {
        enumerated().map { "\($0 == 0 ? "M" : "L")\($1.x.markup) \($1.y.markup)" }.joined()
    }
}

extension Paint {
    private var name: String? {
        switch self {
        case .color: nil
        case .ink: "ink"
        case .muted: "muted"
        case .faint: "faint"
        case .paper: "paper"
        case .series(let index): "s\(index)"
        }
    }

    fileprivate var css: String { name.map { "var(--\($0))" } ?? color.hex }
    fileprivate var fill: String { name.map { "class=\"f-\($0)\"" } ?? "fill=\"\(color.hex)\"" }
    fileprivate var lineClass: String { name.map { "l-\($0)" } ?? "" }

    fileprivate func line(_ width: Double) -> String {
        (name.map { "class=\"l-\($0)\"" } ?? "stroke=\"\(color.hex)\"") + " stroke-width=\"\(width.markup)\""
    }
}

extension Double {
    /// With two decimals at most.
    fileprivate var markup: String {
        let rounded = (self * 100).rounded() / 100
        return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
    }
}
