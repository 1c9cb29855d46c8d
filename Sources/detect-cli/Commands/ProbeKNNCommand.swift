internal import Experiments
internal import Probes
internal import Reporting
internal import Support

/// Weighted k-nearest-neighbour classification of features.
struct ProbeKNNCommand: Command {
    static let name = "probe knn"
    static let summary = "classifies images by their nearest neighbours among labelled ones"
    static let isShared = true
    static let example = """
        detect-cli probe knn --weights runs/instance/weights.safetensors --train images/train --test images/val --k 200
        detect-cli probe knn --train-features train.safetensors --test-features test.safetensors --k 20,200
        """

    let inputs: ProbeInputs
    let k: Option<[Int]>
    let temperature: Option<Double>
    let bankPrecision: Option<KNNRun.BankPrecision?>
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        inputs = ProbeInputs(parser, withoutTest: "leave-one-out over the training images")
        parser.group("Neighbours")
        k = parser.option(
            "k", "K,K", "numbers of neighbours; the first is the headline", default: [200],
            Requirement("with every K at least 1") { !$0.isEmpty && $0.allSatisfy { $0 >= 1 } })
        temperature = parser.option("temperature", "T", "a vote weighs exp(similarity / T)", default: 0.07, .above(0))
        bankPrecision = parser.optionalChoice(
            "bank", "numbers of the features that vote; bf16 takes half the memory", shown: "as they come")
        results = parser.results()
    }

    func run() throws {
        let compute = inputs.features.compute
        try inputs.features.join()
        Interruption.watch()
        var run = KNNRun(
            try inputs.data(needsTest: false),
            probe: KNNProbe(neighborCounts: k.value, temperature: temperature.value))
        run.bankPrecision = bankPrecision.value
        run.allowsEmptyClasses = inputs.allowsEmptyClasses
        run.threads = compute.threads.value
        let (result, features) = try run()
        var report = result.report
        report.append(.paragraph(features.featureText))
        try results.deliver(
            report, .object((result.json.members ?? []) + [.init("features", features)]))
    }
}
