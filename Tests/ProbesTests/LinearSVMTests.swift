import Probes
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct LinearSVMTests {
    private func fit(
        _ svm: LinearSVM, _ features: [Float], _ dimension: Int, _ signs: [Int8], _ costs: [Double], threads: Int = 2
    ) throws -> [LinearClassifier] {
        try svm.fit(
            features: features, dimension: dimension,
            tasks: [SVMTask(rows: Array(signs.indices), problems: [BinaryProblem(signs: signs)])], costs: costs,
            threads: threads)[0][0]
    }

    private func exact(_ loss: LinearSVM.Loss = .squaredHinge, bias: Double = 1) -> LinearSVM {
        var svm = LinearSVM()
        svm.loss = loss
        svm.bias = bias
        // About what gradients summed in float32 can be told apart by.
        svm.tolerance = 1e-5
        svm.maximumIterations = 20_000
        return svm
    }

    // x = 1 (positive) and x = -1 (negative), no intercept.
    // Squared hinge: w²/2 + 2C(1 - w)² is least at w = 4C/(1 + 4C): .8 for C = 1, where it is .32 + .08 = .4.
    // Hinge: w²/2 + 2C(1 - w) is least at w = 2C, but at most 1: for C = .25 w = .5 and .125 + .25 = .375.
    @Test func twoPoints() throws {
        let squared = try fit(exact(bias: 0), [1, -1], 1, [1, -1], [1])[0]
        #expect(abs(squared.weights[0] - 0.8) < 1e-5 && abs(squared.objective - 0.4) < 1e-6)
        #expect(squared.intercept == 0 && squared.isConverged)
        let hinge = try fit(exact(.hinge, bias: 0), [1, -1], 1, [1, -1], [0.25, 7])
        #expect(abs(hinge[0].weights[0] - 0.5) < 1e-5 && abs(hinge[0].objective - 0.375) < 1e-6)
        #expect(abs(hinge[1].weights[0] - 1) < 1e-5 && abs(hinge[1].objective - 0.5) < 1e-6)
    }

    // x = 3 (positive) and x = 1 (negative), bias B: the appended feature shifts the plane to between them. Its weight v
    // counts in |w|², so that a large B makes the shift free; then w → 1 and the intercept → -2 as C grows.
    @Test func theInterceptIsTheWeightOfAFeature() throws {
        let free = try fit(exact(bias: 10), [3, 1], 1, [1, -1], [1e3])[0]
        #expect(abs(free.weights[0] - 1) < 1e-3 && abs(free.intercept + 2) < 2e-3)
        // With B = 1 the minimum over w and b = v of (w² + b²)/2 + C((1 - 3w - b)² + (1 + w + b)²), C = .5:
        // w + 10w·2C/2… solved by hand: 11w + 4b = 2, 4w + 3b = 0 → w = 6/17, b = -8/17.
        let shared = try fit(exact(), [3, 1], 1, [1, -1], [0.5])[0]
        #expect(abs(shared.weights[0] - 6 / 17) < 1e-5 && abs(shared.intercept + 8.0 / 17) < 1e-5)
    }

    private struct Case: Sendable {
        var rows, dimension: Int
        var loss: LinearSVM.Loss
    }

    /// The primal objective by plain (sub)gradient descent in Double, steps shrinking to nothing.
    private func slowObjective(
        _ features: [Float], _ d: Int, _ signs: [Int8], _ cost: Double, _ loss: LinearSVM.Loss
    ) -> Double {
        let rows = signs.indices.map { features[$0 * d..<($0 + 1) * d].map(Double.init) + [1] }
        var w = [Double](repeating: 0, count: d + 1)
        var best = Double.infinity
        for iteration in 0..<40_000 {
            var gradient = w
            var objective = w.reduce(0) { $0 + $1 * $1 } / 2
            for (row, sign) in zip(rows, signs) {
                let slack = 1 - Double(sign) * zip(row, w).reduce(0) { $0 + $1.0 * $1.1 }
                if slack <= 0 { continue }
                objective += cost * (loss == .hinge ? slack : slack * slack)
                let factor = -cost * Double(sign) * (loss == .hinge ? 1 : 2 * slack)
                for column in row.indices { gradient[column] += factor * row[column] }
            }
            best = min(best, objective)
            let step = loss == .hinge ? 0.5 / (10 + Double(iteration)) : 0.004
            for column in w.indices { w[column] -= step * gradient[column] }
        }
        return best
    }

    // More rows than dimensions, and fewer: then the solver works with inner products.
    @Test(arguments: [
        Case(rows: 30, dimension: 3, loss: .squaredHinge), Case(rows: 10, dimension: 24, loss: .squaredHinge),
        Case(rows: 30, dimension: 3, loss: .hinge), Case(rows: 10, dimension: 24, loss: .hinge),
    ])
    private func agreesWithGradientDescent(_ sample: Case) throws {
        var random = RandomStream(4, UInt64(sample.rows))
        let signs = (0..<sample.rows).map { _ in Int8(random.chance(0.4) ? 1 : -1) }
        let features = signs.flatMap { sign in
            (0..<sample.dimension).map { _ in Float(random.uniform(-1, 1) + 0.2 * Double(sign)) }
        }
        let found = try fit(exact(sample.loss), features, sample.dimension, signs, [0.7])[0]
        let slow = slowObjective(features, sample.dimension, signs, 0.7, sample.loss)
        // Subgradient descent ends a little above the minimum; ours must not be above it at all beyond rounding.
        #expect(found.objective <= slow * (1 + 1e-5))
        #expect(found.objective >= slow * (sample.loss == .hinge ? 0.995 : 0.99999))
        #expect(found.isConverged)
    }

    @Test func agreesWithScikitLearn() throws {
        let golden = try Golden.read("svm.json")
        let features = (golden["features"]?.doubles ?? []).map { Float($0) }
        let dimension = try #require(golden["dimension"]?.intValue)
        let fits = try #require(golden["fits"]?.arrayValue)
        #expect(fits.count == 9)
        for expected in fits {
            let classes = try #require(expected["classes"]?.intValue)
            let labels = try #require(golden[classes == 2 ? "pair" : "labels"]?.ints)
            let cost = try #require(expected["c"]?.doubleValue)
            var probe = SVMProbe(costs: [cost])
            probe.svm = exact(
                expected["loss"]?.stringValue == "hinge" ? .hinge : .squaredHinge,
                bias: try #require(expected["bias"]?.doubleValue))
            probe.classWeight = expected["weight"]?.stringValue == "balanced" ? .balanced : .none
            probe.normalizes = false
            let set = try LabeledFeatures(features: features, dimension: dimension, labels: labels, source: "golden")
            let result = try probe.evaluate(train: set, test: set)
            let name = Comment(rawValue: result.protocolText)
            #expect(result.unconverged == 0, name)
            for (index, classifier) in result.classifiers.enumerated() {
                let objective = try #require(expected["objectives"]?.doubles[index])
                // Far below the promised 1e-3: both have converged, one in float32.
                #expect(abs(classifier.objective / objective - 1) < 1e-5, name)
                let weights = try #require(expected["weights"]?.arrayValue?[index].doubles)
                let scale = weights.map(\.magnitude).max() ?? 0
                #expect(zip(classifier.weights, weights).allSatisfy { abs(Double($0) - $1) < 2e-3 * scale }, name)
                let intercept = try #require(expected["intercepts"]?.doubles[index])
                #expect(abs(classifier.intercept - intercept) < 2e-3 * max(scale, abs(intercept)), name)
            }
            // A tie within rounding may fall to either side: one of the 90 rows.
            let correct = try #require(expected["correct"]?.doubleValue)
            #expect(abs(result.top1 * Double(labels.count) - correct) <= 1, name)
        }
    }

    private func cloud(_ count: Int, _ dimension: Int, key: UInt64) -> (features: [Float], signs: [Int8]) {
        var random = RandomStream(key)
        let signs = (0..<count).map { _ in Int8(random.chance(0.3) ? 1 : -1) }
        return (
            signs.flatMap { sign in
                (0..<dimension).map { _ in Float(random.uniform(-1, 1) + 0.15 * Double(sign)) }
            }, signs
        )
    }

    @Test(arguments: [8, 200]) func aChainOfCostsEndsWhereEachWouldAlone(dimension: Int) throws {
        let (features, signs) = cloud(120, dimension, key: 8)
        let costs = [0.01, 0.1, 1]
        for loss in LinearSVM.Loss.allCases {
            let chain = try fit(exact(loss), features, dimension, signs, costs)
            for (index, cost) in costs.enumerated() {
                let alone = try fit(exact(loss), features, dimension, signs, [cost])[0]
                #expect(abs(chain[index].objective / alone.objective - 1) < 1e-4)
                #expect(chain[index].cost == cost)
            }
            // Falling costs must first come back inside the bounds.
            let falling = try fit(exact(loss), features, dimension, signs, costs.reversed())
            #expect(abs(falling[2].objective / chain[0].objective - 1) < 1e-4)
        }
    }

    @Test(arguments: [8, 200]) func rowsOfSignZeroTakeNoPart(dimension: Int) throws {
        let (features, signs) = cloud(90, dimension, key: 9)
        let kept = signs.indices.filter { $0 % 3 != 1 }
        let masked = signs.enumerated().map { $0.offset % 3 == 1 ? 0 : $0.element }
        let one = try fit(exact(), features, dimension, masked, [1])[0]
        let other = try exact().fit(
            features: features, dimension: dimension,
            tasks: [SVMTask(rows: kept, problems: [BinaryProblem(signs: kept.map { signs[$0] })])], costs: [1])[0][0][0]
        #expect(abs(one.objective / other.objective - 1) < 1e-6)
        #expect(zip(one.weights, other.weights).allSatisfy { abs($0 - $1) < 1e-3 })
    }

    @Test func threadsChangeNothing() throws {
        let (features, signs) = cloud(150, 12, key: 10)
        var random = RandomStream(3)
        let problems = (0..<7).map { _ in
            BinaryProblem(signs: signs.map { random.chance(0.2) ? -$0 : $0 }, positiveWeight: 2)
        }
        let task = SVMTask(rows: Array(signs.indices), problems: problems)
        let one = try LinearSVM().fit(features: features, dimension: 12, tasks: [task], costs: [0.1, 3], threads: 1)
        for threads in [2, 3, 8] {
            let other = try LinearSVM().fit(
                features: features, dimension: 12, tasks: [task], costs: [0.1, 3], threads: threads)
            // Compared first: the values would fill pages.
            let isEqual = other == one
            #expect(isEqual, "\(threads) threads")
        }
        #expect(Set(one[0].map(\.[1].objective)).count == 7)
    }

    @Test func theLimitOfIterationsIsReported() throws {
        let (features, signs) = cloud(80, 6, key: 11)
        var svm = exact()
        svm.maximumIterations = 2
        let result = try fit(svm, features, 6, signs, [100])[0]
        #expect(result.iterations == 2 && !result.isConverged)
    }

    @Test func scoresAreTheProductsAndTheIntercept() throws {
        let classifiers = [([1, 2], 0.5), ([-1, 0], -3)].map { weights, intercept in
            LinearClassifier(
                cost: 1, weights: weights.map { Float($0) }, intercept: intercept, objective: 0, iterations: 0,
                isConverged: true)
        }
        let scores = try LinearClassifier.scores(classifiers, features: [1, 1, 3, -2], dimension: 2)
        #expect(scores == [3.5, -4, -0.5, -6])
    }
}
