public import Datasets
public import Probes
public import Support
public import Torch

/// Extracts features with a progress bar.
public enum FeatureRun {
    public static func extract(
        _ data: any ImageCollection, _ extractor: FeatureExtractor, title: String,
        progress: ProgressBar.Style = .automatic
    ) throws -> FeatureTable {
        let bar = ProgressBar(title, total: data.count, unit: "images", style: progress)
        let table = try extractor.extract(data) { done in
            try Interruption.check()
            bar.update(done)
        }
        bar.finish()
        return table
    }

    /// The same straight into a file.
    public static func write(
        _ data: any ImageCollection, _ extractor: FeatureExtractor, to path: String, dtype: DType
    ) throws -> (count: Int, dimension: Int, imagesPerSecond: Double, protocolJSON: JSON) {
        let bar = ProgressBar("features", total: data.count, unit: "images")
        let watch = Stopwatch()
        let written = try extractor.write(data, to: path, dtype: dtype) { done in
            try Interruption.check()
            bar.update(done)
        }
        bar.finish()
        let rate = Double(written.count) / watch.seconds
        return (written.count, written.dimension, rate, written.protocolJSON)
    }
}

extension JSON {
    /// How features were made, in a line for people.
    public var featureText: String {
        let members = members ?? []
        if members.isEmpty { return "features: the file does not say how they were made" }
        return "features: "
            + members.map { member in
                let name = member.name.split(separator: "_").joined(separator: " ")
                return "\(name) \(member.value.stringValue ?? member.value.line)"
            }.joined(separator: ", ")
    }

    /// The same under the names of the file.
    public var protocolLine: String {
        (members ?? []).map { "\($0.name) \($0.value.stringValue ?? $0.value.line)" }.joined(separator: ", ")
    }
}
