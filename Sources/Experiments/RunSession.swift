public import Distributed
internal import Graphics
public import Reporting
public import Support
internal import Torch
public import Training

/// One experiment in a folder of its own: the header that every configuration begins with, the lock, and what is left there.
public struct RunSession {
    public let folder: RunFolder
    /// The processes that do it together; the first of them alone writes.
    public let world: World

    /// Opens the folder, and writes its `config.json` and `machine.json`.
    ///
    /// - Parameters:
    ///   - command: What was asked for, as on the command line: "pretrain".
    ///   - resume: Go on with the run in the folder, if there is one; without it the folder must be empty.
    ///   - settings: Everything that shapes the result, resolved.
    ///   - mayDiffer: Settings that may change on resuming, see `RunFolder`.
    ///   - world: The processes that do it together, all with the same settings.
    /// - Throws: `InputError` of `RunFolder`, or naming what another process has set otherwise.
    public init(
        _ path: String, command: String, resume: Bool, settings: [JSON.Member], mayDiffer: Set<String>,
        world: World = .alone
    ) throws {
        let header: [JSON.Member] = [
            .init("command", .string(command)), .init("version", .string(Toolkit.version)),
            .init("libtorch", .string(Runtime.version)),
        ]
        let config = JSON.object(header + settings)
        self.world = world
        try Self.requireAlike(config, world, except: mayDiffer.union(Self.ownOfProcess))
        folder =
            world.isLeader
            ? try RunFolder(path, resume: resume, config: config, mayDiffer: mayDiffer)
            : RunFolder(ofOtherProcess: path)
        if world.isLeader { try MachineRecord.add(to: path) }
    }

    /// How many processes have begun the run in a folder; nil where there is none.
    static func processes(in path: String) -> Int? {
        guard let config = try? RunFolder.readConfig(path) else { return nil }
        return config["processes"]?.intValue ?? 1
    }

    /// A run goes on with another number of processes only where nothing but the order of sums depends on it.
    ///
    /// - Parameters:
    ///   - before: How many have begun it.
    ///   - reason: What else depends on it.
    static func checkProcesses(_ before: Int?, _ world: World, _ reason: String?, _ folder: String) throws {
        guard let before, before != world.size else { return }
        let begun = before.counted("process")
        if let reason {
            throw InputError(
                folder, "was started with \(begun), not \(world.size): \(reason)",
                remedy: "start as many again, or begin another run")
        }
        Console.remark("begun with \(begun): sums are added in another order from here on", label: "note")
    }

    /// What processes of one run need not have in common.
    private static let ownOfProcess: Set<String> = ["device", "threads", "workers"]

    private static func requireAlike(_ config: JSON, _ world: World, except: Set<String>) throws {
        let first = try JSON.parse(world.leaders { config.line }.utf8)
        let own = try JSON.parse(config.line.utf8)
        if let (name, theirs, mine) = RunFolder.firstDifference(first, own, except: except) {
            throw InputError(
                "rank \(world.rank)", "has \(name) = \(mine), rank 0 has \(theirs)",
                remedy: "start all processes with the same options and data")
        }
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
