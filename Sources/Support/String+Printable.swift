extension String {
    /// At most 300 characters, without any that could move a terminal's cursor: names in a file are not to be trusted.
    public var printable: String {
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(300) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: text.append("\u{FFFD}")
            default: text.append(scalar)
            }
        }
        return String(text)
    }
}
