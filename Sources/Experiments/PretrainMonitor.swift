internal import Backbone
public import Datasets
public import Pretrain
internal import Probes
internal import Support
internal import Torch

/// What a pretraining run is worth so far: the weighted kNN accuracy of the memory bank, as the reference code measures
/// it while training.
public struct PretrainMonitor {
    /// Images of the training set that are classified when no test images are given.
    private static let heldOutRows = 2000
    private static let usualNeighborCount = 200

    private let training: Pretraining
    private let view: ProbeView
    private let data: any ImageCollection
    /// Labelled images to classify; nil for rows of the bank itself.
    private let test: (any ImageCollection)?
    private let neighbors: Neighbors
    private let workers: Int

    /// What votes.
    public enum Neighbors: String, CaseIterable, Sendable {
        /// The memory bank as it is, which costs nothing.
        case bank
        /// The training images anew, as the reference code does at the end.
        case images
    }

    /// nil when there is nothing to vote with: no memory bank, or no labels.
    ///
    /// - Throws: `InputError` when test images are given that cannot be classified.
    public init?(
        _ training: Pretraining, data: any ImageCollection, test: (any ImageCollection)?, neighbors: Neighbors,
        workers: Int
    ) throws {
        guard let view = training.method.probe, data.classes.count > 1 else {
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
        self.view = view
        self.data = data
        self.test = test
        self.neighbors = neighbors
        self.workers = workers
    }

    /// The usual K, or all voters where they are fewer.
    private var neighborCount: Int {
        min(Self.usualNeighborCount, test == nil ? data.count - heldOut.count : data.count)
    }

    /// How the accuracy is measured, for people.
    public var protocolText: String {
        let queries =
            test.map { "\($0.count) images of \($0.source)" }
            ?? "\(heldOut.count) evenly spaced ones, left out of the voters"
        let voters = neighbors == .bank ? "rows of the memory bank" : "embeddings of the training images"
        return "K = \(neighborCount), τ = \(view.temperature), \(voters) vote on \(queries)"
    }

    /// Top-1 accuracy, in [0, 1].
    public func measure() throws -> Double {
        let all = try voters()
        let (voters, queries): (LabeledFeatures, LabeledFeatures)
        if let test {
            (voters, queries) = (all, try features(of: test))
        } else {
            let isQuery = Set(heldOut)
            voters = try part(of: all, (0..<data.count).filter { !isQuery.contains($0) })
            queries = try part(of: all, heldOut)
        }
        let probe = KNNProbe(
            neighborCounts: [neighborCount], temperature: view.temperature)
        return try probe.evaluate(train: voters, test: queries, threads: Runtime.threads).accuracies[0].top1
    }

    private func voters() throws -> LabeledFeatures {
        guard neighbors == .bank else { return try features(of: data) }
        let bank = view.bank
        return try LabeledFeatures(
            features: bank.rows.floats, dimension: bank.dimension, labels: (0..<data.count).map { data.label($0)! },
            source: data.source)
    }

    private func part(of all: LabeledFeatures, _ rows: [Int]) throws -> LabeledFeatures {
        let d = all.dimension
        return try LabeledFeatures(
            features: rows.flatMap { all.features[($0 * d)..<(($0 + 1) * d)] }, dimension: d,
            labels: rows.map { all.labels[$0] }, source: all.source)
    }

    private var heldOut: [Int] {
        let count = min(Self.heldOutRows, max(1, data.count / 5))
        return (0..<count).map { $0 * data.count / count }
    }

    private func features(of test: any ImageCollection) throws -> LabeledFeatures {
        let network = PretrainedNetwork(
            training.method.network, projection: view.projection,
            description: training.description(details: [:]), device: training.options.device)
        var extractor = try FeatureExtractor(network, layer: PretrainedNetwork.embeddingLayer)
        extractor.workers = workers
        extractor.precision = training.options.precision
        let table = try extractor.extract(test)
        return try LabeledFeatures(
            features: table.features, dimension: table.dimension, labels: table.labels, source: test.source)
    }
}
