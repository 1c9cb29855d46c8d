internal import Reporting
public import Support
internal import Training

/// What a run folder holds, of a run that is finished or still goes on.
public struct RunFiles: Sendable {
    public let folder: String
    /// `config.json`
    public let config: JSON
    /// `result.json`; nil while the run goes on.
    public let result: JSON?
    /// The lines of `metrics.jsonl`.
    public let metrics: [JSON]
    /// `machine.json`, an entry each time the run was begun or gone on with; none of runs of earlier versions.
    public let machines: [JSON]
    /// `evaluation.json` of a detector that was tested; nil of runs of earlier versions.
    public let evaluation: JSON?

    /// - Throws: `InputError` when the folder holds no run.
    public init(_ folder: String) throws {
        self.folder = folder
        config = try RunFolder.readConfig(folder)
        func read(_ name: String) throws -> JSON? {
            let path = "\(folder)/\(name)"
            return Files.exists(path) ? try JSON.read(path) : nil
        }
        result = try read("result.json")
        let log = "\(folder)/metrics.jsonl"
        metrics = Files.exists(log) ? try MetricsLog.read(log) : []
        machines = try read(MachineRecord.name)?.arrayValue ?? []
        evaluation = try read(TestRecord.name)
    }

    /// Runs in the folders given, or in folders that lie in them.
    ///
    /// - Throws: `InputError` for a folder that neither is a run nor holds any.
    public static func find(_ folders: [String]) throws -> [RunFiles] {
        func isRun(_ folder: String) -> Bool { Files.exists("\(folder)/config.json") }
        return try folders.flatMap { folder -> [RunFiles] in
            if isRun(folder) { return [try RunFiles(folder)] }
            let inside = try Files.list(folder).map { "\(folder)/\($0)" }.filter(isRun)
            guard !inside.isEmpty else {
                throw InputError(
                    folder, "is no run, and no folder in it is", remedy: "give run folders, or a folder that holds some"
                )
            }
            return try inside.map { try RunFiles($0) }
        }
    }

    public var command: String { config["command"]?.stringValue ?? "run" }
    public var isFinished: Bool { result != nil }

    /// What it is about in a word: the method, or what the weights learnt from.
    var subject: String {
        let names = [
            config["objective"], config["start"], config["weights"]?["objective"], result?["weights"]?["objective"],
        ]
        return names.lazy.compactMap { $0?.stringValue }.first ?? folder.fileName
    }

    var architecture: String {
        let names = [config["arch"], config["detector"]?["arch"], config["weights"]?["arch"], result?["arch"]]
        return names.lazy.compactMap { $0?.stringValue }.first ?? ""
    }

    var seed: String? { config["seed"].map { $0.stringValue ?? $0.line } }
    var lastStep: Int? { metrics.last { $0["step"] != nil }?["step"]?.intValue }
    var seconds: Double? { (result?["seconds"] ?? result?["fit_seconds"])?.doubleValue }

    /// What says nothing about the result, and what a seed changes: where weights and data lie, and their sums.
    private static let notCompared: Set<String> = [
        "seed", "workers", "path", "sha256", "devkit", "version", "libtorch", "features", "init",
    ]

    /// Equal in runs that differ by their seed alone. Weights that another run made are what that run was told.
    var kind: String { Self.kind(config, depth: 0) }

    private static func kind(_ config: JSON, depth: Int) -> String {
        func stripped(_ json: JSON) -> JSON {
            guard let members = json.members else { return json }
            return .object(
                members.filter { !notCompared.contains($0.name) }.map { member in
                    let path = member.value.stringValue ?? member.value["path"]?.stringValue
                    guard member.name == "weights", let path else { return .init(member.name, stripped(member.value)) }
                    let origin = try? RunFolder.readConfig(path.parentFolder.isEmpty ? "." : path.parentFolder)
                    guard let origin, depth < 3 else {
                        return .init(member.name, member.value["sha256"] ?? .string(path))
                    }
                    return .init(member.name, .string(kind(origin, depth: depth + 1)))
                })
        }
        return stripped(config).line
    }
}

/// Runs that differ by their seed alone.
struct RunGroup {
    var runs: [RunFiles]
    /// Tells it from the other groups.
    var label: String

    /// In the order of their first runs.
    static func group(_ runs: [RunFiles]) -> [RunGroup] {
        var groups: [(kind: String, runs: [RunFiles])] = []
        for run in runs {
            let kind = run.kind
            // The same seed again is another run of which it is not known how it differs.
            if let place = groups.firstIndex(where: { group in
                group.kind == kind && group.runs.allSatisfy { $0.seed != run.seed }
            }) {
                groups[place].runs.append(run)
            } else {
                groups.append((kind, [run]))
            }
        }
        let names = groups.map { group in
            let subject = group.runs[0].subject
            // Runs of different commands stand in different tables.
            let alike = groups.filter { $0.runs[0].command == group.runs[0].command && $0.runs[0].subject == subject }
            return alike.count > 1 ? "\(subject) (\(group.runs[0].folder.fileName))" : subject
        }
        return zip(groups, names.numberedWhereEqual(groups.map { $0.runs[0].command })).map {
            RunGroup(runs: $0.runs, label: $1)
        }
    }

    /// The values of its runs that have one.
    func values(_ value: (RunFiles) -> Double?) -> [Double] { runs.compactMap(value) }

    /// The mean, with the standard deviation where there are several.
    func cell(_ value: (RunFiles) -> Double?, as kind: Table.Kind? = nil) -> Table.Cell {
        let values = values(value)
        guard let mean = values.mean else { return .missing }
        return .mean(mean, deviation: values.standardDeviation, as: kind)
    }
}

extension [Double] {
    var mean: Double? { isEmpty ? nil : reduce(0, +) / Double(count) }

    /// Of a sample; nil of a single value.
    var standardDeviation: Double? {
        guard count > 1, let mean else { return nil }
        return (reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
    }
}

extension [String] {
    /// A number behind those that are there again within the same part.
    fileprivate func numberedWhereEqual(_ parts: [String]) -> [String] {
        var seen: [String: Int] = [:]
        return zip(self, parts).map { name, part in
            let count = seen["\(part)\n\(name)", default: 0] + 1
            seen["\(part)\n\(name)"] = count
            return count == 1 ? name : "\(name) \(count)"
        }
    }
}
