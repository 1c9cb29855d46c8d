internal import Probes
internal import Support
internal import Training

/// Weighted k-nearest-neighbour classification of features.
struct ProbeKNNCommand: Command {
    static let name = "probe knn"
    static let summary = "classifies images by their nearest neighbours among labelled ones"
    static let example = """
        detect-cli probe knn --weights runs/instance/weights.safetensors --train images/train --test images/val --k 200
        detect-cli probe knn --train-features train.safetensors --test-features test.safetensors --k 20,200
        """

    let inputs: ProbeInputs
    let k: Option<[Int]>
    let temperature: Option<Double>
    let bankPrecision: Option<BankPrecision?>
    let json: Option<String?>

    enum BankPrecision: String, CaseIterable {
        case fp32
        case bf16
    }

    init(_ parser: ArgumentParser) {
        inputs = ProbeInputs(parser, withoutTest: "leave-one-out over the training images")
        parser.group("Neighbours")
        k = parser.option(
            "k", "K,K", "numbers of neighbours; the first is the headline", default: [200],
            Requirement("with every K at least 1") { !$0.isEmpty && $0.allSatisfy { $0 >= 1 } })
        temperature = parser.option("temperature", "T", "a vote weighs exp(similarity / T)", default: 0.07, .above(0))
        bankPrecision = parser.optionalChoice(
            "bank", "numbers of the features that vote; bf16 takes half the memory", shown: "as they come")
        json = parser.json()
    }

    func run() throws {
        let compute = inputs.features.compute
        try compute.activate()
        Interruption.watch()
        let (voters, queries) = try inputs.load(needsTest: false)
        let probe = KNNProbe(neighborCounts: k.value, temperature: temperature.value)
        var bank = voters.features
        switch bankPrecision.value {
        case .bf16:
            bank.normalize()
            bank.roundToBFloat16()
        case .fp32: bank.expand()
        case nil: break
        }
        let result: KNNResult
        if let queries {
            result = try probe.evaluate(train: bank, test: queries.features, threads: compute.threads.value)
        } else {
            result = try probe.evaluateLeaveOneOut(bank, threads: compute.threads.value)
        }
        print(result.table + voters.protocolJSON.featureText)
        try json.write(.object((result.json.members ?? []) + [.init("features", voters.protocolJSON)]))
    }
}
