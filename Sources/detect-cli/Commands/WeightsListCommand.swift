internal import Backbone
internal import Reporting
internal import Support

/// Lists the weight files of a folder, as its manifest has them.
struct WeightsListCommand: Command {
    static let name = "weights list"
    static let summary = "lists the weight files of a folder"
    static let example = "detect-cli weights list --folder weights"

    let folder: Option<String>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        folder = parser.weightFolder()
        json = parser.json()
    }

    func run() throws {
        let manifest = try WeightManifest(folder: folder.value)
        try json.write(manifest.json)
        if manifest.entries.isEmpty {
            print("no weights are listed in \(folder.value)/\(WeightManifest.fileName)")
            return
        }
        let columns = ["name", "architecture", "objective", "data", "recipe", "size", "metrics"]
        let rows = manifest.entries.map { entry -> [Table.Cell] in
            [
                .text(entry.name), .text(entry.architecture.rawValue), .text(entry.objective), .text(entry.data),
                .text(entry.recipe), "\((Double(entry.size) / 1e6).fixed(1)) MB",
                .text(entry.metrics.map { "\($0.name) \($0.value)" }.joined(separator: ", ")),
            ]
        }
        print(Table(columns.map { .text($0) }, rows).text)
    }
}

extension ArgumentParser {
    /// `--folder DIR` of the commands that read a weight manifest.
    func weightFolder() -> Option<String> {
        let here = "weights"
        return option(
            "folder", "DIR", "the folder that holds \(WeightManifest.fileName)",
            default: Files.isFolder(here) ? here : Installation.weights ?? here,
            shown: "\(here); where there is none, that of the installation")
    }
}
