public import Support
internal import Torch

/// Features of a set of images with what is known about each image.
public struct FeatureTable: Sendable {
    /// n × d, row by row.
    public var features: [Float]
    public var dimension: Int
    /// Class indices; −1 where there is none.
    public var labels: [Int]
    public var names: [String]
    public var classes: [String]
    /// How they were made: layer, normalisation, image size, weights.
    public var protocolJSON: JSON

    public var count: Int { labels.count }

    /// Traps when the counts do not fit together.
    public init(
        features: [Float], dimension: Int, labels: [Int], names: [String], classes: [String], protocolJSON: JSON = [:]
    ) {
        precondition(
            features.count == labels.count * dimension && names.count == labels.count,
            "\(features.count) values, \(labels.count) labels and \(names.count) names for \(dimension) dimensions")
        self.features = features
        self.dimension = dimension
        self.labels = labels
        self.names = names
        self.classes = classes
        self.protocolJSON = protocolJSON
    }
}

extension FeatureTable {
    private static let key = "features"

    /// Writes `features` [n, d] F32, `labels` [n] I64 and `names` (UTF-8, one a line) as safetensors.
    public func write(to path: String) throws {
        try SafetensorsFile.write(
            [("features", Tensor(features, shape: [count, dimension]))] + Self.columns(labels: labels, names: names),
            metadata: Self.metadata(protocolJSON, classes: classes), to: path)
    }

    /// The tensors that follow the features.
    static func columns(labels: [Int], names: [String]) -> [(name: String, tensor: Tensor)] {
        [("labels", Tensor(labels)), ("names", Tensor(Array(names.joined(separator: "\n").utf8)))]
    }

    static func metadata(_ protocolJSON: JSON, classes: [String]) -> [String: String] {
        let description: JSON = ["protocol": protocolJSON, "classes": .array(classes.map { .string($0) })]
        return [key: description.line]
    }

    /// Reads such a file, or any other with `features` [n, d] F32 or BF16 and `labels` [n] I64.
    public init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        let entry = try file.featureEntry()
        let description = file.metadata[Self.key].flatMap { try? JSON.parse($0.utf8) }
        dimension = entry.shape[1]
        features = file.tensor("features")!.floats
        labels = try file.labels(count: entry.shape[0]) ?? [Int](repeating: -1, count: entry.shape[0])
        let text = file.tensor("names").map { String(decoding: $0.withBytes { Array($0) }, as: UTF8.self) }
        let lines = text?.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) ?? []
        names = lines.count == entry.shape[0] ? lines : (0..<entry.shape[0]).map(String.init)
        classes = description?["classes"]?.arrayValue?.compactMap(\.stringValue) ?? []
        protocolJSON = description?["protocol"] ?? [:]
    }
}

extension SafetensorsFile {
    /// The entry of `features` [n, d]; throws `InputError` when the file has no such tensor.
    func featureEntry() throws -> Entry {
        guard let entry = self["features"], entry.shape.count == 2, entry.dtype.isFloatingPoint, entry.shape[1] > 0
        else {
            throw InputError(
                path, "has no tensor \"features\" of shape [n, d]", remedy: "write it with the features command")
        }
        return entry
    }

    /// The values of `labels` [count] I64; nil when the file has none.
    func labels(count: Int) throws -> [Int]? {
        guard let entry = self["labels"] else { return nil }
        guard entry.shape == [count], entry.dtype == .int64 else {
            throw InputError(path, "its labels are not [\(count)] I64", remedy: "write it with the features command")
        }
        return tensor("labels")!.ints
    }
}
