internal import CPango

/// Lines of text: set by Pango, which finds a font for every script and joins and orders letters as it needs; without any
/// font of the system, by letters that Cairo has built in, which are ASCII's.
public enum Lettering {
    /// Whether the system has a font.
    public static let hasFonts: Bool = {
        let context = CairoContext.measuring()
        let layout = Layout("x", size: 12, isBold: false, context)
        return pango_layout_get_unknown_glyphs_count(layout.pointer) == 0
    }()

    /// The width of a line of text in units.
    public static func width(_ text: String, size: Double, isBold: Bool = false) -> Double {
        if text.isEmpty { return 0 }
        let context = CairoContext.measuring()
        guard hasFonts else {
            context.selectBuiltIn(size: size, isBold: isBold)
            var extents = cairo_text_extents_t()
            cairo_text_extents(context.pointer, text, &extents)
            return extents.x_advance
        }
        return Layout(text, size: size, isBold: isBold, context).width
    }

    /// The text, or as much of its beginning as fits with "…" behind it.
    public static func fitted(_ text: String, width limit: Double, size: Double) -> String {
        if width(text, size: size) <= limit { return text }
        var (low, high) = (0, text.count)
        // The longest beginning that fits lies in low ..< high.
        while high - low > 1 {
            let middle = (low + high) / 2
            if width(text.prefix(middle) + "…", size: size) <= limit { low = middle } else { high = middle }
        }
        return text.prefix(low) + "…"
    }

    /// From the baseline up to the middle of capitals, for text of this size: what text is centred by.
    public static func middle(_ size: Double) -> Double { 0.36 * size }

    /// The room that a line of this size takes with what rises above capitals and hangs below the baseline.
    public static func lineHeight(_ size: Double) -> Double { 1.3 * size }
}

/// A line of text that Pango has set.
struct Layout: ~Copyable {
    let pointer: OpaquePointer

    init(_ text: String, size: Double, isBold: Bool, _ context: borrowing CairoContext) {
        pointer = pango_cairo_create_layout(context.pointer)
        let font = pango_font_description_new()
        pango_font_description_set_family_static(font, "sans-serif")
        pango_font_description_set_weight(font, isBold ? 700 : 400)
        pango_font_description_set_absolute_size(font, size * Double(PANGO_SCALE))
        pango_layout_set_font_description(pointer, font)
        pango_font_description_free(font)
        // Nothing breaks a line.
        pango_layout_set_single_paragraph_mode(pointer, 1)
        pango_layout_set_text(pointer, text, -1)
    }

    deinit { g_object_unref(UnsafeMutableRawPointer(pointer)) }

    var width: Double {
        var (width, height): (Int32, Int32) = (0, 0)
        pango_layout_get_size(pointer, &width, &height)
        return Double(width) / Double(PANGO_SCALE)
    }

    /// From the top to the baseline.
    var baseline: Double { Double(pango_layout_get_baseline(pointer)) / Double(PANGO_SCALE) }
}
