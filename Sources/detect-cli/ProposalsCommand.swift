internal import Detection
internal import Support
internal import Training
internal import VOCData

/// Selective search over an image set.
struct ProposalsCommand: Command {
    static let name = "proposals"
    static let summary = "makes region proposals of a VOC image set by selective search, and measures their recall"
    static let example = "detect-cli proposals --devkit VOCdevkit --set trainval --out trainval.proposals"

    let devkit: Option<String>
    let set: Option<String>
    let out: Option<String>
    let limit: Option<Int>
    let loading: LoadingOptions
    let seed: Option<UInt64>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        devkit = parser.required("devkit", "DIR", "the folder that holds VOC2007/")
        set = parser.required("set", "NAME", "the image set")
        out = parser.required("out", "FILE", "the proposal file to write; a killed run goes on where it was")
        limit = parser.option("max", "N", "most boxes of an image", default: 2000, .between(1, 1_000_000))
        loading = LoadingOptions(parser)
        seed = parser.seed()
        json = parser.json()
    }

    func run() throws {
        Interruption.watch()
        let images = try VOCSet(
            devkit.value, set: set.value, limit: loading.limit.value, policy: .keep, threads: loading.workers.value)
        let quality = try ProposalWorkflow(
            set: images, out: out.value, seed: seed.value, limit: limit.value, workers: loading.workers.value)()
        func text(_ value: Double?, _ decimals: Int) -> String { value?.fixed(decimals) ?? "unknown" }
        print(
            textTable([
                ["images", String(quality.images)], ["boxes per image", text(quality.boxesPerImage, 1)],
                ["seconds per image", text(quality.secondsPerImage, 3)],
                ["recall at IoU .5", text(quality.recall50, 4)],
                ["recall at IoU .7", text(quality.recall70, 4)],
                ["average best overlap", text(quality.averageBestOverlap, 4)],
            ]))
        print(
            "objects not marked difficult: \(quality.objects); selective search (fast), seed \(seed.value), at most \(limit.value) boxes an image"
        )
        try json.write(quality.json)
    }
}
