public import Backbone
public import Datasets
public import Probes
public import Support

/// What a run was given, so that a resumed one can tell whether it is the same.
public enum InputRecord {
    /// Differences between records that say nothing about the result.
    public static let mayDiffer: Set<String> = ["workers", "train.path", "test.path", "weights.path"]

    public static func data(_ name: String, _ data: any ImageCollection) throws -> JSON.Member {
        .init(
            name,
            [
                "path": .string(data.source), "images": .integer(data.count),
                "fingerprint": .string(try data.fingerprint),
            ])
    }

    public static func weights(_ source: WeightSource, _ description: WeightDescription) throws -> JSON.Member {
        let digest: JSON =
            switch source {
            case .random: .null
            case .file(let path): .string(SHA256.hex(try Files.read(path)))
            }
        return .init(
            "weights",
            [
                "path": .string(source.name), "arch": .string(description.config.architecture.rawValue),
                "objective": .string(description.objective), "sha256": digest,
            ])
    }

    public static func features(_ name: String, _ path: String, _ table: FeatureTable) throws -> JSON.Member {
        .init(
            name,
            [
                "path": .string(path), "images": .integer(table.count),
                "sha256": .string(SHA256.hex(try Files.read(path))), "protocol": table.protocolJSON,
            ])
    }
}
