extension String {
    /// At most 300 characters, without any that could move a terminal's cursor: names in a file are not to be trusted.
    public var printable: String { String(String.UnicodeScalarView(unicodeScalars.prefix(300))).withoutControls }

    /// With U+FFFD in place of every character that could move a terminal's cursor.
    public var withoutControls: String {
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: text.append("\u{FFFD}")
            default: text.append(scalar)
            }
        }
        return String(text)
    }
}
