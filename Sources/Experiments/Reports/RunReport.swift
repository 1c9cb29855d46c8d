internal import Foundation
public import Reporting
internal import Support

/// One report of finished runs, and of runs that still go on: figures, curves, pictures, options, machines.
///
/// Runs that differ by their seed alone are one row, mean ± standard deviation.
public struct RunReport {
    public let runs: [RunFiles]
    let groups: [RunGroup]
    /// Puts what papers say beside what was measured.
    public var showsPublished = true

    /// - Throws: `InputError` naming a folder that holds no run, or a file in it that cannot be read.
    public init(_ folders: [String]) throws {
        runs = try RunFiles.find(folders)
        let groups = RunGroup.group(runs)
        // Detectors in the order of comparisons: random weights, supervised ones, the others.
        func place(_ group: RunGroup) -> Int {
            let run = group.runs[0]
            guard run.command == "finetune" else { return 0 }
            return run.subject == WeightSource.random ? 0 : run.subject == "supervised" ? 1 : 2
        }
        self.groups = groups.enumerated().sorted { (place($0.1), $0.0) < (place($1.1), $1.0) }.map(\.element)
    }

    /// Whether none of the runs goes on.
    public var isFinished: Bool { runs.allSatisfy(\.isFinished) }

    /// Most bytes of a page: what may be sent by mail.
    private static let pageLimit = 9_500_000

    /// The page; it holds as many pictures as there is room for.
    ///
    /// - Parameter refreshSeconds: The page loads itself again after so long.
    public func html(refreshSeconds: Int? = nil) throws -> String {
        var page = ""
        for pictures in [12, 6, 3, 1, 0] {
            page = try report(pictures: pictures).html(refreshSeconds: refreshSeconds)
            if page.utf8.count <= Self.pageLimit { break }
        }
        return page
    }

    /// - Parameter pictures: Most pictures of one kind and run; 0 for none.
    public func report(pictures: Int = 12) -> Report {
        let commands = groups.map { $0.runs[0].command }.distinct
        var report = Report(title, [.paragraph(summary)])
        report.sections.append(.init("Results", commands.flatMap(results)))
        if showsPublished { report.sections += PublishedTable.beside(runs.compactMap(measured)).sections }
        let detectors = groups.filter { $0.runs[0].command == "finetune" }
        if !detectors.isEmpty {
            let blocks = Self.detection(detectors)
            if !blocks.isEmpty { report.sections.append(.init("Detection", blocks)) }
        }
        let curves = commands.flatMap { command in
            Self.curves(groups.filter { $0.runs[0].command == command }, command, isAlone: commands.count == 1)
        }
        if !curves.isEmpty { report.sections.append(.init("Curves", curves)) }
        let images = pictures > 0 ? self.images(atMost: pictures) : []
        if !images.isEmpty { report.sections.append(.init("Pictures", images)) }
        report.sections.append(.init("Options", options))
        report.sections.append(.init("Machine and cost", machines))
        return report
    }

    private var title: String {
        let subjects = groups.map(\.label).distinct
        let commands = runs.map(\.command).distinct.joined(separator: ", ")
        return runs.count == 1
            ? "\(commands): \(subjects[0]), \(runs[0].folder.fileName)"
            : "\(commands): \(subjects.prefix(6).joined(separator: ", "))\(subjects.count > 6 ? ", …" : "")"
    }

    private var summary: String {
        let open = runs.filter { !$0.isFinished }.map { run in
            "\(run.folder) is not finished\(run.lastStep.map { ": step \($0)" } ?? "")"
        }
        let several = groups.contains { $0.runs.count > 1 }
        let lines =
            [
                "\(runs.count.counted("run")), read on \(Date().formatted(.iso8601.year().month().day())) by detect-cli \(Toolkit.version).",
                several ? "Runs that differ by their seed alone are one row: mean ± standard deviation." : "",
                groups.count > 1 ? "The best of a column or row is bold." : "",
            ].filter { !$0.isEmpty } + open
        return lines.joined(separator: "\n")
    }

    /// To stand beside published figures; nil for a run that has none.
    private func measured(_ run: RunFiles) -> PublishedTable.Measured? {
        guard let result = run.result else { return nil }
        return run.command == "finetune"
            ? (try? RunRecord(run.folder))?.measured : .init(probe: result, source: run.folder)
    }

    // MARK: Results

    /// A column of a table of results.
    private struct Column {
        var heading: String
        var kind: Table.Kind
        /// nil where neither end is better.
        var isHighestBest: Bool?
        var value: (RunFiles) -> Double?

        init(_ heading: String, _ kind: Table.Kind, best: Bool? = nil, _ value: @escaping (RunFiles) -> Double?) {
            self.heading = heading
            self.kind = kind
            isHighestBest = best
            self.value = value
        }
    }

    private static let percent = Table.Kind.percent(decimals: 1, hasSign: false)

    private func results(_ command: String) -> [Report.Block] {
        let groups = groups.filter { $0.runs[0].command == command }
        let minutes = Column("minutes", .number(decimals: 1)) { $0.seconds.map { $0 / 60 } }
        let speed = Column("images/s", .number(decimals: 1)) { $0.result?["images_per_second"]?.doubleValue }
        func last(_ run: RunFiles, _ name: String) -> Double? {
            run.metrics.last { $0[name]?.doubleValue != nil }?[name]?.doubleValue
        }
        var columns: [Column]
        var figures: [Report.Block] = []
        switch command {
        case "pretrain":
            columns = [
                Column("kNN top-1 %", Self.percent, best: true) {
                    $0.result?["knn"]?["top1"]?.doubleValue ?? last($0, "knn_top1")
                },
                Column("loss", .number(decimals: 3)) { $0.result?["loss"]?.doubleValue ?? last($0, "loss") },
                Column("epochs", .number(decimals: 0)) { last($0, "epoch") }, speed, minutes,
            ]
        case "probe linear":
            let layers = groups.flatMap { $0.runs.flatMap(Self.layers) }.map(\.name).distinct
            columns =
                layers.map { layer in
                    Column("\(layer) %", Self.percent, best: true) { run in
                        Self.layers(run).first { $0.name == layer }?.top1
                    }
                } + [minutes]
            if layers.count > 1 { figures = [.figure(Self.profile(groups, layers))] }
        case "finetune":
            columns = [Column("mAP %", Self.percent, best: true) { $0.result?["map"]?.doubleValue }]
            for (name, heading) in [("ap50", "AP50 %"), ("ap75", "AP75 %"), ("ap50_95", "AP50:95 %")]
            where groups.contains(where: { $0.runs.contains { $0.evaluation?[name]?.doubleValue != nil } }) {
                columns.append(Column(heading, Self.percent, best: true) { $0.evaluation?[name]?.doubleValue })
            }
            columns += [
                Column("steps", .number(decimals: 0)) { $0.lastStep.map(Double.init) },
                Column("s a test image", .number(decimals: 3)) { $0.result?["test_seconds_per_image"]?.doubleValue },
                speed, minutes,
            ]
        default:
            // Of other commands every number that the result holds by itself.
            let names = groups.flatMap { $0.runs.flatMap { ($0.result?.members ?? []) } }.filter {
                $0.value.doubleValue != nil
            }.map(\.name).distinct
            columns = names.map { name in Column(name, .number(decimals: nil)) { $0.result?[name]?.doubleValue } }
        }
        columns = columns.filter { column in groups.contains { !$0.values(column.value).isEmpty } }
        let hasSeeds = groups.contains { $0.runs.count > 1 }
        var table = Table(
            [.text(command == "pretrain" ? "method" : "weights"), .text("network", alignment: .left)]
                + (hasSeeds ? [.number("runs")] : []) + columns.map { .init($0.heading, $0.kind) },
            groups.map { group in
                [.text(group.label), .text(group.runs[0].architecture)]
                    + (hasSeeds ? [.integer(group.runs.count)] : []) + columns.map { group.cell($0.value) }
            }, caption: command)
        for (index, column) in columns.enumerated() {
            guard let isHighest = column.isHighestBest else { continue }
            table.markBest(column: index + (hasSeeds ? 3 : 2), isHighest: isHighest)
        }
        return [.table(table)] + figures
    }

    /// What linear classifiers of a run came to, layer by layer.
    private static func layers(_ run: RunFiles) -> [(name: String, top1: Double?)] {
        (run.result?["layers"]?.arrayValue ?? []).compactMap { layer in
            layer["layer"]?.stringValue.map { ($0, layer["top1"]?.doubleValue) }
        }
    }

    /// Accuracy over the depth of the layer.
    private static func profile(_ groups: [RunGroup], _ layers: [String]) -> Figure {
        var plot = LinePlot(
            title: "Linear classifiers by layer", xLabel: "layer", yLabel: "top-1 %",
            series: groups.map { group in
                let points = layers.enumerated().compactMap { index, layer in
                    group.values { run in Self.layers(run).first { $0.name == layer }?.top1 }.mean.map {
                        (Double(index), 100 * $0)
                    }
                }
                return .init(group.label, x: points.map(\.0), y: points.map(\.1))
            })
        plot.xNames = layers
        return .line(plot)
    }
}
