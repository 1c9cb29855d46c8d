public import Support

/// A file that a report is written to; the ending of its name says how.
public struct ReportFile: OptionValue, Hashable, Sendable {
    /// By the ending of a name.
    private enum Format: String { case html, md, csv, tex }

    public let path: String
    private let format: Format

    /// nil for a name that does not end in .html, .md, .csv or .tex.
    public init?(argument: String) {
        guard let format = Format(rawValue: argument.fileExtension.lowercased()) else { return nil }
        path = argument
        self.format = format
    }

    public static var kind: String { "a file name that ends in .html, .md, .csv or .tex" }
    public var argument: String { path }

    /// Writes the page, the Markdown text, or the tables alone; an interrupted write leaves no partial file.
    public func write(_ report: Report) throws {
        let text =
            switch format {
            case .html: try report.html()
            case .md: report.markdown
            case .csv: report.csv
            case .tex: report.latex
            }
        try Files.writeAtomically(text, to: path)
    }
}
