internal import CPango
internal import Imaging

/// Where shapes are drawn: pixels, a PDF page or an SVG file.
struct CairoContext: ~Copyable {
    let pointer: OpaquePointer
    private let surface: OpaquePointer

    /// Takes the surface over.
    init(owning surface: OpaquePointer) {
        self.surface = surface
        pointer = cairo_create(surface)
    }

    deinit {
        cairo_destroy(pointer)
        cairo_surface_destroy(surface)
    }

    /// For text that is only measured, without the rounding of widths to pixels.
    static func measuring() -> CairoContext {
        CairoContext(owning: cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, nil))
    }

    func selectBuiltIn(size: Double, isBold: Bool) {
        cairo_select_font_face(
            pointer, "sans-serif", CAIRO_FONT_SLANT_NORMAL, isBold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
        cairo_set_font_size(pointer, size)
    }

    func draw(_ drawing: Drawing) {
        if let background = drawing.background {
            fill(
                .init(x: 0, y: 0, width: Double(drawing.size.width), height: Double(drawing.size.height)), background)
        }
        for shape in drawing.shapes { draw(shape) }
    }

    private func draw(_ shape: Drawing.Shape) {
        switch shape {
        case .rectangle(let rectangle, let paint): fill(rectangle, paint)
        case .outline(let rectangle, let paint, let width):
            let line = min(width, rectangle.width, rectangle.height)
            guard rectangle.isDrawable, line > 0 else { return }
            use(paint)
            cairo_set_line_width(pointer, line)
            cairo_set_line_join(pointer, CAIRO_LINE_JOIN_MITER)
            path(
                .init(
                    x: rectangle.x + line / 2, y: rectangle.y + line / 2, width: rectangle.width - line,
                    height: rectangle.height - line))
            cairo_stroke(pointer)
        case .line(let points, let paint, let width): stroke(points, paint, width: width)
        case .marker(let marker, let point, let radius, let paint): mark(marker, point, radius, paint)
        case .text(let text): write(text)
        case .image(let image, let rectangle): paste(image, rectangle)
        case .drawing(let drawing, let rectangle):
            let (width, height) = (Double(drawing.size.width), Double(drawing.size.height))
            guard width > 0, height > 0, rectangle.isDrawable else { return }
            cairo_save(pointer)
            cairo_translate(pointer, rectangle.x, rectangle.y)
            cairo_scale(pointer, rectangle.width / width, rectangle.height / height)
            cairo_rectangle(pointer, 0, 0, width, height)
            cairo_clip(pointer)
            draw(drawing)
            cairo_restore(pointer)
        case .group(let group): for shape in group.shapes { draw(shape) }
        }
    }

    private func use(_ paint: Paint) {
        let color = paint.color
        cairo_set_source_rgb(
            pointer, Double(color.red) / 255, Double(color.green) / 255, Double(color.blue) / 255)
    }

    /// Within what Cairo's numbers of 24 bits before the point can hold.
    private func path(_ rectangle: Drawing.Rectangle) {
        func bounded(_ value: Double) -> Double { min(max(value, -100_000), 100_000) }
        let (left, top) = (bounded(rectangle.x), bounded(rectangle.y))
        cairo_rectangle(
            pointer, left, top, bounded(rectangle.x + rectangle.width) - left,
            bounded(rectangle.y + rectangle.height) - top)
    }

    private func fill(_ rectangle: Drawing.Rectangle, _ paint: Paint) {
        guard rectangle.isDrawable else { return }
        use(paint)
        path(rectangle)
        cairo_fill(pointer)
    }

    private func stroke(_ points: [Drawing.Point], _ paint: Paint, width: Double) {
        use(paint)
        cairo_set_line_width(pointer, width)
        cairo_set_line_join(pointer, CAIRO_LINE_JOIN_ROUND)
        cairo_set_line_cap(pointer, CAIRO_LINE_CAP_ROUND)
        for run in points.runs {
            cairo_new_sub_path(pointer)
            // The first begins the line; a line to its own start is a dot, with round ends.
            for point in run.count == 1 ? run + run : run { cairo_line_to(pointer, point.x, point.y) }
        }
        cairo_stroke(pointer)
    }

    private func mark(_ marker: Drawing.Marker, _ point: Drawing.Point, _ radius: Double, _ paint: Paint) {
        guard point.isFinite else { return }
        use(paint)
        guard let corners = marker.corners else {
            cairo_arc(pointer, point.x, point.y, radius, 0, 2 * .pi)
            cairo_fill(pointer)
            return
        }
        for (index, corner) in corners.enumerated() {
            let (x, y) = (point.x + radius * corner.x, point.y + radius * corner.y)
            if index == 0 { cairo_move_to(pointer, x, y) } else { cairo_line_to(pointer, x, y) }
        }
        cairo_close_path(pointer)
        cairo_fill(pointer)
    }

    private func write(_ text: Drawing.Text) {
        guard text.point.isFinite, text.size > 0 else { return }
        cairo_save(pointer)
        use(text.paint)
        cairo_translate(pointer, text.point.x, text.point.y)
        if text.isUpright { cairo_rotate(pointer, -.pi / 2) }
        let width =
            text.anchor == .start ? 0 : Lettering.width(text.string, size: text.size, isBold: text.isBold)
        let left = text.anchor == .start ? 0 : text.anchor == .middle ? -width / 2 : -width
        if Lettering.hasFonts {
            let layout = Layout(text.string, size: text.size, isBold: text.isBold, self)
            cairo_move_to(pointer, left, -layout.baseline)
            pango_cairo_show_layout(pointer, layout.pointer)
        } else {
            selectBuiltIn(size: text.size, isBold: text.isBold)
            cairo_move_to(pointer, left, 0)
            cairo_show_text(pointer, text.string)
        }
        // Where text ends nothing that follows begins.
        cairo_new_path(pointer)
        cairo_restore(pointer)
    }

    private func paste(_ image: Image, _ rectangle: Drawing.Rectangle) {
        guard image.size.pixelCount > 0, rectangle.isDrawable else { return }
        guard
            let source = cairo_image_surface_create(
                CAIRO_FORMAT_RGB24, Int32(clamping: image.width), Int32(clamping: image.height)),
            let data = cairo_image_surface_get_data(source)
        else { return }
        let stride = Int(cairo_image_surface_get_stride(source))
        image.pixels.withUnsafeBufferPointer { pixels in
            for y in 0..<image.height {
                let row = UnsafeMutableRawPointer(data + y * stride).assumingMemoryBound(to: UInt32.self)
                for x in 0..<image.width {
                    let i = 3 * (y * image.width + x)
                    row[x] = UInt32(pixels[i]) << 16 | UInt32(pixels[i + 1]) << 8 | UInt32(pixels[i + 2])
                }
            }
        }
        cairo_surface_mark_dirty(source)
        cairo_save(pointer)
        cairo_translate(pointer, rectangle.x, rectangle.y)
        cairo_scale(pointer, rectangle.width / Double(image.width), rectangle.height / Double(image.height))
        cairo_set_source_surface(pointer, source, 0, 0)
        cairo_pattern_set_extend(cairo_get_source(pointer), CAIRO_EXTEND_PAD)
        // Pixels stay pixels unless there is no room for them all.
        var (x, y) = (1.0, 1.0)
        cairo_user_to_device_distance(pointer, &x, &y)
        cairo_pattern_set_filter(
            cairo_get_source(pointer), min(abs(x), abs(y)) < 1 ? CAIRO_FILTER_BEST : CAIRO_FILTER_NEAREST)
        cairo_rectangle(pointer, 0, 0, Double(image.width), Double(image.height))
        cairo_fill(pointer)
        cairo_restore(pointer)
        cairo_surface_destroy(source)
    }
}

extension Drawing.Rectangle {
    fileprivate var isDrawable: Bool {
        x.isFinite && y.isFinite && width.isFinite && height.isFinite && width > 0 && height > 0
    }
}

extension [Drawing.Point] {
    /// Finite points that follow each other.
    package var runs: [ArraySlice<Drawing.Point>] { split { !$0.isFinite } }
}

extension Drawing.Marker {
    /// Of a marker of radius 1 around (0, 0); nil for the circle.
    package var corners: [Drawing.Point]? {
        switch self {
        case .circle: nil
        case .square: [.init(-0.85, -0.85), .init(0.85, -0.85), .init(0.85, 0.85), .init(-0.85, 0.85)]
        case .triangle: [.init(0, -1.1), .init(1.1, 0.85), .init(-1.1, 0.85)]
        case .diamond: [.init(0, -1.25), .init(1.25, 0), .init(0, 1.25), .init(-1.25, 0)]
        case .wedge: [.init(-1.1, -0.85), .init(1.1, -0.85), .init(0, 1.1)]
        case .cross:
            [
                .init(-1.1, -0.6), .init(-0.6, -1.1), .init(0, -0.5), .init(0.6, -1.1), .init(1.1, -0.6), .init(0.5, 0),
                .init(1.1, 0.6), .init(0.6, 1.1), .init(0, 0.5), .init(-0.6, 1.1), .init(-1.1, 0.6), .init(-0.5, 0),
            ]
        }
    }
}
