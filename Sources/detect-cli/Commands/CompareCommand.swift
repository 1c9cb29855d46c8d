internal import Backbone
internal import Experiments
internal import Imaging
internal import Support

/// Sets fine-tuning runs beside each other: random, supervised and unsupervised weights under one protocol.
struct CompareCommand: Command {
    static let name = "compare"
    static let summary =
        "sets fine-tuning runs beside each other: mAP, AP by class, probes, and where they are not alike"
    static let example = "detect-cli compare runs/voc-random runs/voc-supervised runs/voc-instance --picture ap.png"

    let runs: Option<[String]>
    let csv: Option<String?>
    let picture: Option<String?>
    let strict: Option<Bool>
    let omitsPublished: Option<Bool>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        runs = parser.positionals(
            "RUN",
            "run folders of finetune; results of probes (JSON files) that lie in them or beside their weights are shown, too",
            minimum: 1)
        csv = parser.output(parser.optional("csv", "FILE", "write the table as CSV, too"))
        picture = parser.output(
            parser.optional("picture", "FILE", "draw the average precisions as bars into a PNG or JPEG file"))
        strict = parser.flag("strict", "refuse runs that differ in any setting but the weights they started from")
        omitsPublished = parser.flag("no-published", "leave out the figures of papers")
        json = parser.json()
    }

    func run() throws {
        let records = try runs.value.map(RunRecord.init)
        let comparison = Comparison(records.map { Comparison.Row($0) })
        if strict.value, let unfairness = comparison.unfairness {
            throw InputError("the runs", unfairness, remedy: "train them alike, or leave --strict out")
        }
        print(comparison.table)
        let count = comparison.differences.count
        if count > 0 {
            print(
                "note: the runs differ in \(count) setting\(count == 1 ? "" : "s") beside their weights, below \"not alike\""
            )
        }
        let published = omitsPublished.value ? [] : self.published(records)
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
                "rows": comparison.json, "differences": comparison.differencesJSON,
                "published": .array(
                    published.map {
                        [
                            "arch": .string($0.0.rawValue), "weights": .string($0.1.start), "map": .number($0.1.map),
                            "source": .string($0.1.source),
                        ]
                    }),
            ])
    }

    private func published(_ runs: [RunRecord]) -> [(Architecture, PublishedResults)] {
        Architecture.allCases.filter { architecture in runs.contains { $0.architecture == architecture } }.flatMap {
            architecture in PublishedResults.of(architecture).map { (architecture, $0) }
        }
    }
}
