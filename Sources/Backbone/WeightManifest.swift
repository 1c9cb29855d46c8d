public import Support

/// The list of weight files of a folder, `manifest.json`: what each one is, and the SHA-256 it must have.
public struct WeightManifest: Hashable, Sendable {
    /// One weight file.
    public struct Entry: Hashable, Sendable {
        /// What people call it; unique in the manifest.
        public var name: String
        /// A plain file name in the manifest's folder.
        public var file: String
        public var architecture: Architecture
        /// `instance`, `parametric`, `supervised` or `random`.
        public var objective: String
        /// The images it was trained on.
        public var data: String
        /// The recipe and what was changed of it.
        public var recipe: String
        /// Bytes.
        public var size: Int
        /// 64 lower-case hexadecimal digits.
        public var sha256: String
        /// Measured results by name (`knn_top1`, `voc07_map`).
        public var metrics: [Metric]

        public init(
            name: String, file: String, architecture: Architecture, objective: String, data: String, recipe: String,
            size: Int, sha256: String, metrics: [Metric] = []
        ) {
            self.name = name
            self.file = file
            self.architecture = architecture
            self.objective = objective
            self.data = data
            self.recipe = recipe
            self.size = size
            self.sha256 = sha256
            self.metrics = metrics
        }
    }

    /// One measured result of a weight file.
    public struct Metric: Hashable, Sendable {
        public var name: String
        public var value: Double
        public init(_ name: String, _ value: Double) {
            self.name = name
            self.value = value
        }
    }

    public static let fileName = "manifest.json"
    private static let format = 1
    /// Far more than any manifest needs; keeps a wrong path from filling the memory.
    static let maximumBytes = 4 << 20
    fileprivate static let maximumTextLength = 1000

    public var entries: [Entry]

    public init(_ entries: [Entry] = []) { self.entries = entries }

    /// From the parsed text of the file at `path`.
    public init(json: JSON, path: String) throws(InputError) {
        guard let format = json["format"]?.intValue else {
            throw InputError(path, "has no \"format\"", remedy: "start it with \"format\": \(Self.format)")
        }
        guard format == Self.format else {
            throw InputError(
                path, "has format \(format), this program reads \(Self.format)", remedy: "update detect-cli")
        }
        guard let values = json["weights"]?.arrayValue else { throw InputError(path, "\"weights\" is not a list") }
        var entries: [Entry] = []
        var names: Set<String> = []
        var files: Set<String> = []
        for (index, value) in values.enumerated() {
            let entry = try Entry(json: value, place: "weights[\(index)]", path: path)
            if !names.insert(entry.name).inserted { throw InputError(path, "has two weights named \"\(entry.name)\"") }
            if !files.insert(entry.file).inserted { throw InputError(path, "lists \(entry.file) twice") }
            entries.append(entry)
        }
        self.entries = entries
    }

    public var json: JSON {
        ["format": .integer(Self.format), "weights": .array(entries.map(\.json))]
    }
}

extension WeightManifest.Entry {
    var json: JSON {
        [
            "name": .string(name), "file": .string(file), "architecture": .string(architecture.rawValue),
            "objective": .string(objective), "data": .string(data), "recipe": .string(recipe), "size": .integer(size),
            "sha256": .string(sha256),
            "metrics": .object(metrics.map { JSON.Member($0.name, .number($0.value)) }),
        ]
    }

    init(json: JSON, place: String, path: String) throws(InputError) {
        func bad(_ field: String, _ expected: String) -> InputError {
            InputError(path, "\(place) has no valid \"\(field)\"", remedy: "give \(expected)")
        }
        func text(_ field: String) throws(InputError) -> String {
            guard let text = json[field]?.stringValue, Self.isPlainText(text) else {
                throw bad(field, "a text of one line and at most \(WeightManifest.maximumTextLength) characters")
            }
            return text
        }
        name = try text("name")
        guard let file = json["file"]?.stringValue, Self.isPlainFileName(file) else {
            throw bad("file", "a plain file name of letters, digits, '.', '_' and '-' that ends in .safetensors")
        }
        guard let architecture = json["architecture"]?.stringValue.flatMap(Architecture.init(rawValue:)) else {
            throw bad("architecture", "one of \(Architecture.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard let size = json["size"]?.intValue, size > 0 else { throw bad("size", "the number of bytes") }
        guard let sha256 = json["sha256"]?.stringValue, sha256.utf8.count == 64,
            sha256.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) })
        else { throw bad("sha256", "64 lower-case hexadecimal digits") }
        guard let members = json["metrics"]?.members else { throw bad("metrics", "an object of numbers") }
        var metrics: [WeightManifest.Metric] = []
        for member in members {
            guard Self.isPlainText(member.name), let value = member.value.doubleValue, value.isFinite else {
                throw bad("metrics", "an object of numbers")
            }
            metrics.append(WeightManifest.Metric(member.name, value))
        }
        self.file = file
        self.architecture = architecture
        self.size = size
        self.sha256 = sha256
        self.metrics = metrics
        objective = try text("objective")
        data = try text("data")
        recipe = try text("recipe")
    }

    /// Nothing that could lead out of the folder or confuse a terminal.
    private static func isPlainFileName(_ name: String) -> Bool {
        name.utf8.count <= 255 && name.hasSuffix(".safetensors") && !name.hasPrefix(".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static func isPlainText(_ text: String) -> Bool {
        !text.isEmpty && text.count <= WeightManifest.maximumTextLength
            && text.unicodeScalars.allSatisfy { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }
    }
}
