internal import Foundation
public import Support
internal import Torch

/// A file of labelled features for probes: `features` [n, d] F32 or BF16, `labels` [n] I64, and perhaps `names`.
///
/// What the features command writes, a memory bank in the same layout, or a file of others.
public struct FeatureFile: Sendable {
    public let features: LabeledFeatures
    /// Names by label; empty when the file does not tell.
    public let classes: [String]
    /// How the features were made, as far as the file tells.
    public let protocolJSON: JSON

    /// - Throws: `InputError` naming the file: not a safetensors file, no such features, no labels, labels that do not
    ///   fit, a label that is negative, a row that is not finite.
    public init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        let entry = try file.featureEntry()
        guard let labels = try file.labels(count: entry.shape[0]) else {
            throw InputError(
                path, "has features but no labels", remedy: "write it with the features command from class folders")
        }
        let matrix: FeatureMatrix
        switch entry.dtype {
        case .bfloat16:
            matrix = try FeatureMatrix(
                bfloat16: file.withBytes(entry, Self.copy), dimension: entry.shape[1], source: path)
        case .float32:
            matrix = try FeatureMatrix(file.withBytes(entry, Self.copy), dimension: entry.shape[1], source: path)
        default:
            matrix = try FeatureMatrix(file.tensor(FeatureLayout.rows)!.floats, dimension: entry.shape[1], source: path)
        }
        if !labels.isEmpty, labels.allSatisfy({ $0 < 0 }) {
            throw InputError(
                path, "has features but no labels", remedy: "write it with the features command from class folders")
        }
        features = try LabeledFeatures(matrix, labels: labels, source: path)
        (classes, protocolJSON) = file.featureDescription
    }

    /// The file's bytes need not be aligned.
    private static func copy<Element: BitwiseCopyable>(_ bytes: UnsafeRawBufferPointer) -> [Element] {
        let count = bytes.count / MemoryLayout<Element>.stride
        return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            initialized = count
        }
    }
}
