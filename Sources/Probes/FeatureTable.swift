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
    /// Writes a file of `FeatureLayout`.
    public func write(to path: String) throws {
        try FeatureLayout.write(
            Tensor(features, shape: [count, dimension]), labels: labels, names: names, classes: classes,
            protocolJSON: protocolJSON, to: path)
    }

    /// Reads such a file, or any other with `features` [n, d] F32 or BF16 and `labels` [n] I64.
    public init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        let entry = try file.featureEntry()
        dimension = entry.shape[1]
        features = file.tensor(FeatureLayout.rows)!.floats
        labels = try file.labels(count: entry.shape[0]) ?? [Int](repeating: -1, count: entry.shape[0])
        let text = file.tensor("names").map { String(decoding: $0.withBytes { Array($0) }, as: UTF8.self) }
        let lines = text?.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) ?? []
        names = lines.count == entry.shape[0] ? lines : (0..<entry.shape[0]).map(String.init)
        (classes, protocolJSON) = file.featureDescription
    }
}
