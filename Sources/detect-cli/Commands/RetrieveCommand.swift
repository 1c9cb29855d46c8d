internal import Graphics
internal import Backbone
internal import Datasets
internal import Experiments
internal import Foundation
internal import Imaging
internal import Probes
internal import Support

/// Nearest neighbours of images, as a picture.
struct RetrieveCommand: Command {
    static let name = "retrieve"
    static let summary = "shows the nearest neighbours of images as a picture"
    static let example = """
        detect-cli retrieve --weights runs/instance/weights.safetensors --data images/train --query cat.jpg --out grid.png
        detect-cli retrieve --features train.safetensors --weights runs/instance/weights.safetensors --query images/val --out grid.png
        """

    let data: Option<String?>
    let set: Option<String?>
    let bank: Option<String?>
    let query: Option<String>
    let out: Option<String>
    let k: Option<Int>
    let maximum: Option<Int>
    let features: FeatureOptions
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        query = parser.required("query", "PATH", "an image, or a folder of images")
        data = parser.optional(
            "data", "PATH", "the images to search, and the pictures shown",
            shown: "with --features: the folder it names"
        )
        set = parser.dataSet()
        bank = parser.optional("features", "FILE", "features to search instead of reading all of the data")
        out = parser.picture(parser.required("out", "FILE", "the picture to write, .png, .jpg, .svg or .pdf"))
        k = parser.option("k", "N", "neighbours shown for each query", default: 10, .between(1, 100))
        maximum = parser.option(
            "max-queries", "N", "of a folder, that many images evenly spread", default: 10, .between(1, 200))
        features = FeatureOptions(parser, isShared: false)
        results = parser.results()
    }

    func run() throws {
        try features.compute.activate()
        Interruption.watch()
        var run = RetrievalRun(query.value)
        run.maximumQueries = maximum.value
        run.k = k.value
        run.threads = features.compute.threads.value
        run.onBadImage = features.badImages.value.policy
        let (bank, images, extractor) = try prepare()
        let (retrieval, picture) = try run(bank: bank, images: images, extractor: extractor)
        try picture.write(to: out.value)
        print(
            "\(retrieval.queries.count) queries, \(retrieval.k.counted("neighbour")) of \(retrieval.bankCount): \(out.value)"
        )
        if let precision = retrieval.precision {
            print("\((100 * precision).fixed(1)) % of the neighbours are of the query's class")
        }
        print("protocol: \(retrieval.protocolText)")
        try results.write(retrieval.report(picture), retrieval.json)
    }

    /// The bank, the images it was made of where they can be found, and what turns queries into features.
    private func prepare() throws -> (FeatureTable, (any ImageCollection)?, FeatureExtractor?) {
        guard let path = bank.value else {
            guard let data = data.value else {
                throw UsageError("--data is missing", remedy: "give --weights and --data, or --features")
            }
            let images = try features.images(data, set: set.value)
            let extractor = try features.extractor()
            return (try FeatureRun.extract(images, extractor, title: "features"), images, extractor)
        }
        let table = try FeatureTable(path: path)
        // Where the file says what it was made of, and that is still there, its pictures can be shown.
        let recorded = table.protocolJSON["data"]?.stringValue
        let images =
            try data.value.map { try features.images($0, set: set.value, limited: false) }
            ?? recorded.flatMap { try? features.images($0, set: set.value, limited: false) }
        guard features.weights.isGiven else { return (table, images, nil) }
        var extractor = try features.extractor(
            layer: table.protocolJSON["layer"]?.stringValue, imageSize: table.protocolJSON["image_size"]?.intValue)
        extractor.pooling = table.protocolJSON["pool"]?.stringValue.flatMap(PoolingRule.init) ?? .average
        return (table, images, extractor)
    }
}
