internal import Experiments
internal import Foundation
internal import Reporting
internal import Support

/// One page of run folders, finished or not.
struct ReportCommand: Command {
    static let name = "report"
    static let summary = "writes one page of run folders: figures, curves, pictures, options, machines; or its tables"
    static let example = "detect-cli report runs/voc-random runs/voc-instance --out voc.html"

    enum Format: String, CaseIterable { case html, md, csv, latex }

    let runs: Option<[String]>
    let out: Option<String?>
    let format: Option<Format>
    let watches: Option<Bool>
    let every: Option<Int>
    let omitsPublished: Option<Bool>

    init(_ parser: ArgumentParser) {
        runs = parser.positionals(
            "RUN", "run folders, or folders that hold some; runs that differ by their seed alone are one row",
            minimum: 1)
        out = parser.output(
            parser.optional(
                "out", "FILE", "where to write it",
                shown: "report.html in the folder of a single run, else in the current one"))
        format = parser.choice(
            "format", "a page, or its tables for a paper: Markdown, CSV, or LaTeX with booktabs", default: .html)
        watches = parser.flag(
            "watch", "write the page anew until all runs are finished; where it is open, it loads itself again")
        every = parser.option("every", "SECONDS", "between two pages with --watch", default: 10, .between(1, 86_400))
        omitsPublished = parser.omitsPublished()
    }

    func run() throws {
        guard !watches.value || format.value == .html else {
            throw UsageError(
                "--watch writes a page, not --format \(format.value.rawValue)", remedy: "leave one of them out")
        }
        let path = out.value ?? usualPath
        try Files.requireWritable(path)
        if watches.value {
            Interruption.watch()
            try write(to: path, isWatched: true)
            print("report: \(path), written anew every \(every.value.counted("second"))")
            fflush(nil)
            while try !write(to: path, isWatched: true) {
                for _ in 0..<every.value * 10 {
                    try Interruption.check()
                    Thread.sleep(forTimeInterval: 0.1)
                }
            }
        } else {
            try write(to: path, isWatched: false)
        }
        print("report: \(path)")
    }

    private var usualPath: String {
        let name = "report.\(format.value == .latex ? "tex" : format.value.rawValue)"
        guard runs.value.count == 1, Files.exists("\(runs.value[0])/config.json") else { return name }
        return "\(runs.value[0])/\(name)"
    }

    /// Whether all runs are finished, so that nothing will change any more.
    @discardableResult
    private func write(to path: String, isWatched: Bool) throws -> Bool {
        var report = try RunReport(runs.value)
        report.showsPublished = !omitsPublished.value
        let isOpen = isWatched && !report.isFinished
        let text =
            switch format.value {
            case .html: try report.html(refreshSeconds: isOpen ? every.value : nil)
            case .md: report.report(pictures: 0).markdown
            case .csv: report.report(pictures: 0).csv
            case .latex: report.report(pictures: 0).latex
            }
        try Files.writeAtomically(text, to: path)
        return !isOpen
    }
}
