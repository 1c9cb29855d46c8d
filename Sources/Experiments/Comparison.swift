public import Backbone
public import Reporting
public import Support

/// Detectors that were trained alike from different weights, beside each other; and where they were not trained alike.
public struct Comparison: Sendable {
    /// One of them.
    public struct Row: Sendable {
        /// What the weights learnt from: random, supervised, instance, …
        public var start: String
        public var map: Double?
        /// By class, in the order of the evaluation.
        public var classes: [(name: String, ap: Double?)]
        /// Accuracies of probes of the same weights, as fractions.
        public var probes: [(name: String, value: Double)]
        /// Everything that shaped the result but the weights.
        public var settings: JSON
        public var architecture: Architecture?
        /// What else the run says about itself: run, arch, iterations, …
        public var details: [JSON.Member]
        /// What published figures can stand beside: the mAP, and what probes said of the weights.
        public var measured: [PublishedTable.Measured]

        /// - Parameter probes: nil for those found beside the run.
        public init(_ record: RunRecord, probes: [(name: String, value: Double)]? = nil) {
            start = record.start
            map = record.meanAveragePrecision
            classes = record.averagePrecisions.map { ($0.name, $0.value) }
            let found = probes == nil ? record.probes : []
            self.probes = probes ?? found.map { ($0.name, $0.value) }
            settings = record.settings
            architecture = record.architecture
            let names = ["arch", "iterations", "train_images", "test_images", "seconds"]
            details =
                [.init("run", .string(record.folder))] + names.map { .init($0, record.result[$0] ?? .null) }
            measured = (record.measured.map { [$0] } ?? []) + found.compactMap(\.measured)
        }
    }

    /// A setting that is not the same in all rows.
    public struct Difference: Hashable, Sendable {
        /// As the configuration calls it: "detector.short_side".
        public var setting: String
        /// One a row, as JSON; "–" where a run does not say.
        public var values: [String]

        var text: String { "\(setting): \(values.map(Comparison.short).joined(separator: ", "))" }
    }

    /// Random first, then supervised, then what learnt without labels.
    public let rows: [Row]
    /// Every setting beside the weights in which the runs differ: what makes them no fair comparison.
    public let differences: [Difference]

    public init(_ rows: [Row]) {
        func place(_ row: Row) -> Int { row.start == WeightSource.random ? 0 : row.start == "supervised" ? 1 : 2 }
        self.rows = rows.enumerated().sorted { (place($0.1), $0.0) < (place($1.1), $1.0) }.map(\.element)
        differences = Self.differences(self.rows.map(\.settings), under: "")
    }

    /// nil where a run does not say. What some runs lack as a whole is one difference.
    private static func differences(_ values: [JSON?], under name: String) -> [Difference] {
        let members = values.map { $0?.members ?? [] }
        guard members.allSatisfy({ !$0.isEmpty }) else {
            let texts = values.map { $0.map { $0 == .null ? "none" : $0.stringValue ?? $0.line } ?? "–" }
            return Set(texts).count > 1 ? [Difference(setting: name, values: texts)] : []
        }
        return members.flatMap { $0.map(\.name) }.distinct.flatMap { member in
            differences(values.map { $0?[member] }, under: name.isEmpty ? member : "\(name).\(member)")
        }
    }

    /// What makes it no fair comparison, in a sentence; nil for runs that are alike.
    public var unfairness: String? {
        differences.isEmpty
            ? nil : "differ in more than their weights: \(differences.map(\.text).joined(separator: "; "))"
    }

    /// Every class of any row, in the order of their first appearance.
    public var classNames: [String] { rows.flatMap { $0.classes.map(\.name) }.distinct }

    private var probeNames: [String] { rows.flatMap { $0.probes.map(\.name) }.distinct }

    /// mAP of the supervised row minus that of `row`; nil where one is missing.
    public func gap(_ row: Row) -> Double? {
        guard let supervised = rows.first(where: { $0.start == "supervised" })?.map, let map = row.map else {
            return nil
        }
        return supervised - map
    }

    private static func ap(_ row: Row, _ name: String) -> Double? { row.classes.first { $0.name == name }?.ap ?? nil }

    /// Lists of classes and the like would make a column as wide as a screen.
    fileprivate static func short(_ text: String) -> String { text.count > 24 ? "\(text.prefix(23))…" : text }

    /// What papers say of the same tasks and networks.
    public var published: [PublishedTable] { PublishedTable.beside(rows.flatMap(\.measured)) }

    /// The figures, what the runs differ in, average precisions as bars, and what papers say.
    public func report(withPublished: Bool = true) -> Report {
        let bars = BarPlot(
            title: "Average precision after fine-tuning, by starting weights", yLabel: "AP %",
            groups: classNames + ["mAP"],
            series: rows.map { row in
                .init(row.start, (classNames.map { Self.ap(row, $0) } + [row.map]).map { 100 * ($0 ?? .nan) })
            })
        var report = Report(
            "Comparison of starting weights", [.table(table), .figure(.bars(bars, size: bars.wideSize))])
        if withPublished { report.sections += published.sections }
        return report
    }

    /// A column for each row, a line for each figure, in percent; below them what the runs differ in.
    private var table: Table {
        func line(_ name: String, _ value: (Row) -> Double?) -> [Table.Cell] {
            [.text(name)] + rows.map { .number(value($0)) }
        }
        var lines = probeNames.map { name in line("\(name) %") { $0.probes.first { $0.name == name }?.value } }
        lines.append(line("mAP %", \.map))
        if rows.contains(where: { gap($0) != nil }) { lines.append(line("  below supervised", gap)) }
        lines += classNames.map { name in line("  AP \(name)") { Self.ap($0, name) } }
        if !differences.isEmpty { lines.append(["not alike:"]) }
        lines += differences.map { [.text("  \($0.setting)")] + $0.values.map { .text(Self.short($0)) } }
        let count = differences.count
        let note = "note: the runs differ in \(count.counted("setting")) beside their weights, below \"not alike\""
        return Table(
            [.text("weights")] + rows.map { .percent($0.start, decimals: 1) }, lines, notes: count > 0 ? [note] : [])
    }

    /// A line for each row, with a header; fractions, empty where there is no value.
    public var csv: String {
        let names = ["map", "below_supervised"] + probeNames + classNames.map { "ap_\($0)" }
        return Table(
            [.text("weights")] + names.map { .number($0) },
            rows.map { row in
                [.text(row.start), .number(row.map), .number(gap(row))]
                    + probeNames.map { name in .number(row.probes.first { $0.name == name }?.value) }
                    + classNames.map { .number(Self.ap(row, $0)) }
            }
        ).csv
    }

    /// An object a row.
    public var json: JSON {
        .array(
            rows.map { row in
                .object(
                    [
                        .init("weights", .string(row.start)), .init("map", JSON(row.map)),
                        .init("below_supervised", JSON(gap(row))),
                        .init("probes", .object(row.probes.map { .init($0.name, .number($0.value)) })),
                        .init("ap", .object(row.classes.map { .init($0.name, JSON($0.ap)) })),
                    ] + row.details)
            })
    }

    /// `[{"setting": NAME, "values": [one a row]}]`
    public var differencesJSON: JSON {
        .array(
            differences.map {
                ["setting": .string($0.setting), "values": .array($0.values.map { .string($0) })]
            })
    }
}
