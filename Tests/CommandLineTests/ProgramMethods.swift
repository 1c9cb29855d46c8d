/// The methods of pretraining by what the program itself says.
enum ProgramMethods {
    static let all: [String] = {
        let help = try? run(["pretrain", "--help"]).output
        let line = help?.split(separator: "\n").first { $0.hasPrefix("  --method ") }
        return line?.split(separator: " ").last?.split(separator: "|").map(String.init) ?? []
    }()

    /// Small values for what a method has.
    static func smallSettings(of method: String) throws -> [String] {
        try settings(
            ["queue": "32", "norm-groups": "2", "hidden": "16", "warmup": "0", "permutations": "8"], of: method)
    }

    /// Those of these settings that a method has, as options.
    static func settings(_ values: [String: String], of method: String) throws -> [String] {
        let help = try succeed(["pretrain", "--method", method, "--recipe", "cifar10", "--help"])
        return values.sorted { $0.key < $1.key }.filter { help.contains("  --\($0.key) ") }.flatMap {
            ["--\($0.key)", $0.value]
        }
    }
}
