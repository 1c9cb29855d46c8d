import Probes
import Reporting
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct SVMProbeTests {
    /// Points around the corners of a simplex, one corner a class.
    private func draw(_ counts: [Int], noise: Double, key: UInt64, source: String = "drawn") throws -> LabeledFeatures {
        var random = RandomStream(key)
        let labels = counts.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
        let features = labels.flatMap { label in
            (0..<counts.count + 2).map { Float(random.uniform(-noise, noise)) + ($0 == label ? 1 : 0) }
        }
        return try LabeledFeatures(features: features, dimension: counts.count + 2, labels: labels, source: source)
    }

    @Test func classesThatLieApartAreTold() throws {
        let (train, test) = (try draw([20, 20, 20], noise: 0.2, key: 1), try draw([9, 9, 9], noise: 0.2, key: 2))
        let result = try SVMProbe().evaluate(train: train, test: test)
        #expect(result.top1 == 1 && result.top5 == 1 && result.cost == 1 && result.search.isEmpty)
        #expect(result.classifiers.count == 3 && result.unconverged == 0)
    }

    @Test func theBestCostOnTheHeldOutPartIsTaken() throws {
        let (train, test) = (try draw([40, 30, 20], noise: 1.2, key: 3), try draw([50, 50, 50], noise: 1.2, key: 4))
        let result = try SVMProbe(costs: [100, 1e-6, 1]).evaluate(train: train, test: test)
        #expect(result.search.map(\.cost) == [1e-6, 1, 100])
        let best = result.search.map(\.accuracy).max()
        #expect(result.search.first { $0.accuracy == best }?.cost == result.cost)
        #expect(Set(result.search.map(\.accuracy)).count > 1)
        // The final fit is that of all training images at that C.
        let alone = try SVMProbe(costs: [result.cost]).evaluate(train: train, test: test)
        #expect(abs(alone.top1 - result.top1) < 0.02 && abs(alone.objective / result.objective - 1) < 1e-3)
        #expect(result.top1 > 0.5 && result.top1 < 1)
    }

    @Test func topFiveCountsTheFiveBest() throws {
        let (train, test) = (
            try draw([9, 9, 9, 9, 9, 9, 9, 9], noise: 2, key: 5), try draw([9, 9, 9, 9, 9, 9, 9, 9], noise: 2, key: 6)
        )
        let result = try SVMProbe().evaluate(train: train, test: test)
        var (right1, right5) = (0, 0)
        var normalized = test
        normalized.normalize()
        for row in 0..<test.count {
            let scores = result.classifiers.map { classifier in
                zip(classifier.weights, normalized.features[row * 10..<row * 10 + 10]).reduce(
                    Float(classifier.intercept)
                ) { $0 + $1.0 * $1.1 }
            }
            let order = scores.indices.sorted { scores[$0] > scores[$1] }
            if order[0] == test.labels[row] { right1 += 1 }
            if order.prefix(5).contains(test.labels[row]) { right5 += 1 }
        }
        #expect(result.top1 == Double(right1) / 72 && result.top5 == Double(right5) / 72)
        #expect(right1 < right5 && right5 < 72)
    }

    @Test func theResultSaysItsProtocol() throws {
        let set = try draw([6, 6], noise: 0.3, key: 7)
        var probe = SVMProbe(costs: [0.5, 2])
        probe.svm.loss = .hinge
        probe.classWeight = .balanced
        let result = try probe.evaluate(train: set, test: set)
        let json = try JSON.parse(result.json.pretty.utf8)
        let text = try #require(json["protocol"]?.stringValue)
        for part in ["hinge", "L2-normalised 4-d", "class weight balanced", "best of 0.5, 2.0 on 20 %", "12 training"] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        #expect(json["n_train"]?.intValue == 12 && json["n_test"]?.intValue == 12 && json["top1"]?.doubleValue == 1)
        #expect(json["c"]?.doubleValue == result.cost && (json["fit_seconds"]?.doubleValue ?? -1) >= 0)
        #expect(json["held_out"]?.arrayValue?.count == 2 && result.report.text.contains(text))
    }

    @Test func badInputIsNamed() throws {
        let train = try draw([5, 5, 1], noise: 0.1, key: 8, source: "train.safetensors")
        func problem(_ test: LabeledFeatures, _ train: LabeledFeatures, costs: [Double] = [1]) -> String? {
            #expect(throws: InputError.self) {
                try SVMProbe(costs: costs).evaluate(train: train, test: test, classes: ["cat", "dog", "emu", "fox"])
            }?.description
        }
        #expect(problem(train, train, costs: [1, 2])?.contains("train.safetensors: the class \"emu\" has one") == true)
        let four = try LabeledFeatures(
            features: [Float](repeating: 1, count: 5), dimension: 5, labels: [3], source: "test.safetensors")
        #expect(problem(four, train)?.contains("test.safetensors: the class \"fox\" has no image in train") == true)
        let wide = try draw([2, 2], noise: 1, key: 1, source: "wide")
        #expect(problem(wide, train)?.contains("wide: has features of 4 dimensions") == true)
        let one = try draw([4], noise: 1, key: 1)
        #expect(problem(one, one)?.contains("the one class \"cat\"") == true)
    }

    @Test func foldsAreThoseOfScikitLearn() throws {
        let cases = try #require(try Golden.read("svm.json")["folds"]?.arrayValue)
        #expect(cases.count == 8)
        for sample in cases {
            let labels = try #require(sample["labels"]?.ints)
            let folds = StratifiedSplit.folds(labels, count: try #require(sample["count"]?.intValue))
            #expect(folds == sample["folds"]?.ints)
        }
    }

    @Test func theHeldOutPartKeepsTheSharesOfTheClasses() {
        let labels = (0..<103).map { $0 < 100 ? $0 % 4 : $0 == 102 ? 5 : 4 }
        let heldOut = StratifiedSplit.heldOut(labels, fraction: 0.2, seed: 1)
        #expect(heldOut == heldOut.sorted() && Set(heldOut).count == heldOut.count)
        for label in 0..<4 { #expect(heldOut.count { labels[$0] == label } == 5) }
        // Of two one is held out, of a single one none.
        #expect(heldOut.count { labels[$0] == 4 } == 1 && heldOut.count { labels[$0] == 5 } == 0)
        #expect(heldOut == StratifiedSplit.heldOut(labels, fraction: 0.2, seed: 1))
        #expect(heldOut != StratifiedSplit.heldOut(labels, fraction: 0.2, seed: 2))
    }

    // Scores .9 + .8 − .7 + .6 −: precision 1, 1, 2/3, 3/4, 3/5 at recall 1/3, 2/3, 2/3, 1, 1.
    // In steps 1/3 + 1/3 + 1/3 · 3/4 = 11/12; no later precision is higher, so the envelope is the same.
    // Falling order (−, +): precision 0, 1/2; steps and envelope 1/2.
    @Test func averagePrecisionByHand() throws {
        let curve = try #require(
            PrecisionRecallCurve(scores: [0.6, 0.9, 0.7, 0.8, 0.1], isPositive: [true, true, false, true, false]))
        #expect(abs(curve.areaUnderSteps - 11.0 / 12) < 1e-12 && abs(curve.areaUnderEnvelope - 11.0 / 12) < 1e-12)
        let worse = try #require(PrecisionRecallCurve(scores: [2, 1], isPositive: [false, true]))
        #expect(worse.areaUnderSteps == 0.5 && worse.areaUnderEnvelope == 0.5)
        // − + + : precision 0, 1/2, 2/3: the envelope lifts the first step to 2/3.
        let rising = try #require(PrecisionRecallCurve(scores: [3, 2, 1], isPositive: [false, true, true]))
        #expect(abs(rising.areaUnderSteps - 7.0 / 12) < 1e-12 && abs(rising.areaUnderEnvelope - 2.0 / 3) < 1e-12)
        #expect(PrecisionRecallCurve(scores: [1], isPositive: [false]) == nil)
    }

    @Test func averagePrecisionsAreThoseOfScikitLearn() throws {
        let cases = try #require(try Golden.read("svm.json")["precisions"]?.arrayValue)
        #expect(cases.count == 4)
        for sample in cases {
            let scores = try #require(sample["scores"]?.doubles).map { Float($0) }
            let truth = try #require(sample["truth"]?.ints).map { $0 == 1 }
            let curve = try #require(PrecisionRecallCurve(scores: scores, isPositive: truth))
            #expect(abs(curve.areaUnderSteps - (sample["steps"]?.doubleValue ?? -1)) < 1e-12)
            if let expected = sample["interpolated"]?.doubleValue {
                #expect(abs(curve.areaUnderEnvelope - expected) < 1e-12)
            }
        }
    }
}
