internal import Backbone
internal import Foundation
internal import Imaging
internal import Support
internal import VOCData

/// Sets fine-tuning runs beside each other: random, supervised and unsupervised weights under one protocol.
struct CompareCommand: Command {
    static let name = "compare"
    static let summary = "sets fine-tuning runs beside each other: mAP, AP by class, probes, the gap to supervised"
    static let example = "detect-cli compare runs/voc-random runs/voc-supervised runs/voc-instance --picture ap.png"

    let runs: Option<[String]>
    let csv: Option<String?>
    let picture: Option<String?>
    let omitsPublished: Option<Bool>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        runs = parser.positionals(
            "RUN",
            "run folders of finetune; results of probes (JSON files) that lie in them or beside their weights are shown, too",
            minimum: 1)
        csv = parser.optional("csv", "FILE", "write the table as CSV, too")
        picture = parser.optional("picture", "FILE", "draw the average precisions as bars into a PNG or JPEG file")
        omitsPublished = parser.flag("no-published", "leave out the figures of papers")
        json = parser.json()
    }

    /// Settings that have to be the same for a fair comparison, as `config.json` names them.
    private static let protocolFields = [
        "train_set", "train_images", "train_fingerprint", "iterations", "images_per_step", "rois_per_image", "lr",
        "milestones", "weight_decay", "train_difficult", "precision",
    ]

    private struct Run {
        var row: Comparison.Row
        var architecture: Architecture?
        var config: JSON
        var testImages: Int?
    }

    func run() throws {
        let runs = try runs.value.map(read)
        let comparison = Comparison(runs.map(\.row))
        print(comparison.table)
        let notes = Self.differences(runs)
        for note in notes { print("note: the runs differ in \(note)") }
        let published = omitsPublished.value ? [] : self.published(runs)
        if !published.isEmpty {
            print("\npublished, on all of VOC 2007 (trainval 5011, test 4952 images) and from ImageNet:")
            print(
                textTable(
                    [["network", "weights", "mAP %", "source"]]
                        + published.map { [$0.0.rawValue, $0.1.start, $0.1.map.fixed(1), $0.1.source] }))
        }
        if let path = picture.value {
            try comparison.picture.write(to: path)
            print("picture: \(path)")
        }
        if let path = csv.value { try Files.writeAtomically(comparison.csv, to: path) }
        try json.write(
            [
                "rows": comparison.json, "differences": .array(notes.map { .string($0) }),
                "published": .array(
                    published.map {
                        [
                            "arch": .string($0.0.rawValue), "weights": .string($0.1.start), "map": .number($0.1.map),
                            "source": .string($0.1.source),
                        ]
                    }),
            ])
    }

    private func read(_ folder: String) throws -> Run {
        let path = "\(folder)/result.json"
        guard Files.exists(path) else {
            throw InputError(
                folder, "is no finished run: it has no result.json", remedy: "finish it with finetune --resume")
        }
        let result = try JSON.read(path)
        guard let start = result["start"]?.stringValue, let evaluation = result["evaluation"],
            let classes = evaluation["ap"]?.members
        else {
            throw InputError(
                path, "holds no test of a detector", remedy: "give run folders of finetune with a test set")
        }
        let config = Files.exists("\(folder)/config.json") ? try JSON.read("\(folder)/config.json") : [:]
        var row = Comparison.Row(
            start: start, map: result["map"]?.doubleValue, classes: classes.map { ($0.name, $0.value.doubleValue) })
        let weights = config["weights"]?.stringValue ?? "random"
        let places = [folder] + (weights == "random" ? [] : [(weights as NSString).deletingLastPathComponent])
        row.probes = places.flatMap(Self.probes)
        row.details = [
            .init("run", .string(folder)), .init("arch", result["arch"] ?? .null),
            .init("iterations", result["iterations"] ?? .null), .init("train_images", result["train_images"] ?? .null),
            .init("test_images", result["test_images"] ?? .null), .init("seconds", result["seconds"] ?? .null),
        ]
        return Run(
            row: row, architecture: result["arch"]?.stringValue.flatMap(Architecture.init(rawValue:)), config: config,
            testImages: result["test_images"]?.intValue)
    }

    /// Results of probes in a folder, named after their files.
    private static func probes(_ folder: String) -> [(name: String, value: Double)] {
        let files = ((try? Files.list(folder.isEmpty ? "." : folder)) ?? []).filter {
            $0.hasSuffix(".json") && !["result.json", "config.json"].contains($0)
        }
        return files.sorted().compactMap { file in
            guard let json = try? JSON.read(folder.isEmpty ? file : "\(folder)/\(file)"), json["protocol"] != nil
            else { return nil }
            let name = (file as NSString).deletingPathExtension
            if let accuracy = json["top1"]?.doubleValue { return ("\(name) top-1", accuracy) }
            return json["map"]?.doubleValue.map { ("\(name) mAP", $0) }
        }
    }

    /// "iterations: 1000, 2000" for every setting that is not the same in all runs.
    private static func differences(_ runs: [Run]) -> [String] {
        func note(_ name: String, _ values: [String]) -> String? {
            Set(values).count > 1 ? "\(name): \(values.joined(separator: ", "))" : nil
        }
        return [
            note("arch", runs.map { $0.architecture?.rawValue ?? "unknown" }),
            note("short_side", runs.map { $0.config["detector"]?["short_side"]?.line ?? "unknown" }),
            note("test_images", runs.map { $0.testImages.map(String.init) ?? "unknown" }),
        ].compactMap { $0 }
            + protocolFields.compactMap { field in note(field, runs.map { $0.config[field]?.line ?? "unknown" }) }
    }

    private func published(_ runs: [Run]) -> [(Architecture, PublishedResults)] {
        Architecture.allCases.filter { architecture in runs.contains { $0.architecture == architecture } }.flatMap {
            architecture in PublishedResults.of(architecture).map { (architecture, $0) }
        }
    }
}
