internal import Imaging
internal import Support
internal import VOCData

/// Detectors that were trained alike from different weights, beside each other.
struct Comparison {
    struct Row {
        /// What the weights learnt from: random, supervised, instance, …
        var start: String
        var map: Double?
        /// By class, in the order of the evaluation.
        var classes: [(name: String, ap: Double?)]
        /// Accuracies of probes of the same weights, as fractions.
        var probes: [(name: String, value: Double)] = []
        /// What else the run says about itself: run, arch, iterations, …
        var details: [JSON.Member] = []
    }

    /// Random first, then supervised, then what learnt without labels.
    private(set) var rows: [Row]

    init(_ rows: [Row]) {
        func place(_ row: Row) -> Int { row.start == "random" ? 0 : row.start == "supervised" ? 1 : 2 }
        self.rows = rows.enumerated().sorted { (place($0.1), $0.0) < (place($1.1), $1.0) }.map(\.element)
    }

    /// Every class of any row, in the order of their first appearance.
    var classNames: [String] { rows.flatMap { $0.classes.map(\.name) }.distinct }

    private var probeNames: [String] { rows.flatMap { $0.probes.map(\.name) }.distinct }

    /// mAP of the supervised row minus that of `row`; nil where one is missing.
    func gap(_ row: Row) -> Double? {
        guard let supervised = rows.first(where: { $0.start == "supervised" })?.map, let map = row.map else {
            return nil
        }
        return supervised - map
    }

    private static func ap(_ row: Row, _ name: String) -> Double? { row.classes.first { $0.name == name }?.ap ?? nil }

    private static func percent(_ value: Double?) -> String { value.map { (100 * $0).fixed(1) } ?? "–" }

    /// A column for each row, a line for each figure, in percent.
    var table: String {
        var lines = [["weights"] + rows.map(\.start)]
        for name in probeNames {
            lines.append([name + " %"] + rows.map { row in Self.percent(row.probes.first { $0.name == name }?.value) })
        }
        lines.append(["mAP %"] + rows.map { Self.percent($0.map) })
        if rows.contains(where: { gap($0) != nil }) {
            lines.append(["  below supervised"] + rows.map { Self.percent(gap($0)) })
        }
        for name in classNames { lines.append(["  AP \(name)"] + rows.map { Self.percent(Self.ap($0, name)) }) }
        return textTable(lines)
    }

    /// A line for each row, with a header; fractions, empty where there is no value.
    var csv: String {
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

    var json: JSON {
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

    private static func json(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }

    /// Bars by class and for the mean, a colour for each row.
    var picture: Image {
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

extension Comparison.Row {
    init(start: String, _ evaluation: EvaluationResult, probes: [(name: String, value: Double)] = []) {
        self.init(
            start: start, map: evaluation.meanAveragePrecision, classes: evaluation.classes.map { ($0.name, $0.ap) },
            probes: probes)
    }
}
