public import Imaging
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
        /// What else the run says about itself: run, arch, iterations, …
        public var details: [JSON.Member]

        /// - Parameter probes: nil for those found beside the run.
        public init(_ record: RunRecord, probes: [(name: String, value: Double)]? = nil) {
            start = record.start
            map = record.meanAveragePrecision
            classes = record.averagePrecisions.map { ($0.name, $0.value) }
            self.probes = probes ?? record.probes
            settings = record.settings
            let names = ["arch", "iterations", "train_images", "test_images", "seconds"]
            details =
                [.init("run", .string(record.folder))] + names.map { .init($0, record.result[$0] ?? .null) }
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
    public private(set) var rows: [Row]

    public init(_ rows: [Row]) {
        func place(_ row: Row) -> Int { row.start == WeightSource.random ? 0 : row.start == "supervised" ? 1 : 2 }
        self.rows = rows.enumerated().sorted { (place($0.1), $0.0) < (place($1.1), $1.0) }.map(\.element)
    }

    /// Every setting beside the weights in which the runs differ: what makes them no fair comparison.
    public var differences: [Difference] { Self.differences(rows.map(\.settings), under: "") }

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
        let differences = differences
        return differences.isEmpty
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

    private static func percent(_ value: Double?) -> String { value.map { (100 * $0).fixed(1) } ?? "–" }

    /// A column for each row, a line for each figure, in percent; below them what the runs differ in.
    public var table: String {
        var lines = [["weights"] + rows.map(\.start)]
        for name in probeNames {
            lines.append([name + " %"] + rows.map { row in Self.percent(row.probes.first { $0.name == name }?.value) })
        }
        lines.append(["mAP %"] + rows.map { Self.percent($0.map) })
        if rows.contains(where: { gap($0) != nil }) {
            lines.append(["  below supervised"] + rows.map { Self.percent(gap($0)) })
        }
        for name in classNames { lines.append(["  AP \(name)"] + rows.map { Self.percent(Self.ap($0, name)) }) }
        let differences = differences
        if !differences.isEmpty {
            lines.append(["not alike:"])
            lines += differences.map { ["  \($0.setting)"] + $0.values.map(Self.short) }
        }
        return textTable(lines)
    }

    /// A line for each row, with a header; fractions, empty where there is no value.
    public var csv: String {
        func field(_ text: String) -> String {
            text.contains { ",\"\n".contains($0) }
                ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
        }
        func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        let header = ["weights", "map", "below_supervised"] + probeNames + classNames.map { "ap_\($0)" }
        let lines = rows.map { row in
            [row.start, number(row.map), number(gap(row))]
                + probeNames.map { name in number(row.probes.first { $0.name == name }?.value) }
                + classNames.map { number(Self.ap(row, $0)) }
        }
        return ([header] + lines).map { $0.map(field).joined(separator: ",") + "\n" }.joined()
    }

    /// An object a row.
    public var json: JSON {
        .array(
            rows.map { row in
                .object(
                    [
                        .init("weights", .string(row.start)), .init("map", Self.json(row.map)),
                        .init("below_supervised", Self.json(gap(row))),
                        .init("probes", .object(row.probes.map { .init($0.name, .number($0.value)) })),
                        .init("ap", .object(row.classes.map { .init($0.name, Self.json($0.ap)) })),
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

    private static func json(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }

    /// Bars by class and for the mean, a colour for each row.
    public var picture: Image {
        let plot = BarPlot(
            title: "Average precision after fine-tuning, by starting weights", yLabel: "AP %",
            groups: classNames + ["mAP"],
            series: rows.map { row in
                BarPlot.Series(
                    row.start,
                    (classNames.map { Self.ap(row, $0) } + [row.map]).map { 100 * ($0 ?? .nan) })
            })
        return plot.render(size: ImageSize(width: max(1400, 110 * (classNames.count + 1)), height: 560))
    }
}
