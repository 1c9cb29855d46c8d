internal import Experiments
internal import Support
internal import Torch

/// The whole story on a generated data set.
struct DemoCommand: Command {
    static let name = "demo"
    static let summary = "shows everything on a generated data set in minutes: pretrain, probe, fine-tune, compare"
    static let example = "detect-cli demo --out demo"

    let out: Option<String>
    let size: Option<DemoSize?>
    let minutes: Option<Double>
    let compute: ComputeOptions
    let workers: Option<Int>
    let seed: Option<UInt64>
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        out = parser.option("out", "DIR", "the folder to work in; an interrupted demo goes on there", default: "demo")
        size = parser.optionalChoice(
            "size",
            "how much is drawn and trained, and with it the figures; tiny only shows that everything runs",
            shown: "the largest of small, medium and large that --minutes allow")
        minutes = parser.option(
            "minutes", "N", "how long it may take; a trial of some seconds tells how long each size would",
            default: 5, .above(0))
        compute = ComputeOptions(
            parser, precision: Capability.here.fastPrecision, shown: "bf16 where the processor has it")
        workers = parser.workers("read images", default: 2)
        seed = parser.seed()
        results = parser.results()
    }

    func run() throws {
        if size.isGiven, minutes.isGiven {
            throw UsageError("--minutes has no meaning with --size", remedy: "leave one of them out")
        }
        try compute.activate()
        Interruption.watch()
        var demo = DemoRun(folder: out.value)
        demo.seed = seed.value
        demo.device = compute.place.device
        demo.precision = compute.precision.value
        demo.workers = workers.value
        demo.announce = Program.announce
        demo.decision = try demo.decide(size.value.map { .given($0) } ?? .within(minutes: minutes.value))
        let outcome = try demo()
        print("")
        try results.deliver(outcome.report, outcome.json)
        Program.sayReport(demo.folder)
    }
}
