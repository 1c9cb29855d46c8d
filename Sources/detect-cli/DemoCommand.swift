internal import Support
internal import Torch
internal import Training

/// The whole story on a generated data set.
struct DemoCommand: Command {
    static let name = "demo"
    static let summary = "shows everything on a generated data set in minutes: pretrain, probe, fine-tune, compare"
    static let example = "detect-cli demo --out demo"

    let out: Option<String>
    let compute: ComputeOptions
    let workers: Option<Int>
    let seed: Option<UInt64>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        out = parser.option("out", "DIR", "the folder to work in; an interrupted demo goes on there", default: "demo")
        compute = ComputeOptions(parser, precision: Processor.fastPrecision, shown: "bf16 where the processor has it")
        workers = parser.option(
            "workers", "N", "threads that read images; changes no result", default: 2, .between(1, 1024))
        seed = parser.seed()
        json = parser.json()
    }

    func run() throws {
        try compute.activate()
        Interruption.watch()
        let results = try DemoWorkflow(
            out: out.value, seed: seed.value, device: compute.device.value, precision: compute.precision.value,
            workers: workers.value)()
        try json.write(results)
    }
}
