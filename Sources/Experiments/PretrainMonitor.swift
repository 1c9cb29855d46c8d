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
    /// What the method has at hand; nil where only the backbone's features are looked at.
    private let view: ProbeView?
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

        /// The memory bank, except for methods of which only the features are probed.
        static func usual(_ method: any PretextMethod) -> Neighbors {
            if case .features = method.probe { .images } else { .bank }
        }
    }

    /// nil when there is nothing to vote with: no labels, or a method that is not probed.
    ///
    /// - Parameter neighbors: nil for the memory bank where the method has one, else images.
    /// - Throws: `InputError` when test images are given that cannot be classified, and for the memory bank of a method
    ///   without.
    public init?(
        _ training: Pretraining, data: any ImageCollection, test: (any ImageCollection)?, neighbors: Neighbors?,
        workers: Int
    ) throws {
        let method = training.options.method.rawValue
        switch training.method.probe {
        case .bank(let own): view = own
        case .features: view = nil
        case .none:
            if let test {
                throw InputError(
                    test.source, "cannot be classified: \(method) is not probed while it trains",
                    remedy: "probe its weights afterwards")
            }
            return nil
        }
        guard data.classes.count > 1 else {
            if let test {
                throw InputError(
                    test.source, "cannot be classified: \(data.source) has no labels", remedy: "use labelled images")
            }
            return nil
        }
        if neighbors == .bank, view == nil {
            throw InputError(method, "has no memory bank that could vote", remedy: "let images vote")
        }
        if let test, test.classes != data.classes {
            throw InputError(
                test.source, "has other classes than \(data.source)", remedy: "use folders with the same classes")
        }
        self.training = training
        self.data = data
        self.test = test
        self.neighbors = neighbors ?? .usual(training.method)
        self.workers = workers
    }

    /// The usual K, or all voters where they are fewer.
    private var neighborCount: Int {
        min(Self.usualNeighborCount, test == nil ? data.count - heldOut.count : data.count)
    }

    /// How the accuracy is measured, for people.
    public var protocolText: String {
        let queries =
            test.map { "\($0.count.counted("image")) of \($0.source)" }
            ?? "\(heldOut.count) evenly spaced ones, left out of the voters"
        let voters =
            neighbors == .bank
            ? "rows of the memory bank"
            : view == nil ? "features of the training images" : "embeddings of the training images"
        return "K = \(neighborCount), τ = \(temperature), \(voters) vote on \(queries)"
    }

    /// τ of the votes: the method's, or what features without one are compared with.
    private var temperature: Double { view?.temperature ?? 0.1 }

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
            neighborCounts: [neighborCount], temperature: temperature)
        return try probe.evaluate(train: voters, test: queries, threads: Runtime.threads).accuracies[0].top1
    }

    private func voters() throws -> LabeledFeatures {
        guard neighbors == .bank, let bank = view?.bank else { return try features(of: data) }
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
            training.method.network, projection: view?.projection,
            description: training.description(details: [:]), device: training.options.device)
        var extractor = try FeatureExtractor(network, layer: view == nil ? nil : PretrainedNetwork.embeddingLayer)
        extractor.workers = workers
        extractor.precision = training.options.precision
        let table = try extractor.extract(test)
        return try LabeledFeatures(
            features: table.features, dimension: table.dimension, labels: table.labels, source: test.source)
    }
}
