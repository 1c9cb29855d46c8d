internal import Graphics
public import Reporting
public import Support
internal import Torch
public import Training

/// One experiment in a folder of its own: the header that every configuration begins with, the lock, and what is left there.
public struct RunSession {
    public let folder: RunFolder

    /// Opens the folder, and writes its `config.json` and `machine.json`.
    ///
    /// - Parameters:
    ///   - command: What was asked for, as on the command line: "pretrain".
    ///   - resume: Go on with the run in the folder, if there is one; without it the folder must be empty.
    ///   - settings: Everything that shapes the result, resolved.
    ///   - mayDiffer: Settings that may change on resuming, see `RunFolder`.
    /// - Throws: `InputError` of `RunFolder`.
    public init(
        _ path: String, command: String, resume: Bool, settings: [JSON.Member], mayDiffer: Set<String>
    ) throws {
        let header: [JSON.Member] = [
            .init("command", .string(command)), .init("version", .string(Toolkit.version)),
            .init("libtorch", .string(Runtime.version)),
        ]
        folder = try RunFolder(path, resume: resume, config: .object(header + settings), mayDiffer: mayDiffer)
        try MachineRecord.add(to: path)
    }

    /// The path of a picture or table of this run.
    public func file(_ name: String) -> String { folder.file(name) }

    /// Writes the results of the run, where comparisons find them.
    public func write(_ results: JSON) throws {
        try Files.writeAtomically(results.pretty, to: file("result.json"))
    }

    /// Draws measurements of `metrics.jsonl` over the steps into `loss.png`, each name a line.
    public func drawCurve(_ names: [String], title: String) throws {
        try plot(names, title: title, yLabel: "loss")?.drawing().write(to: file("loss.png"))
    }

    /// The plot of measurements over the steps; nil when the run has logged none of them.
    public func plot(_ names: [String], title: String, yLabel: String) throws -> LinePlot? {
        let lines = try MetricsLog.read(folder.metrics)
        var series = names.compactMap { name -> LinePlot.Series? in
            let points = lines.compactMap { line in
                line["step"]?.doubleValue.flatMap { step in line[name]?.doubleValue.map { (step, $0) } }
            }
            return points.isEmpty
                ? nil
                : LinePlot.Series(name.replacing("_", with: " "), x: points.map(\.0), y: points.map(\.1))
        }
        // A single line needs no legend beside the title.
        if series.count == 1 { series[0].name = "" }
        return series.isEmpty ? nil : LinePlot(title: title, xLabel: "step", yLabel: yLabel, series: series)
    }
}
