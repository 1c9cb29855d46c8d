internal import Foundation
internal import Support

extension Report {
    /// One page that needs nothing else and asks for nothing: pictures lie in it, its one script is its own, and it is light or
    /// dark as the reader's screen is. Tables can be sorted, curves read and hidden; without scripts it is a page all the same.
    /// It is well-formed XML, too.
    ///
    /// - Parameter refreshSeconds: The page loads itself again after so long, for a report that is written anew; nil for never.
    /// - Throws: `InputError` for a picture that no PNG file can hold.
    public func html(refreshSeconds: Int? = nil) throws -> String {
        let headings = sections.filter { !$0.heading.isEmpty }
        let body = try sections.enumerated().map { index, section in
            let heading = section.heading.isEmpty ? "" : "<h2 id=\"s\(index)\">\(section.heading.html)</h2>\n"
            return "<section>\n\(heading)\(try section.blocks.map { try $0.html() }.joined())</section>\n"
        }.joined()
        let links = sections.enumerated().filter { !$0.element.heading.isEmpty }.map { index, section in
            "<li><a href=\"#s\(index)\">\(section.heading.html)</a></li>"
        }
        let refresh = refreshSeconds.map { "<meta http-equiv=\"refresh\" content=\"\($0)\"/>\n" } ?? ""
        return """
            <!DOCTYPE html>
            <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
            <head>
            <meta charset="utf-8"/>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-\(PageScript.hash)'"/>
            \(refresh)<meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(title.html)</title>
            <style>
            \(PageStyle.text(seriesCount: seriesCount))
            </style>
            </head>
            <body>
            <header>
            <h1>\(title.html)</h1>
            </header>
            \(headings.count > 2 ? "<nav aria-label=\"Sections\"><ul>\(links.joined())</ul></nav>\n" : "")<main>
            \(body)</main>
            <script>\(PageScript.text)</script>
            </body>
            </html>

            """
    }

    /// Most series in one figure.
    private var seriesCount: Int { sections.flatMap(\.blocks).map(\.seriesCount).max() ?? 0 }
}

extension Report.Block {
    fileprivate var seriesCount: Int {
        switch self {
        case .figures(let figures): figures.map(\.seriesCount).max() ?? 0
        case .details(_, let blocks): blocks.map(\.seriesCount).max() ?? 0
        case .paragraph, .list, .table: 0
        }
    }

    fileprivate func html() throws -> String {
        switch self {
        case .paragraph(let text): return "<p>\(text.html)</p>\n"
        case .list(let items): return "<ul>\n\(items.map { "<li>\($0.html)</li>\n" }.joined())</ul>\n"
        case .table(let table): return table.html
        case .figures(let figures):
            return "<div class=\"figures\">\n\(try figures.map { try $0.html() }.joined())</div>\n"
        case .details(let summary, let blocks):
            let inside = try blocks.map { try $0.html() }.joined()
            return "<details>\n<summary>\(summary.html)</summary>\n\(inside)</details>\n"
        }
    }
}

extension Table {
    /// The table, with its caption, in a box that scrolls, and its notes as paragraphs; all text is escaped.
    public var html: String {
        // The box takes the keyboard's focus, because it may have to be scrolled.
        let name =
            caption.isEmpty ? columns.map(\.heading).filter { !$0.isEmpty }.prefix(3).joined(separator: ", ") : caption
        var html = "<div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"Table: \(name.html)\">\n"
        html += isSortable ? "<table class=\"sortable\">\n" : "<table>\n"
        if !caption.isEmpty { html += "<caption>\(caption.html)</caption>\n" }
        if hasHeadings {
            let cells = columns.enumerated().map {
                element($1.heading.isEmpty ? "td" : "th scope=\"col\"", $1.heading.html, column: $0)
            }
            html += "<thead><tr>\(cells.joined())</tr></thead>\n"
        }
        html += "<tbody>\n"
        for (index, row) in rows.enumerated() {
            let cells = columns.indices.map { column in
                let (cell, tag) = (column < row.count ? row[column] : nil, column == 0 ? "th scope=\"row\"" : "td")
                let text = cell.map { shown($0, column: column).html } ?? ""
                return element(
                    tag, isBest(row: index, column: column) ? "<strong>\(text)</strong>" : text, column: column,
                    value: cell.map { value($0, column: column) })
            }
            html += "<tr>\(cells.joined())</tr>\n"
        }
        return html + "</tbody>\n</table>\n</div>\n" + notes.map { "<p class=\"note\">\($0.html)</p>\n" }.joined()
    }

    /// Rows that mean something only below others stay where they are.
    private var isSortable: Bool {
        hasHeadings && rows.count > 1
            && !rows.contains {
                if case .text(let text)? = $0.first { text.hasPrefix(" ") } else { false }
            }
    }

    private func element(_ tag: String, _ content: String, column: Int, value: JSON? = nil) -> String {
        let classes =
            (alignment(column) == .right ? ["right"] : []) + (value == JSON.null ? ["missing"] : [])
            + (columns[column].kind == .text && alignment(column) == .left && column > 0 ? ["words"] : [])
        var attributes = classes.isEmpty ? "" : " class=\"\(classes.joined(separator: " "))\""
        if let number = value?.doubleValue { attributes += " data-value=\"\(number)\"" }
        return "<\(tag)\(attributes)>\(content)</\(tag.prefix(2))>"
    }
}
