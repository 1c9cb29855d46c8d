extension Report {
    /// As GitHub's Markdown. Of figures it has the description: a picture cannot lie in such a file.
    public var markdown: String {
        (["# \(title.markdown)\n"]
            + sections.flatMap { section in
                (section.heading.isEmpty ? [] : ["## \(section.heading.markdown)\n"]) + section.blocks.map(\.markdown)
            }).joined(separator: "\n")
    }
}

extension Report.Block {
    fileprivate var markdown: String {
        switch self {
        case .paragraph(let text): text.markdown + "\n"
        case .list(let items): items.map { "- \($0.markdownCell)\n" }.joined()
        case .table(let table): table.markdown
        case .figures(let figures): figures.map { "*\($0.description.markdownCell)*\n" }.joined(separator: "\n")
        case .details(let summary, let blocks):
            (["**\(summary.markdownCell)**\n"] + blocks.map(\.markdown)).joined(separator: "\n")
        }
    }
}
