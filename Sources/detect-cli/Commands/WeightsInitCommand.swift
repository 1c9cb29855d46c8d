internal import Backbone
internal import Experiments
internal import Support
internal import Torch

/// Writes weights that nothing was learnt with, or scales the layers of learnt ones.
struct WeightsInitCommand: Command {
    static let name = "weights init"
    static let summary = "writes random weights, or such that images have shaped, or rescales the layers of learnt ones"
    static let example = """
        detect-cli weights init --arch alexnet --method data-driven --data VOCdevkit --out kmeans.safetensors
        detect-cli weights init --rescale context.safetensors --data VOCdevkit --out context-rescaled.safetensors
        """

    enum Method: String, CaseIterable {
        case random
        case dataDriven = "data-driven"
    }

    let architecture: Option<Architecture?>
    let stem: Option<Stem>
    let method: Option<Method>
    let directions: Option<WeightDirections>
    let rescale: Option<String?>
    let data: Option<String?>
    let set: Option<String?>
    let images: Option<Int>
    let imageSize: Option<Int>
    let out: Option<String>
    let workers: Option<Int>
    let badImages: Option<BadImageChoice>
    let compute: ComputeOptions
    let seed: Option<UInt64>
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        architecture = parser.optionalChoice("arch", "the network", of: Architecture.self, shown: "")
        stem = parser.choice("stem", "how a ResNet takes its input in", default: .imagenet)
        method = parser.choice(
            "method",
            "random, as the network is initialised; or every unit alive and every layer changing at one rate on images "
                + "(Krähenbühl et al. 2016), for alexnet and vgg16",
            default: .random)
        directions = parser.choice(
            "directions", "what data-driven weights are: centres or components of patches, or Gaussian",
            default: .kmeans)
        rescale = parser.optional(
            "rescale", "FILE",
            "a weight file to scale layer by layer so that all change at one rate, in place of --method",
            shown: "none")
        out = parser.output(parser.required("out", "FILE", "the weight file to write"))
        parser.group("Data")
        data = parser.optional("data", "PATH", DataSource.help, shown: "none; needed unless --method random")
        set = parser.dataSet()
        images = parser.option("images", "N", "how many images are looked at", default: 160, .between(1, 100_000))
        imageSize = parser.option(
            "image-size", "N", "side of the network's input", default: 224, .between(8, 4096))
        workers = parser.workers("decode images", default: Processor.coreCount, shown: "all cores")
        badImages = parser.badImages()
        compute = ComputeOptions(parser)
        seed = parser.seed()
        results = ResultOptions(parser)
    }

    func run() throws {
        try compute.activate()
        Interruption.watch()
        var run = WeightInitRun()
        run.seed = seed.value
        run.device = compute.place.device
        if let file = rescale.value {
            for (isGiven, name) in [
                (architecture.isGiven, "arch"), (stem.isGiven, "stem"), (method.isGiven, "method"),
                (directions.isGiven, "directions"), (imageSize.isGiven, "image-size"),
            ] where isGiven {
                throw UsageError("--\(name) has no meaning with --rescale", remedy: "leave it out: the file says it")
            }
            return try deliver(run.rescaled(file, from: source(), to: out.value))
        }
        guard let architecture = architecture.value else {
            throw UsageError("--arch is missing", remedy: "give the network, or a file to --rescale")
        }
        try stem.value.require(in: architecture)
        let config = NetworkConfig(architecture, stem: stem.value)
        switch method.value {
        case .random:
            for (isGiven, name) in [
                (data.isGiven, "data"), (set.isGiven, "set"), (directions.isGiven, "directions"),
                (images.isGiven, "images"), (imageSize.isGiven, "image-size"),
            ] where isGiven {
                throw UsageError("--\(name) has no meaning with --method random", remedy: "leave it out")
            }
            try run.random(config, to: out.value)
            print("\(out.value): \(config), random weights of seed \(seed.value)")
        case .dataDriven:
            try deliver(
                run.dataDriven(config, directions.value, from: source(), imageSize: imageSize.value, to: out.value))
        }
    }

    private func source() throws -> WeightInitRun.Images {
        guard let path = data.value else {
            throw UsageError("--data is missing", remedy: "give the images that the weights are to fit")
        }
        var source = WeightInitRun.Images(try DataSource.open(path, set: set.value))
        source.count = images.value
        source.workers = workers.value
        source.onBadImage = badImages.value.policy
        return source
    }

    private func deliver(_ result: WeightInitResult) throws {
        try results.deliver(result.report, result.json)
        print("written to \(out.value)")
    }
}
