public import Reporting
public import Support

#if canImport(Glibc)
internal import Glibc
#endif

/// Weighted k-nearest-neighbour classification (Wu et al. 2018, section 3.4).
///
/// Each of the K nearest training images votes for its class with the weight exp(s/τ), s its cosine similarity.
public struct KNNProbe: Hashable, Sendable {
    /// Every K that is reported; the first is the headline.
    public var neighborCounts: [Int]
    /// τ: .07 for ImageNet, .1 for CIFAR-10.
    public var temperature: Double

    public init(neighborCounts: [Int] = [200, 1, 10, 20, 100], temperature: Double = 0.07) {
        precondition(!neighborCounts.isEmpty && neighborCounts.allSatisfy { $0 > 0 }, "every K must be positive")
        precondition(temperature > 0, "the temperature must be positive, got \(temperature)")
        self.neighborCounts = neighborCounts
        self.temperature = temperature
    }

    /// Classifies `test` by its neighbours in `train`; rows of both are normalised first.
    ///
    /// - Throws: `InputError` when the dimensions differ, when the two share no label, and when a K exceeds the
    ///   number of training images.
    public func evaluate(train: LabeledFeatures, test: LabeledFeatures, threads: Int = 2) throws -> KNNResult {
        try requireSameDimension(train: train, test: test)
        guard !Set(train.labels).isDisjoint(with: test.labels) else {
            throw InputError(
                test.source, "shares no label with \(train.source)", remedy: "use data sets with the same classes")
        }
        return try evaluate(train: train, test: test, leaveOneOut: false, threads: threads)
    }

    /// Classifies every image of `features` by its neighbours among the others.
    public func evaluateLeaveOneOut(_ features: LabeledFeatures, threads: Int = 2) throws -> KNNResult {
        try evaluate(train: features, test: features, leaveOneOut: true, threads: threads)
    }

    private func evaluate(
        train: LabeledFeatures, test: LabeledFeatures, leaveOneOut: Bool, threads: Int
    ) throws -> KNNResult {
        let largest = neighborCounts.reduce(0, max)
        let available = train.count - (leaveOneOut ? 1 : 0)
        guard largest <= available else {
            throw InputError(
                train.source, "K = \(largest) asks for more neighbours than the \(available) there are",
                remedy: "use a smaller K or more images")
        }
        var (train, test) = (train, test)
        train.normalize()
        test.normalize()
        let watch = Stopwatch()
        let neighbors = try NearestNeighbors.search(
            queries: test.matrix, bank: train.matrix, k: largest, excludeSelf: leaveOneOut, threads: threads)
        let accuracies = vote(neighbors, trainLabels: train.labels, testLabels: test.labels)
        return KNNResult(
            accuracies: accuracies, temperature: temperature, dimension: train.dimension, trainCount: train.count,
            testCount: test.count, isLeaveOneOut: leaveOneOut,
            isBFloat16: train.matrix.isBFloat16, searchSeconds: watch.seconds)
    }

    /// Accuracies in the order of `neighborCounts`.
    private func vote(_ neighbors: NeighborTable, trainLabels: [Int], testLabels: [Int]) -> [KNNAccuracy] {
        let order = neighborCounts.indices.sorted { neighborCounts[$0] < neighborCounts[$1] }
        var correct1 = [Int](repeating: 0, count: neighborCounts.count)
        var correct5 = correct1
        // Of the classes among the neighbours alone: a pass over all labels would take longer than one search.
        var votes: [Int: Double] = [:]
        for (query, label) in testLabels.enumerated() {
            let indices = neighbors.indices(query)
            let scores = neighbors.scores(query)
            // Dividing all weights by that of the nearest changes no comparison and cannot overflow.
            let nearest = Double(scores.first ?? 0)
            var taken = 0
            votes.removeAll(keepingCapacity: true)
            for which in order {
                for (index, score) in zip(indices, scores).dropFirst(taken).prefix(neighborCounts[which] - taken) {
                    votes[trainLabels[Int(index)], default: 0] += exp((Double(score) - nearest) / temperature)
                }
                taken = neighborCounts[which]
                guard let vote = votes[label], vote > 0 else { continue }
                // Of equal votes the lower label comes first.
                let rank = votes.count { $0.value > vote || ($0.value == vote && $0.key < label) }
                if rank < 1 { correct1[which] += 1 }
                if rank < 5 { correct5[which] += 1 }
            }
        }
        let total = Double(testLabels.count)
        return neighborCounts.indices.map {
            KNNAccuracy(k: neighborCounts[$0], top1: Double(correct1[$0]) / total, top5: Double(correct5[$0]) / total)
        }
    }
}

/// Accuracy at one K, as fractions.
public struct KNNAccuracy: Hashable, Sendable {
    public var k: Int
    public var top1: Double
    /// The class is among the five with the most votes, and has at least one.
    public var top5: Double
}

/// What the kNN probe measured, with the protocol.
public struct KNNResult: Hashable, Sendable {
    /// The first is the headline.
    public var accuracies: [KNNAccuracy]
    public var temperature: Double
    public var dimension: Int
    public var trainCount: Int
    public var testCount: Int
    public var isLeaveOneOut: Bool
    /// Whether the training features were kept in bfloat16.
    public var isBFloat16: Bool
    /// Search and vote.
    public var searchSeconds: Double

    /// One sentence that says how the numbers were made.
    public var protocolText: String {
        let ks = accuracies.map { String($0.k) }.joined(separator: ", ")
        return "weighted kNN, exact cosine search over L2-normalised \(dimension)-d features, "
            + "vote weight exp(s/\(temperature)), K = \(ks)" + (isBFloat16 ? ", training features in bfloat16" : "")
            + (isLeaveOneOut ? ", leave-one-out" : "")
            + "; \(trainCount) training and \(testCount.counted("test image"))"
    }

    /// `{"protocol", "top1", "top5", "k", "temperature", "n_train", "n_test", "search_seconds", "by_k": {K: …}}`.
    public var json: JSON {
        let headline = accuracies.first
        return [
            "protocol": .string(protocolText), "top1": JSON(headline?.top1),
            "top5": JSON(headline?.top5), "k": JSON(headline?.k),
            "temperature": .number(temperature), "bank": .string(isBFloat16 ? "bf16" : "fp32"),
            "dimension": .integer(dimension), "n_train": .integer(trainCount),
            "n_test": .integer(testCount), "search_seconds": .number(searchSeconds),
            "by_k": .object(
                accuracies.map { JSON.Member(String($0.k), ["top1": .number($0.top1), "top5": .number($0.top5)]) }),
        ]
    }

    public var report: Report {
        let table = Table(
            [.number("K"), .percent("top-1 %"), .percent("top-5 %")],
            accuracies.map { [.integer($0.k), .number($0.top1), .number($0.top5)] }, notes: [protocolText])
        return Report("Nearest neighbours", [.table(table)])
    }
}
