import Foundation
import Probes
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct KNNProbeTests {
    private func unit(_ degrees: Double) -> [Float] {
        [Float(cos(degrees * .pi / 180)), Float(sin(degrees * .pi / 180))]
    }

    private func set(_ degrees: [Double], _ labels: [Int], _ source: String = "set") throws -> LabeledFeatures {
        try LabeledFeatures(features: degrees.flatMap(unit), dimension: 2, labels: labels, source: source)
    }

    // The query at 0° is of class 1. Nearest first: 5° (class 0), -20° and 25° (class 1).
    // cos 5° = .9962, cos 20° = .9397, cos 25° = .9063. At τ = 1 the two votes of class 1 win for K = 3;
    // at τ = .02 exp(-(.9962 - .9397)/.02) + exp(-(.9962 - .9063)/.02) = .059 + .011 lose against 1.
    @Test func votesAreWeightedByTheTemperature() throws {
        let train = try set([5, -20, 25], [0, 1, 1])
        let test = try set([0], [1])
        let warm = try KNNProbe(neighborCounts: [3, 1], temperature: 1).evaluate(train: train, test: test)
        #expect(warm.accuracies.map(\.k) == [3, 1])
        #expect(warm.accuracies.map(\.top1) == [1, 0])
        let cold = try KNNProbe(neighborCounts: [3], temperature: 0.02).evaluate(train: train, test: test)
        #expect(cold.accuracies.map(\.top1) == [0])
        #expect(cold.accuracies.map(\.top5) == [1])
    }

    @Test func lengthDoesNotMatter() throws {
        let train = try LabeledFeatures(
            features: [1e-3, 0, 0, 1e6], dimension: 2, labels: [7, 3], source: "train")
        let test = try LabeledFeatures(features: [5, 4, 4, 5], dimension: 2, labels: [7, 3], source: "test")
        let result = try KNNProbe(neighborCounts: [1]).evaluate(train: train, test: test)
        #expect(result.accuracies[0].top1 == 1)
    }

    // The label is present, but its image is not among the K: five classes ahead of it or not, it has no vote.
    @Test func aClassWithoutVotesIsNotAmongTheFive() throws {
        let train = try set([1, 2, 90], [0, 0, 4])
        let result = try KNNProbe(neighborCounts: [2, 3]).evaluate(train: train, test: try set([0], [4]))
        #expect(result.accuracies.map(\.top5) == [0, 1])
        #expect(result.accuracies.map(\.top1) == [0, 0])
    }

    @Test func leaveOneOutSkipsTheImageItself() throws {
        let pairs = try set([0, 1, 90, 91], [0, 1, 0, 1])
        let probe = KNNProbe(neighborCounts: [1])
        #expect(try probe.evaluate(train: pairs, test: pairs).accuracies[0].top1 == 1)
        let result = try probe.evaluateLeaveOneOut(pairs)
        #expect(result.accuracies[0].top1 == 0 && result.isLeaveOneOut && result.protocolText.contains("leave-one-out"))
        #expect(throws: InputError.self) { try KNNProbe(neighborCounts: [4]).evaluateLeaveOneOut(pairs) }
    }

    @Test func agreesWithTheDefinition() throws {
        var stream = RandomStream(11)
        func draw(_ count: Int) throws -> LabeledFeatures {
            let labels = (0..<count).map { _ in stream.integer(below: 8) }
            // A little of the class in the first dimensions, so that accuracies are neither 0 nor 1.
            let features = labels.flatMap { label in
                (0..<8).map { Float(stream.uniform(-1, 1)) + ($0 == label ? 0.8 : 0) }
            }
            return try LabeledFeatures(features: features, dimension: 8, labels: labels, source: "drawn")
        }
        var (train, test) = (try draw(300), try draw(120))
        let counts = [50, 1, 5, 200]
        let result = try KNNProbe(neighborCounts: counts, temperature: 0.1).evaluate(train: train, test: test)
        train.normalize()
        test.normalize()
        for (index, k) in counts.enumerated() {
            var (top1, top5) = (0, 0)
            for query in 0..<test.count {
                let similarity = (0..<train.count).map { row in
                    (0..<8).reduce(0.0) {
                        $0 + Double(test.features[query * 8 + $1]) * Double(train.features[row * 8 + $1])
                    }
                }
                var votes = [Double](repeating: 0, count: 8)
                for row in similarity.indices.sorted(by: { similarity[$0] > similarity[$1] }).prefix(k) {
                    votes[train.labels[row]] += exp(similarity[row] / 0.1)
                }
                let order = votes.indices.filter { votes[$0] > 0 }.sorted { votes[$0] > votes[$1] }
                if order.first == test.labels[query] { top1 += 1 }
                if order.prefix(5).contains(test.labels[query]) { top5 += 1 }
            }
            #expect(result.accuracies[index].top1 == Double(top1) / 120, "K = \(k)")
            #expect(result.accuracies[index].top5 == Double(top5) / 120, "K = \(k)")
            #expect(top1 > 20 && top1 < 120)
        }
    }

    @Test func theResultSaysItsProtocol() throws {
        let train = try set([5, -20, 25], [0, 1, 1])
        let result = try KNNProbe(neighborCounts: [2, 1], temperature: 0.07).evaluate(train: train, test: train)
        let json = try JSON.parse(result.json.pretty.utf8)
        #expect(json["protocol"]?.stringValue?.contains("vote weight exp(s/0.07), K = 2, 1") == true)
        #expect(json["k"]?.intValue == 2 && json["n_train"]?.intValue == 3 && json["n_test"]?.intValue == 3)
        #expect(json["top1"] == json["by_k"]?["2"]?["top1"] && json["by_k"]?["1"]?["top1"]?.doubleValue == 1)
        #expect((json["search_seconds"]?.doubleValue ?? -1) >= 0)
    }

    @Test func badInputIsNamed() throws {
        func problem(_ features: [Float], _ labels: [Int]) -> String? {
            #expect(throws: InputError.self) {
                try LabeledFeatures(features: features, dimension: 2, labels: labels, source: "f.safetensors")
            }?.description
        }
        #expect(problem([], [])?.contains("f.safetensors: holds no features") == true)
        #expect(problem([1, 2, 3], [0])?.contains("holds no features of 2 dimensions") == true)
        #expect(problem([1, 2], [])?.contains("has no labels") == true)
        #expect(problem([1, 2], [0, 1])?.contains("1 feature but 2 labels") == true)
        #expect(problem([1, 2, 3, 4], [0, -1])?.contains("row 1") == true)
        #expect(problem([1, 2, 3, .nan], [0, 1])?.contains("row 1") == true)

        let train = try set([0, 10], [0, 1], "train.safetensors")
        func evaluate(_ test: LabeledFeatures, k: Int = 1) -> String? {
            #expect(throws: InputError.self) {
                try KNNProbe(neighborCounts: [k]).evaluate(train: train, test: test)
            }?.description
        }
        #expect(evaluate(train, k: 3)?.contains("K = 3 asks for more neighbours than the 2") == true)
        #expect(evaluate(try set([0], [5], "test.safetensors"))?.contains("shares no label") == true)
        let wide = try LabeledFeatures(features: [1, 2, 3], dimension: 3, labels: [0], source: "wide")
        #expect(evaluate(wide)?.contains("wide: has features of 3 dimensions") == true)
    }

    @Test func rowsOfZerosStayAsTheyAre() {
        var features: [Float] = [3, 4, 0, 0, 1e-30, 0, 3e38, 3e38]
        normalizeRows(&features, dimension: 2)
        #expect(features[0] == 0.6 && features[1] == 0.8 && features[2] == 0 && features[3] == 0 && features[4] == 1)
        #expect(abs(features[6] - Float(0.5).squareRoot()) < 1e-6)
    }
}
