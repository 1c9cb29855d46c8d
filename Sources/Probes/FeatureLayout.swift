public import Support
public import Torch

/// The one layout of files of features: a safetensors file with `features` [n, d] F32 or BF16, `labels` [n] I64 and `names`
/// (UTF-8, one a line), and with classes and protocol in its metadata. Memory banks are such files, too.
public enum FeatureLayout {
    static let rows = "features"
    static let others = ["labels", "names"]

    /// Writes all of it at once.
    ///
    /// - Parameters:
    ///   - features: [n, d], float32 or bfloat16.
    ///   - labels: nil where no image has one.
    public static func write(
        _ features: Tensor, labels: [Int]?, names: [String], classes: [String], protocolJSON: JSON, to path: String
    ) throws {
        try SafetensorsFile.write(
            [(rows, features)] + columns(labels: labels, names: names),
            metadata: metadata(protocolJSON, classes: classes), to: path)
    }

    /// The tensors that follow the features.
    static func columns(labels: [Int]?, names: [String]) -> [(name: String, tensor: Tensor)] {
        (labels.map { [("labels", Tensor($0))] } ?? [])
            + [("names", Tensor(Array(names.joined(separator: "\n").utf8)))]
    }

    static func metadata(_ protocolJSON: JSON, classes: [String]) -> [String: String] {
        let description: JSON = ["protocol": protocolJSON, "classes": .array(classes.map { .string($0) })]
        return [rows: description.line]
    }
}

extension SafetensorsFile {
    /// The entry of `features` [n, d]; throws `InputError` when the file has no such tensor.
    func featureEntry() throws -> Entry {
        guard let entry = self[FeatureLayout.rows], entry.shape.count == 2, entry.dtype.isFloatingPoint,
            entry.shape[1] > 0
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

    /// What the file says of its features: nothing where it is another program's.
    var featureDescription: (classes: [String], protocolJSON: JSON) {
        let description = metadata[FeatureLayout.rows].flatMap { try? JSON.parse($0.utf8) }
        return (
            description?["classes"]?.arrayValue?.compactMap(\.stringValue) ?? [], description?["protocol"] ?? [:]
        )
    }
}
