internal import Imaging
internal import Support
internal import Training

/// What every training run leaves beside its weights.
enum RunReport {
    /// Draws measurements of `metrics.jsonl` over the steps, each name a line.
    static func drawCurve(_ folder: RunFolder, _ names: [String], title: String, file: String = "loss.png") throws {
        try plot(folder, names, title: title, yLabel: "loss")?.render().write(to: folder.file(file))
    }

    /// The plot of measurements over the steps; nil when the run has logged none of them.
    static func plot(_ folder: RunFolder, _ names: [String], title: String, yLabel: String) throws -> LinePlot? {
        let lines = try MetricsLog.read(folder.metrics)
        let series = names.compactMap { name -> LinePlot.Series? in
            let points = lines.compactMap { line in
                line["step"]?.doubleValue.flatMap { step in line[name]?.doubleValue.map { (step, $0) } }
            }
            // A single line needs no legend beside the title.
            let label = names.count == 1 ? "" : name
            return points.isEmpty ? nil : LinePlot.Series(label, x: points.map(\.0), y: points.map(\.1))
        }
        return series.isEmpty ? nil : LinePlot(title: title, xLabel: "step", yLabel: yLabel, series: series)
    }

    /// Writes the results of a run into its folder, where comparisons find them.
    static func write(_ results: JSON, to folder: RunFolder) throws {
        try Files.writeAtomically(results.pretty, to: folder.file("result.json"))
    }
}
