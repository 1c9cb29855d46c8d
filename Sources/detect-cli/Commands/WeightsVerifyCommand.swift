internal import Backbone
internal import Support

/// Checks size and SHA-256 of every weight file that a folder's manifest lists.
struct WeightsVerifyCommand: Command {
    static let name = "weights verify"
    static let summary = "checks size and SHA-256 of the weight files of a folder"
    static let example = "detect-cli weights verify --folder weights"

    let folder: Option<String>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        folder = parser.weightFolder()
        json = parser.json()
    }

    func run() throws {
        let entries = try WeightManifest(folder: folder.value).entries
        var results: [JSON] = []
        var failed: [String] = []
        for entry in entries {
            var problem: InputError?
            do {
                try entry.verify(in: folder.value)
            } catch let error as InputError {
                problem = error
                failed.append(entry.file)
            }
            print("\(problem == nil ? "ok    " : "FAILED")  \(problem.map { "\($0)" } ?? entry.file)")
            results.append([
                "name": .string(entry.name), "file": .string(entry.file), "ok": .bool(problem == nil),
                "problem": problem.map { .string($0.problem) } ?? .null,
            ])
        }
        try json.write(["verified": .array(results), "failed": .integer(failed.count)])
        if entries.isEmpty { print("nothing to verify: \(folder.value)/\(WeightManifest.fileName) lists no weights") }
        if !failed.isEmpty {
            throw InputError(
                folder.value, "\(failed.count) of \(entries.count) weight files are not what the manifest says",
                remedy: "replace \(failed.joined(separator: ", "))")
        }
    }
}
