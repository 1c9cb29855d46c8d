internal import Backbone
internal import Datasets
internal import Pretrain
internal import Probes
internal import Support
internal import Torch

/// What a pretraining run is worth so far: the weighted kNN accuracy of the memory bank, as the reference code measures
/// it while training.
struct PretrainMonitor {
    /// Rows of the bank that are classified when no test images are given.
    private static let heldOutRows = 2000
    private static let neighbors = 200

    let training: Pretraining
    let data: any ImageCollection
    /// Labelled images to classify; nil for rows of the bank itself.
    var test: (any ImageCollection)?
    var workers: Int

    /// nil when there is nothing to vote with: no memory bank, or no labels.
    init?(_ training: Pretraining, data: any ImageCollection, test: (any ImageCollection)?, workers: Int) throws {
        guard training.instance != nil, data.classes.count > 1 else {
            if let test {
                throw InputError(
                    test.source, "cannot be classified: the training has no memory bank with labels",
                    remedy: "leave --knn-test out")
            }
            return nil
        }
        if let test, test.classes != data.classes {
            throw InputError(
                test.source, "has other classes than \(data.source)", remedy: "use folders with the same classes")
        }
        self.training = training
        self.data = data
        self.test = test
        self.workers = workers
    }

    /// How the accuracy is measured, for people.
    var protocolText: String {
        let queries =
            test.map { "\($0.count) images of \($0.source)" }
            ?? "\(heldOut.count) evenly spaced rows of the memory bank, left out of the voters"
        return "K = \(Self.neighbors), τ = \(training.options.recipe.temperature), the memory bank votes on \(queries)"
    }

    /// Top-1 accuracy, in [0, 1].
    func measure() throws -> Double {
        guard let bank = training.instance?.bank else { preconditionFailure("there is no memory bank") }
        let dimension = bank.dimension
        let rows = bank.rows.floats
        let labels = (0..<data.count).map { data.label($0)! }
        let (voters, queries): (LabeledFeatures, LabeledFeatures)
        if let test {
            voters = try LabeledFeatures(features: rows, dimension: dimension, labels: labels, source: data.source)
            queries = try features(of: test)
        } else {
            let isQuery = Set(heldOut)
            func part(_ indices: [Int]) throws -> LabeledFeatures {
                try LabeledFeatures(
                    features: indices.flatMap { rows[($0 * dimension)..<(($0 + 1) * dimension)] },
                    dimension: dimension, labels: indices.map { labels[$0] }, source: data.source)
            }
            voters = try part((0..<data.count).filter { !isQuery.contains($0) })
            queries = try part(heldOut)
        }
        let probe = KNNProbe(
            neighborCounts: [min(Self.neighbors, voters.count)], temperature: training.options.recipe.temperature)
        return try probe.evaluate(train: voters, test: queries, threads: Runtime.threads).accuracies[0].top1
    }

    private var heldOut: [Int] {
        let count = min(Self.heldOutRows, max(1, data.count / 5))
        return (0..<count).map { $0 * data.count / count }
    }

    private func features(of test: any ImageCollection) throws -> LabeledFeatures {
        let network = PretrainedNetwork(
            training.network, projection: training.instance?.projection,
            description: training.description(details: [:]), device: training.options.device)
        var extractor = try FeatureExtractor(network, layer: PretrainedNetwork.embeddingLayer)
        extractor.workers = workers
        extractor.precision = training.options.precision
        let table = try extractor.extract(test)
        return try LabeledFeatures(
            features: table.features, dimension: table.dimension, labels: table.labels, source: test.source)
    }
}
