internal import Experiments
internal import Graphics
internal import Reporting
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
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        runs = parser.positionals(
            "RUN",
            "run folders of finetune; results of probes (JSON files) that lie in them or beside their weights are shown, too",
            minimum: 1)
        csv = parser.output(parser.optional("csv", "FILE", "write the table as CSV, too"))
        picture = parser.picture(
            parser.optional("picture", "FILE", "draw the average precisions as bars into a PNG, JPEG, SVG or PDF file"))
        strict = parser.flag("strict", "refuse runs that differ in any setting but the weights they started from")
        omitsPublished = parser.omitsPublished()
        results = parser.results()
    }

    func run() throws {
        let comparison = Comparison(try runs.value.map { Comparison.Row(try RunRecord($0)) })
        if strict.value, let unfairness = comparison.unfairness {
            throw InputError("the runs", unfairness, remedy: "train them alike, or leave --strict out")
        }
        let report = comparison.report(withPublished: !omitsPublished.value)
        try results.deliver(
            report,
            .object(
                [.init("rows", comparison.json), .init("differences", comparison.differencesJSON)]
                    + (omitsPublished.value ? [] : comparison.published).members))
        if let path = picture.value {
            try report.picture?.write(to: path)
            print("picture: \(path)")
        }
        if let path = csv.value { try Files.writeAtomically(comparison.csv, to: path) }
    }
}
