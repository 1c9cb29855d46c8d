public import Backbone
internal import Foundation
public import Support

/// A finished run of `finetune`, as its folder tells: what was asked for and what came of it.
public struct RunRecord: Sendable {
    public let folder: String
    /// `config.json`; empty for runs without.
    public let config: JSON
    /// `result.json`
    public let result: JSON

    /// - Throws: `InputError` naming the folder when the run is not finished or has tested no detector.
    public init(_ folder: String) throws {
        self.folder = folder
        let path = "\(folder)/result.json"
        guard Files.exists(path) else {
            throw InputError(
                folder, "is no finished run: it has no result.json", remedy: "resume its fine-tuning to the end")
        }
        result = try JSON.read(path)
        // A test on a set without annotations has no figures, and is one all the same.
        let isTested = result["evaluation"]?["ap"]?.members != nil || result["test_images"]?.intValue != nil
        guard result["start"]?.stringValue != nil, isTested else {
            throw InputError(
                path, "holds no test of a detector", remedy: "give run folders of finetune with a test set")
        }
        config = Files.exists("\(folder)/config.json") ? try JSON.read("\(folder)/config.json") : [:]
    }

    /// What the weights learnt from.
    public var start: String { result["start"]?.stringValue ?? "unknown" }
    public var meanAveragePrecision: Double? { result["map"]?.doubleValue }
    public var averagePrecisions: [(name: String, value: Double?)] {
        (result["evaluation"]?["ap"]?.members ?? []).map { ($0.name, $0.value.doubleValue) }
    }
    public var architecture: Architecture? {
        result["arch"]?.stringValue.flatMap(Architecture.init(rawValue:))
    }

    /// What a comparison is about, and what says nothing about the result.
    private static let mayDiffer: Set<String> = ["weights", "start", "devkit", "workers"]

    /// Every setting that shaped the result but the weights the run started from: an object, with objects in it.
    public var settings: JSON {
        // Some is decided after the configuration is written.
        let decided = ["arch", "test_images", "test", "train_proposals"].compactMap { name in
            result[name].map { JSON.Member(name, $0) }
        }
        return .object((config.members ?? []).filter { !Self.mayDiffer.contains($0.name) } + decided)
    }

    /// The mAP, to stand beside published ones; nil without one, and for a network that is not known.
    var measured: PublishedTable.Measured? {
        guard let map = meanAveragePrecision, let architecture else { return nil }
        let images = ["train", "test"].compactMap { part in
            result["\(part)_images"]?.intValue.map { "\($0) \(part)" }
        }
        let parts = [
            result["iterations"]?.intValue.map { $0.counted("step") },
            images.isEmpty ? nil : "\(images.joined(separator: ", ")) images",
        ]
        return PublishedTable.Measured(
            [.voc07], architecture, start: start, [.init("map", 100 * map)],
            remarks: parts.compactMap { $0 }.joined(separator: "; "), source: folder)
    }

    /// What a probe said of the weights that a run started from.
    public struct Probe: Sendable {
        public var name: String
        /// In [0, 1].
        public var value: Double
        /// What published figures can stand beside.
        public var measured: PublishedTable.Measured?
    }

    /// Results of probes, JSON files that lie in the run folder or beside its weights.
    public var probes: [Probe] {
        let weights = config["weights"]?.stringValue ?? WeightSource.random
        let beside = weights.parentFolder
        let places = [folder] + (weights == WeightSource.random ? [] : [beside.isEmpty ? "." : beside])
        return places.flatMap { place -> [Probe] in
            let files = ((try? Files.list(place)) ?? []).filter {
                $0.hasSuffix(".json") && !["result.json", "config.json"].contains($0)
            }
            return files.sorted().compactMap { file in
                let path = "\(place)/\(file)"
                guard let json = try? JSON.read(path), json["protocol"] != nil else { return nil }
                let (name, measured) = (file.fileStem, PublishedTable.Measured(probe: json, source: path))
                if let accuracy = json["top1"]?.doubleValue {
                    return Probe(name: "\(name) top-1", value: accuracy, measured: measured)
                }
                return json["map"]?.doubleValue.map { Probe(name: "\(name) mAP", value: $0, measured: nil) }
            }
        }
    }
}
