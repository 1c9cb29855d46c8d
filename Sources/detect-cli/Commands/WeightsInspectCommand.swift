internal import Backbone
internal import Foundation
internal import Reporting
internal import Support
internal import Torch

/// Says what a weight file holds: which network, how it was trained, and statistics of every tensor.
struct WeightsInspectCommand: Command {
    static let name = "weights inspect"
    static let summary = "says what a weight file holds, tensor by tensor"
    static let example = "detect-cli weights inspect runs/instance/weights.safetensors"

    let file: Option<String>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        file = parser.positional("FILE", "a safetensors file")
        json = parser.json()
    }

    func run() throws {
        try Runtime.load()
        let file = try SafetensorsFile(path: file.value)
        // A file that no command would load can still be looked into.
        var description: WeightDescription?
        var problem: String?
        do {
            description = try WeightFile.description(of: file)
            if let description, description.config != WeightFile.recognize(file) {
                problem = "its tensors are not those of \(description.config)"
            }
        } catch let error as InputError {
            problem = error.problem
        }
        let config = description?.config ?? WeightFile.recognize(file)
        for line in heading(file, config, description, problem) { print(line) }

        let columns = ["name", "dtype", "shape", "mean", "std", "min", "max", "non-finite"]
        var rows: [[Table.Cell]] = []
        var tensors: [JSON] = []
        var nonFinite = 0
        for entry in file.entries {
            guard let tensor = file.tensor(entry.name) else { continue }
            let summary = TensorSummary(tensor)
            nonFinite += summary.nonFiniteCount
            rows.append(row(entry, summary))
            tensors.append(json(entry, summary))
        }
        print("")
        print(Table(columns.map { .text($0) }, rows).text)
        let count = file.entries.reduce(0) { $0 + $1.shape.reduce(1, *) }
        print("\n\(file.entries.count.counted("tensor")), \(count.counted("value")), \(nonFinite) of them not finite")
        try json.write([
            "file": .string(file.path), "architecture": config.map { .string($0.architecture.rawValue) } ?? .null,
            "stem": config.map { .string($0.stem.rawValue) } ?? .null,
            "classes": config?.classes.map { .integer($0) } ?? .null,
            "objective": description.map { .string($0.objective) } ?? .null,
            "description": description?.json ?? .null, "problem": problem.map { .string($0) } ?? .null,
            "metadata": .object(metadata(file).map { JSON.Member($0.key, .string($0.value)) }),
            "values": .integer(count), "non_finite": .integer(nonFinite), "tensors": .array(tensors),
        ])
    }

    private func heading(
        _ file: SafetensorsFile, _ config: NetworkConfig?, _ description: WeightDescription?, _ problem: String?
    ) -> [String] {
        var fields = [("network", config.map { "\($0)" } ?? "unknown")]
        if let description {
            let normalization = description.normalization
            fields += [
                ("objective", description.objective), ("image size", "\(description.imageSize)"),
                ("input", normalization.space.rawValue), ("mean", "\(normalization.mean)"),
                ("std", "\(normalization.standardDeviation)"), ("details", shortened(description.details.line)),
            ]
        } else {
            fields.append(("objective", "unknown"))
            fields += metadata(file)
        }
        if let problem { fields.append(("problem", problem)) }
        return fields.map { "\($0.0.printable.padded(12))\($0.1.printable)" }
    }

    /// A thousand orders of tiles are no reading.
    private func shortened(_ text: String) -> String {
        let most = 1000
        return text.count <= most ? text : "\(text.prefix(most)) ... (\(text.count) characters; --json FILE has all)"
    }

    private func metadata(_ file: SafetensorsFile) -> [(key: String, value: String)] {
        file.metadata.sorted { $0.key < $1.key }
    }

    private func row(_ entry: SafetensorsFile.Entry, _ summary: TensorSummary) -> [Table.Cell] {
        let shape = entry.shape.isEmpty ? "scalar" : entry.shape.map(String.init).joined(separator: "×")
        let statistics = [summary.mean, summary.standardDeviation, summary.minimum, summary.maximum]
        return [.text(entry.name.printable), .text(entry.dtype.safetensors), .text(shape)]
            + statistics.map { .text($0.short) } + [.integer(summary.nonFiniteCount)]
    }

    private func json(_ entry: SafetensorsFile.Entry, _ summary: TensorSummary) -> JSON {
        [
            "name": .string(entry.name), "dtype": .string(entry.dtype.safetensors),
            "shape": .array(entry.shape.map { .integer($0) }), "mean": .number(summary.mean),
            "std": .number(summary.standardDeviation), "min": .number(summary.minimum),
            "max": .number(summary.maximum), "non_finite": .integer(summary.nonFiniteCount),
        ]
    }
}

extension Double {
    /// Five decimals, or powers of ten where those would say nothing.
    fileprivate var short: String {
        if self == 0 || (1e-3..<1e6).contains(magnitude) { return fixed(5) }
        return String(format: "%.4e", self)
    }
}
