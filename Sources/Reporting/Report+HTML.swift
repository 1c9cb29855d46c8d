internal import Foundation
internal import Imaging
internal import Support

extension Report {
    /// One page that needs nothing else: pictures lie in it, it holds no script, asks for nothing, and is light or dark as
    /// the reader's screen is. It is well-formed XML, too.
    ///
    /// - Throws: `InputError` for a picture that no PNG file can hold.
    public func html() throws -> String {
        let body = try sections.map { section in
            let heading = section.heading.isEmpty ? "" : "<h2>\(section.heading.html)</h2>\n"
            return "<section>\n\(heading)\(try section.blocks.map { try $0.html() }.joined())</section>\n"
        }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
            <head>
            <meta charset="utf-8"/>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(title.html)</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <h1>\(title.html)</h1>
            \(body)</body>
            </html>

            """
    }

    /// Pictures are drawn on white, which stays white on a dark page.
    private static let style = """
        :root { color-scheme: light dark; --ink: #1f2430; --faint: #6a7080; --paper: #ffffff; --line: #d9dde5; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e4e7ee; --faint: #9aa1b0; --paper: #16181d; --line: #353a45; }
        }
        body { margin: 2rem auto; max-width: 96rem; padding: 0 1.5rem; color: var(--ink); background: var(--paper);
          font: 16px/1.5 system-ui, sans-serif; }
        h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
        p { white-space: pre-line; max-width: 60rem; } p.note { color: var(--faint); margin: .3rem 0; }
        .table { overflow-x: auto; margin: 1rem 0; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        caption { text-align: left; padding-bottom: .4rem; }
        th, td { padding: .2rem .8rem; text-align: left; white-space: pre-wrap; border-bottom: 1px solid var(--line); }
        tbody th { font-weight: normal; } .right { text-align: right; } .missing { color: var(--faint); }
        .figures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
        img { max-width: 100%; height: auto; background: #ffffff; border-radius: 4px; }
        """
}

extension Report.Block {
    fileprivate func html() throws -> String {
        switch self {
        case .paragraph(let text): return "<p>\(text.html)</p>\n"
        case .list(let items): return "<ul>\n\(items.map { "<li>\($0.html)</li>\n" }.joined())</ul>\n"
        case .table(let table): return table.html
        case .figures(let figures):
            return "<div class=\"figures\">\n\(try figures.map { try $0.html() }.joined())</div>\n"
        }
    }
}

extension Figure {
    fileprivate func html() throws -> String {
        let image = render()
        let data = try image.encodedPNG().base64EncodedString()
        return "<img width=\"\(image.width)\" height=\"\(image.height)\" alt=\"\(description.html)\" "
            + "src=\"data:image/png;base64,\(data)\"/>\n"
    }
}

extension Table {
    /// The table, with its caption, in a box that scrolls, and its notes as paragraphs; all text is escaped.
    public var html: String {
        var html = "<div class=\"table\">\n<table>\n"
        if !caption.isEmpty { html += "<caption>\(caption.html)</caption>\n" }
        if hasHeadings {
            let cells = columns.enumerated().map { element("th scope=\"col\"", $1.heading, column: $0) }
            html += "<thead><tr>\(cells.joined())</tr></thead>\n"
        }
        html += "<tbody>\n"
        for row in rows {
            let cells = columns.indices.map { column in
                let (cell, tag) = (column < row.count ? row[column] : nil, column == 0 ? "th scope=\"row\"" : "td")
                return element(
                    tag, cell.map { shown($0, column: column) } ?? "", column: column,
                    isMissing: cell.map { value($0, column: column) == .null } ?? false)
            }
            html += "<tr>\(cells.joined())</tr>\n"
        }
        return html + "</tbody>\n</table>\n</div>\n" + notes.map { "<p class=\"note\">\($0.html)</p>\n" }.joined()
    }

    private func element(_ tag: String, _ text: String, column: Int, isMissing: Bool = false) -> String {
        let classes = (alignment(column) == .right ? ["right"] : []) + (isMissing ? ["missing"] : [])
        let attribute = classes.isEmpty ? "" : " class=\"\(classes.joined(separator: " "))\""
        return "<\(tag)\(attribute)>\(text.html)</\(tag.prefix(2))>"
    }
}
