internal import Experiments
internal import Probes
internal import Reporting
internal import Support

/// One-vs-rest linear SVMs on frozen features.
struct ProbeSVMCommand: Command {
    static let name = "probe svm"
    static let summary = "classifies images by linear support vector machines on their features"
    static let isShared = true
    static let example = """
        detect-cli probe svm --weights runs/instance/weights.safetensors --train images/train --test images/val
        detect-cli probe svm --train-features train.safetensors --test-features test.safetensors --c 0.1,1,10
        """

    let inputs: ProbeInputs
    let costs: Option<[Double]>
    let heldOut: Option<Double>
    let svm: SVMOptions
    let classWeight: Option<SVMProbe.ClassWeight>
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        inputs = ProbeInputs(parser)
        svm = SVMOptions(parser, maximumIterations: 1000)
        costs = parser.option(
            "c", "C,C", "costs; of several the best on a held-out part of the training images is taken",
            default: [0.01, 0.1, 1, 10, 100], SVMOptions.positiveCosts)
        heldOut = parser.option(
            "held-out", "PART", "the part of each class held out to choose C", default: 0.2,
            Requirement("above 0 and below 1") { 0 < $0 && $0 < 1 })
        classWeight = parser.choice("class-weight", "balanced: C of a class is divided by its size", default: .none)
        results = parser.results()
    }

    func run() throws {
        let compute = inputs.features.compute
        try inputs.features.join()
        Interruption.watch()
        var probe = SVMProbe(costs: costs.value)
        probe.svm = svm.svm(seed: inputs.features.seed.value)
        probe.heldOutFraction = heldOut.value
        probe.classWeight = classWeight.value
        probe.normalizes = !svm.raw.value
        var run = SVMRun(try inputs.data(needsTest: true), probe: probe)
        run.allowsEmptyClasses = inputs.allowsEmptyClasses
        run.threads = compute.threads.value
        let (result, features) = try run()
        var report = result.report
        report.append(.paragraph(features.featureText))
        try results.deliver(
            report, .object((result.json.members ?? []) + [.init("features", features)]))
    }
}
