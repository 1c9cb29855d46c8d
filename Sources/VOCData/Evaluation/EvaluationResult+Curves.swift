internal import Graphics
internal import Imaging
internal import Reporting
internal import Support

extension EvaluationResult {
    /// Writes for each class with ground truth `CLASS_pr.csv` (a line `score,recall,precision` for each detection that
    /// counts, best score first) and `CLASS_pr.png`, and for all of them `precision_recall.png`.
    ///
    /// CLASS is `DetectionFile.fileName(ofClass:)`.
    /// - Throws: `InputError` when the folder cannot be written.
    public func writeCurves(to folder: String, threads: Int = 2) throws {
        let shown = classes.filter { $0.ap != nil }
        try Files.makeFolder(folder)
        let tiles = try parallelMap(shown.count, threads: threads) { index in
            let result = shown[index]
            let name = DetectionFile.fileName(ofClass: result.name)
            var text = "score,recall,precision\n"
            for (point, score) in result.scores.enumerated() {
                text += "\(shortest(score)),\(shortest(result.curve.recall[point])),"
                text += "\(shortest(result.curve.precision[point]))\n"
            }
            try Files.writeAtomically(text, to: "\(folder)/\(name)_pr.csv")
            try plot(result).drawing().write(to: "\(folder)/\(name)_pr.png")
            return plot(result).drawing(size: ImageSize(width: 400, height: 300))
        }
        try Drawing.grid(tiles, columns: 5).write(to: "\(folder)/precision_recall.png")
    }

    private func plot(_ result: ClassResult) -> LinePlot {
        let curve = result.curve
        var plot = LinePlot(
            title: "\(result.name) AP \(((result.ap ?? 0) * 100).fixed(1)) %", xLabel: "recall", yLabel: "precision",
            series: [LinePlot.Series("", x: curve.recall, y: curve.precision)])
        plot.xRange = 0...1
        plot.yRange = 0...1
        return plot
    }
}
