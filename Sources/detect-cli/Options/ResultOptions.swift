internal import Distributed
internal import Glibc
package import Reporting
package import Support

/// Options of every command that measures something: where the results go beside the terminal.
package struct ResultOptions {
    private let json: Option<String?>
    private let file: Option<ReportFile?>

    package init(_ parser: ArgumentParser) {
        json = parser.json()
        file = parser.output(
            parser.optional(
                "report", "FILE",
                "write tables and figures there, too, as the name ends: a page (.html), Markdown (.md), tables alone (.csv, .tex)"
            ))
    }

    /// Prints the report, at once also where the output is a pipe, and writes what was asked for.
    ///
    /// - Parameter first: The first section that was not printed before.
    package func deliver(_ report: Report, _ json: @autoclosure () -> JSON, from first: Int = 0) throws {
        // Of several processes one says what all have come to.
        if Program.world?.isLeader == false { return }
        let news = Report(report.title, sections: Array(report.sections.dropFirst(first)))
        print(first > 0 ? "\n\(news.text)" : news.text, terminator: "")
        fflush(nil)
        try write(report, json())
    }

    /// Writes what was asked for.
    package func write(_ report: Report, _ json: @autoclosure () -> JSON) throws {
        try self.json.write(json())
        try file.value?.write(report)
    }
}
