internal import Distributed
internal import Experiments
internal import Probes
internal import Support
internal import Torch

/// Writes the features of images at one layer.
struct FeaturesCommand: Command {
    static let name = "features"
    static let summary = "writes the features of images at a layer, with labels and file names"
    static let isShared = true
    static let example =
        "detect-cli features --weights runs/instance/weights.safetensors --data images/train --out train.safetensors"

    let data: Option<String>
    let set: Option<String?>
    let out: Option<String>
    let normalize: Option<Bool>
    let pooling: Option<PoolingRule>
    let type: Option<Precision>
    let features: FeatureOptions
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        data = parser.required("data", "PATH", DataSource.help)
        set = parser.dataSet()
        out = parser.output(parser.required("out", "FILE", "the safetensors file to write: features, labels, names"))
        normalize = parser.flag("normalize", "scale every vector to length 1")
        pooling = parser.choice(
            "pool", "what becomes of a map: its mean, about 9,000 values as for linear probes, or all of it",
            default: .average)
        type = parser.choice("dtype", "the type of the features in the file", default: .fp32)
        features = FeatureOptions(parser)
        json = parser.json()
    }

    func run() throws {
        let world = try features.join()
        Interruption.watch()
        var extractor = try features.extractor()
        extractor.normalizes = normalize.value
        extractor.pooling = pooling.value
        let images = try features.images(data.value, set: set.value)
        let written = try FeatureRun.write(images, extractor, to: out.value, dtype: type.value.dtype)
        try world.leaveToLeader()
        print(
            "\(written.count.counted("image")) × \(written.dimension.counted("dimension")) at \(extractor.layer): \(out.value)"
        )
        print("protocol: \(written.protocolJSON.protocolLine)")
        try json.write([
            "n": .integer(written.count), "dimension": .integer(written.dimension),
            "dtype": .string(type.value.rawValue),
            "images_per_second": .number(written.imagesPerSecond), "protocol": written.protocolJSON,
            "file": .string(out.value),
        ])
    }
}
