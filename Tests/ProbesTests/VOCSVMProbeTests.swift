import Probes
import Reporting
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct VOCSVMProbeTests {
    private let classes = ["cat", "dog", "person"]

    /// Each class has a dimension of its own, which its presence raises by `signal`.
    private func draw(_ count: Int, signal: Float, key: UInt64, source: String = "drawn") throws -> MultiLabelFeatures {
        var random = RandomStream(key)
        var marks = [[MultiLabelFeatures.Mark]](repeating: [], count: 3)
        var features: [Float] = []
        for _ in 0..<count {
            for index in marks.indices {
                let draw = random.uniform()
                marks[index].append(draw < 0.3 ? .present : draw < 0.4 ? .difficult : .absent)
            }
            for column in 0..<6 {
                let isPresent = column < 3 && marks[column].last == .present
                features.append(Float(random.uniform(-1, 1)) + (isPresent ? signal : 0))
            }
        }
        return try MultiLabelFeatures(features: features, dimension: 6, classes: classes, marks: marks, source: source)
    }

    @Test func whatTheFeaturesShowIsFound() throws {
        let (train, test) = (try draw(150, signal: 3, key: 1), try draw(100, signal: 3, key: 2))
        let clear = try VOCSVMProbe(costs: [0.1, 1, 10]).evaluate(train: train, test: test)
        #expect(clear.map > 0.97)
        let noise = try VOCSVMProbe(costs: [0.1, 1, 10]).evaluate(
            train: try draw(150, signal: 0, key: 3), test: try draw(100, signal: 0, key: 4))
        // By chance about the share of positives among those that count, 1/3.
        #expect(noise.map > 0.2 && noise.map < 0.5)
        #expect(clear.classes.map(\.testPositives) == test.marks.map { $0.count { $0 == .present } })
    }

    /// The protocol step by step, each fit alone, with another way to fold and to rank.
    @Test func agreesWithTheProtocolDoneStepByStep() throws {
        var (train, test) = (try draw(91, signal: 0.8, key: 5), try draw(80, signal: 0.8, key: 6))
        var probe = VOCSVMProbe(costs: [0.05, 1, 20])
        probe.svm.tolerance = 1e-5
        let result = try probe.evaluate(train: train, test: test)
        train.normalize()
        test.normalize()
        for (index, found) in result.classes.enumerated() {
            let truth = train.marks[index].map { $0 == .present }
            let folds = StratifiedSplit.folds(truth.map { $0 ? 1 : 0 }, count: 3)
            func fit(_ rows: [Int], _ cost: Double) throws -> LinearClassifier {
                let problem = BinaryProblem(signs: rows.map { truth[$0] ? 1 : -1 }, positiveWeight: 2)
                return try probe.svm.fit(
                    features: train.features, dimension: 6, tasks: [SVMTask(rows: rows, problems: [problem])],
                    costs: [cost])[0][0][0]
            }
            func score(_ classifier: LinearClassifier, _ features: [Float], _ row: Int) -> Float {
                zip(classifier.weights, features[row * 6..<row * 6 + 6]).reduce(0) { $0 + $1.0 * $1.1 }
            }
            let means = try probe.costs.map { cost in
                try (0..<3).reduce(0.0) { sum, fold in
                    let classifier = try fit(folds.indices.filter { folds[$0] != fold }, cost)
                    let rows = folds.indices.filter { folds[$0] == fold }
                    let order = rows.sorted {
                        score(classifier, train.features, $0) > score(classifier, train.features, $1)
                    }
                    var (hits, ap) = (0, 0.0)
                    for (rank, row) in order.enumerated() where truth[row] {
                        hits += 1
                        ap += Double(hits) / Double(rank + 1)
                    }
                    return sum + ap / Double(hits) / 3
                }
            }
            let best = means.indices.max { means[$0] < means[$1] }!
            #expect(abs(found.foldAP - means[best]) < 1e-6 && found.cost == probe.costs[best], "\(found.name)")
            let classifier = try fit(Array(truth.indices), probe.costs[best])
            let rows = test.marks[index].indices.filter { test.marks[index][$0] != .difficult }
            let order = rows.sorted { score(classifier, test.features, $0) > score(classifier, test.features, $1) }
            let precisions = order.indices.filter { test.marks[index][order[$0]] == .present }.enumerated().map {
                Double($0.offset + 1) / Double($0.element + 1)
            }
            let ap = precisions.indices.reduce(0) { $0 + precisions[$1...].max()! } / Double(precisions.count)
            #expect(abs(found.ap - ap) < 1e-6, "\(found.name)")
        }
        #expect(abs(result.map - result.classes.map(\.ap).reduce(0, +) / 3) < 1e-12)
    }

    @Test func moreShotsHelp() throws {
        let (train, test) = (try draw(400, signal: 1, key: 7), try draw(300, signal: 1, key: 8))
        let probe = VOCSVMProbe(costs: [0.1, 1, 10])
        let results = try probe.evaluateLowShot(train: train, test: test, shots: [1, 32], samples: 4)
        #expect(results.map(\.shots) == [1, 32] && results.map(\.maps.count) == [4, 4])
        #expect(results[1].mean > results[0].mean + 0.05)
        for result in results {
            #expect(result.minimum <= result.mean && result.mean <= result.maximum && result.deviation > 0)
            #expect(result.meanByCost.map(\.cost) == [0.1, 1, 10])
            #expect(result.meanByCost.map(\.map).max() == result.meanByCost.first { $0.cost == result.cost }?.map)
        }
        let again = try probe.evaluateLowShot(train: train, test: test, shots: [32], samples: 4, threads: 1)
        #expect(again[0] == results[1])
        let json = probe.lowShotJSON(results, classCount: 3)
        #expect(json["shots"]?["1"]?["mean"]?.doubleValue == results[0].mean)
        #expect(
            json["protocol"]?.stringValue?.contains("k positive and 2 k negative images a class, 4 samples") == true)
    }

    @Test func theResultSaysItsProtocol() throws {
        let set = try draw(60, signal: 1, key: 9)
        let result = try VOCSVMProbe(costs: [1, 0.5]).evaluate(train: set, test: set)
        let json = try JSON.parse(result.json.pretty.utf8)
        for part in ["Goyal", "L2-normalised 6-d", "3-fold", "over 0.5, 1.0", "60 training and 60 test images"] {
            #expect(json["protocol"]?.stringValue?.contains(part) == true, "\(part)")
        }
        #expect(json["ap"]?.members?.map(\.name) == classes && json["map"]?.doubleValue == result.map)
        #expect(json["folds"]?.intValue == 3 && json["positive_weight"]?.doubleValue == 2)
        #expect(result.report.text.contains("person"))
    }

    @Test func badInputIsNamed() throws {
        func problem(_ body: () throws -> Void) -> String? {
            #expect(throws: InputError.self, performing: body)?.description
        }
        func marked(_ marks: [MultiLabelFeatures.Mark], _ name: String = "cow", values: [Float]? = nil) throws
            -> MultiLabelFeatures
        {
            try MultiLabelFeatures(
                features: values ?? marks.map { _ in 1 }, dimension: 1, classes: [name], marks: [marks], source: "set")
        }
        #expect(
            problem { _ = try marked([.absent, .difficult]) }?.contains("set: the class cow has no positive") == true)
        #expect(problem { _ = try marked([.present]) }?.contains("no negative image") == true)
        #expect(problem { _ = try marked([.present, .absent], values: [1, .nan]) }?.contains("row 1") == true)
        let few = try marked([.present, .present, .absent, .absent, .absent, .absent])
        #expect(
            problem { _ = try VOCSVMProbe().evaluate(train: few, test: few) }?.contains(
                "the class cow has 2 positive images of 6, too few for 3 folds") == true)
        let other = try marked([.present, .absent], "hen")
        #expect(problem { _ = try VOCSVMProbe().evaluate(train: few, test: other) }?.contains("other classes") == true)
        #expect(
            problem { _ = try VOCSVMProbe().evaluateLowShot(train: few, test: few, shots: [1, 3]) }?.contains(
                "k = 3 takes 3 positive ones with 1 negative each") == true)
    }
}
