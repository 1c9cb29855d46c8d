extension Image {
    /// The size of a line of text, without the background's margin.
    public static func textSize(_ text: String, scale: Int = 1) -> ImageSize {
        ImageSize(
            width: max(0, text.count * Font.advance - 1) * scale, height: Font.glyphHeight * scale)
    }

    /// Draws a line of text in the built-in font; characters outside ASCII show as "?".
    ///
    /// - Parameters:
    ///   - x: the column of the top-left pixel of the first character.
    ///   - y: its row.
    ///   - scale: pixels of the image a pixel of the font takes; capitals are 7 of them high.
    ///   - background: fills the text's rectangle and a margin of one font pixel; nil leaves the image visible.
    public mutating func drawText(
        _ text: String, x: Int, y: Int, color: Color, scale: Int = 1, background: Color? = nil
    ) {
        precondition(scale > 0, "text needs a positive scale")
        if let background {
            let size = Self.textSize(text, scale: scale)
            fill(x: x - scale, y: y - scale, w: size.width + 2 * scale, h: size.height + 2 * scale, color: background)
        }
        var left = x
        for character in text {
            if left >= width { return }
            for (row, bits) in Font.rows(character).enumerated() where bits != 0 {
                for column in 0..<Font.glyphWidth where bits & (16 >> UInt8(column)) != 0 {
                    fill(x: left + column * scale, y: y + row * scale, w: scale, h: scale, color: color)
                }
            }
            left += Font.advance * scale
        }
    }

    /// A line of text running upwards, for the axis on the left; (x, y) is the top-left pixel of the whole.
    public mutating func drawTextUpwards(
        _ text: String, x: Int, y: Int, color: Color, scale: Int, on background: Color
    ) {
        var line = Image(size: Self.textSize(text, scale: scale), color: background)
        line.drawText(text, x: 0, y: 0, color: color, scale: scale)
        var turned = Image(size: ImageSize(width: line.height, height: line.width))
        for row in 0..<line.height {
            for column in 0..<line.width { turned[row, line.width - 1 - column] = line[column, row] }
        }
        paste(turned, x: x, y: y)
    }
}
