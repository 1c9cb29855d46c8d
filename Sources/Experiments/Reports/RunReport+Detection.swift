internal import Imaging
internal import Reporting
internal import Support

extension RunReport {
    /// Average precisions by class, precision over recall, kinds of errors and recall of proposals, as far as the folders hold them.
    static func detection(_ groups: [RunGroup]) -> [Report.Block] {
        func precisions(_ run: RunFiles) -> [JSON.Member] { run.result?["evaluation"]?["ap"]?.members ?? [] }
        let classes = groups.flatMap { $0.runs.flatMap { precisions($0).map(\.name) } }.distinct
        if classes.isEmpty { return [] }
        func ap(_ name: String) -> (RunFiles) -> Double? {
            { run in precisions(run).first { $0.name == name }?.value.doubleValue }
        }
        var table = Table(
            [.text("AP %")] + groups.map { .percent($0.label, decimals: 1) },
            classes.map { name in [.text(name)] + groups.map { $0.cell(ap(name)) } })
        if groups.count > 1 { for row in table.rows.indices { table.markBest(row: row) } }
        let bars = BarPlot(
            title: "Average precision by class", yLabel: "AP %", groups: classes,
            series: groups.map { group in
                .init(
                    groups.count > 1 ? group.label : "",
                    classes.map { 100 * (group.values(ap($0)).mean ?? .nan) })
            })
        var blocks: [Report.Block] = [.figure(.bars(bars)), .table(table)]
        if let errors = errors(groups) { blocks.append(.figures([errors] + [recall(groups)].compactMap { $0 })) }
        let curves = curves(groups, classes)
        if !curves.isEmpty {
            blocks.append(.details("Precision over recall, by class", [.figures(curves)]))
        }
        return blocks
    }

    /// Of the first run of each group: curves of different seeds have no mean.
    private static func curves(_ groups: [RunGroup], _ classes: [String]) -> [Figure] {
        classes.compactMap { name in
            let series = groups.compactMap { group -> LinePlot.Series? in
                guard let curve = group.runs[0].evaluation?["curves"]?[name],
                    let recall = curve["recall"]?.arrayValue?.compactMap(\.doubleValue),
                    let precision = curve["precision"]?.arrayValue?.compactMap(\.doubleValue),
                    recall.count == precision.count, !recall.isEmpty
                else { return nil }
                return .init(groups.count > 1 ? group.label : "", x: recall, y: precision)
            }
            if series.isEmpty { return nil }
            var plot = LinePlot(title: name, xLabel: "recall", yLabel: "precision", series: series)
            (plot.xRange, plot.yRange) = (0...1, 0...1)
            return .line(plot)
        }
    }

    /// Shares of the detections that were looked at, over all classes.
    private static func errors(_ groups: [RunGroup]) -> Figure? {
        let kinds = ["correct", "localisation", "confusion", "duplicate", "background"]
        let series = groups.compactMap { group -> BarPlot.Series? in
            let shares = kinds.map { kind in
                group.values { run in
                    guard let classes = run.evaluation?["errors"]?.members else { return nil }
                    let counts = ["examined", kind].map { name in
                        classes.reduce(0.0) { $0 + ($1.value[name]?.doubleValue ?? 0) }
                    }
                    return counts[0] > 0 ? 100 * counts[1] / counts[0] : nil
                }.mean
            }
            return shares.contains { $0 != nil }
                ? .init(groups.count > 1 ? group.label : "", shares.map { $0 ?? .nan }) : nil
        }
        if series.isEmpty { return nil }
        return .bars(
            BarPlot(
                title: "Kinds of errors among the best detections", yLabel: "share %", groups: kinds, series: series))
    }

    /// Of the regions that the test was given, over their number; those of equal regions once.
    private static func recall(_ groups: [RunGroup]) -> Figure? {
        let curves = groups.compactMap { $0.runs[0].evaluation?["proposal_recall"]?.arrayValue }.distinct
        guard let curve = curves.first, curves.count == 1 else { return nil }
        let series = [("IoU .5", "0.5"), ("IoU .7", "0.7")].map { name, key in
            let points = curve.compactMap { point in
                point["boxes"]?.doubleValue.flatMap { boxes in point[key]?.doubleValue.map { (boxes, 100 * $0) } }
            }
            return LinePlot.Series(name, x: points.map(\.0), y: points.map(\.1))
        }
        return .line(
            LinePlot(title: "Recall of the proposals", xLabel: "first boxes", yLabel: "recall %", series: series))
    }
}
