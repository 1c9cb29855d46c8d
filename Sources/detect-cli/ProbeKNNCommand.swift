internal import Datasets
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

    let train: Option<String?>
    let test: Option<String?>
    let trainFeatures: Option<String?>
    let testFeatures: Option<String?>
    let k: Option<[Int]>
    let temperature: Option<Double>
    let features: FeatureOptions
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        train = parser.optional("train", "DIR", "labelled images that vote: one folder a class")
        test = parser.optional("test", "DIR", "labelled images to classify", shown: "leave-one-out over the voters")
        trainFeatures = parser.optional("train-features", "FILE", "features of the voters instead of images")
        testFeatures = parser.optional("test-features", "FILE", "features to classify")
        k = parser.option(
            "k", "K,K", "numbers of neighbours; the first is the headline", default: [200],
            Requirement("with every K at least 1") { !$0.isEmpty && $0.allSatisfy { $0 >= 1 } })
        temperature = parser.option("temperature", "T", "a vote weighs exp(similarity / T)", default: 0.07, .above(0))
        features = FeatureOptions(parser)
        json = parser.json()
    }

    func run() throws {
        try features.compute.activate()
        Interruption.watch()
        let (voters, queries) = try tables()
        let probe = KNNProbe(neighborCounts: k.value, temperature: temperature.value)
        let result: KNNResult
        if let queries {
            result = try probe.evaluate(
                train: labeled(voters), test: labeled(queries), threads: features.compute.threads.value)
        } else {
            result = try probe.evaluateLeaveOneOut(labeled(voters), threads: features.compute.threads.value)
        }
        print(result.table, terminator: "")
        try json.write(.object((result.json.members ?? []) + [.init("features", voters.protocolJSON)]))
    }

    private func tables() throws -> (voters: FeatureTable, queries: FeatureTable?) {
        if let path = trainFeatures.value {
            guard !train.isGiven, !test.isGiven, !features.weights.isGiven else {
                throw UsageError(
                    "--train-features goes with --test-features only", remedy: "leave --weights, --train and --test out"
                )
            }
            return (try FeatureTable(path: path), try testFeatures.value.map { try FeatureTable(path: $0) })
        }
        guard let train = train.value else {
            throw UsageError("--train is missing", remedy: "give --weights and --train, or --train-features")
        }
        if testFeatures.isGiven {
            throw UsageError("--test-features goes with --train-features", remedy: "give --test instead")
        }
        let extractor = try features.extractor()
        let voters = try DataSource.open(train, limit: features.loading.limit.value)
        let queries = try test.value.map { try DataSource.open($0, limit: features.loading.limit.value) }
        if let queries, queries.classes != voters.classes {
            throw InputError(
                queries.source, "has other classes than \(voters.source)", remedy: "use folders with the same classes")
        }
        let table = try FeatureWorkflow.extract(voters, extractor, title: "features (train)")
        return (table, try queries.map { try FeatureWorkflow.extract($0, extractor, title: "features (test)") })
    }

    private func labeled(_ table: FeatureTable) throws -> LabeledFeatures {
        try LabeledFeatures(
            features: table.features, dimension: table.dimension, labels: table.labels,
            source: table.protocolJSON["data"]?.stringValue ?? trainFeatures.value ?? "features")
    }
}
