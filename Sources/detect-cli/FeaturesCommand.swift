internal import Probes
internal import Support
internal import Training

/// Writes the features of images at one layer.
struct FeaturesCommand: Command {
    static let name = "features"
    static let summary = "writes the features of images at a layer, with labels and file names"
    static let example =
        "detect-cli features --weights runs/instance/weights.safetensors --data images/train --out train.safetensors"

    let data: Option<String>
    let set: Option<String?>
    let out: Option<String>
    let raw: Option<Bool>
    let features: FeatureOptions
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        data = parser.required("data", "PATH", DataSource.help)
        set = parser.dataSet()
        out = parser.required("out", "FILE", "the safetensors file to write: features, labels, names")
        raw = parser.flag("raw", "leave the length of the vectors as it is instead of scaling it to 1")
        features = FeatureOptions(parser)
        json = parser.json()
    }

    func run() throws {
        try features.compute.activate()
        Interruption.watch()
        var extractor = try features.extractor()
        extractor.normalizes = !raw.value
        let images = try DataSource.open(data.value, set: set.value, limit: features.loading.limit.value)
        let table = try FeatureWorkflow.extract(images, extractor, title: "features")
        try table.write(to: out.value)
        print("\(table.count) images × \(table.dimension) dimensions at \(extractor.layer): \(out.value)")
        try json.write([
            "n": .integer(table.count), "dimension": .integer(table.dimension), "protocol": table.protocolJSON,
            "file": .string(out.value),
        ])
    }
}
