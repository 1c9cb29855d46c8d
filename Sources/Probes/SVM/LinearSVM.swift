internal import COpenBLAS
internal import Support

/// The linear support vector machine of LIBLINEAR: min ½|w|² + Σᵢ Cᵢ ℓ(1 − yᵢ w·xᵢ), the intercept being the weight of
/// an appended feature that is the same everywhere.
public struct LinearSVM: Hashable, Sendable {
    public enum Loss: String, CaseIterable, Sendable {
        /// ℓ(z) = max(0, z)²
        case squaredHinge = "squared-hinge"
        /// ℓ(z) = max(0, z)
        case hinge
    }

    public var loss = Loss.squaredHinge
    /// Value of the appended feature; 0 for a plane through the origin.
    public var bias = 1.0
    /// Largest difference of projected gradients of the dual at which a fit ends; LIBLINEAR's `-e`.
    public var tolerance = 1e-4
    /// Passes over the rows after which a fit ends in any case.
    public var maximumIterations = 1000
    /// Decides the order in which rows are visited.
    public var seed: UInt64 = 0

    public init() {}

    /// How the classifiers were made, for protocols.
    public var text: String {
        "linear SVM (\(loss.rawValue), L2, bias \(bias), tolerance \(tolerance), "
            + "at most \(maximumIterations) iterations)"
    }
}

/// What one separating plane is to separate.
public struct BinaryProblem: Hashable, Sendable {
    /// +1 or −1 a row; 0 for a row that takes no part.
    public var signs: [Int8]
    /// C is multiplied by this for positive rows.
    public var positiveWeight: Double
    public var negativeWeight: Double

    public init(signs: [Int8], positiveWeight: Double = 1, negativeWeight: Double = 1) {
        precondition(signs.allSatisfy { (-1...1).contains($0) }, "a sign is +1, -1 or 0")
        precondition(positiveWeight > 0 && negativeWeight > 0, "weights must be positive")
        self.signs = signs
        self.positiveWeight = positiveWeight
        self.negativeWeight = negativeWeight
    }
}

/// A separating plane and how it was found.
public struct LinearClassifier: Hashable, Sendable {
    public var cost: Double
    /// [dimension]
    public var weights: [Float]
    public var intercept: Double
    /// The primal objective, summed in Double.
    public var objective: Double
    public var iterations: Int
    /// False when the iterations ran out before the tolerance was met.
    public var isConverged: Bool

    public init(
        cost: Double, weights: [Float], intercept: Double, objective: Double, iterations: Int, isConverged: Bool
    ) {
        self.cost = cost
        self.weights = weights
        self.intercept = intercept
        self.objective = objective
        self.iterations = iterations
        self.isConverged = isConverged
    }
}

/// Rows of a feature matrix and the problems to be solved on them.
public struct SVMTask: Sendable {
    /// Rows of the matrix, in the order of `BinaryProblem.signs`.
    public var rows: [Int]
    public var problems: [BinaryProblem]

    public init(rows: [Int], problems: [BinaryProblem]) {
        precondition(problems.allSatisfy { $0.signs.count == rows.count }, "a sign for each row is needed")
        self.rows = rows
        self.problems = problems
    }
}

extension LinearSVM {
    /// Solves all problems of all tasks at each cost.
    ///
    /// Problems of one task are solved together, so that a row that is in the cache serves all of them, and each cost
    /// starts from the solution of the one before. The number of threads changes no result.
    /// - Parameters:
    ///   - features: [n, dimension], row-major, finite.
    ///   - costs: C, best in ascending order.
    ///   - progress: Gets the number of fits done since it was last called; comes from several threads.
    /// - Returns: For each task, for each problem, a classifier for each cost.
    /// - Throws: What `progress` throws, and `InterruptedError`.
    public func fit(
        features: [Float], dimension: Int, tasks: [SVMTask], costs: [Double], threads: Int = 2,
        progress: @Sendable (Int) throws -> Void = { _ in }
    ) throws -> [[[LinearClassifier]]] {
        precondition(costs.allSatisfy { $0 > 0 }, "costs must be positive")
        let prepared = try parallelMap(tasks.count, threads: threads) {
            SVMRows(features, dimension: dimension, indices: tasks[$0].rows, bias: bias)
        }
        // With fewer rows than dimensions, a table of their inner products makes looking at a gradient free and
        // updates shorter.
        let products = try prepared.map { $0.count <= $0.stride ? try $0.products(threads: threads) : nil }
        let chunks = tasks.indices.flatMap { task in
            parts(of: tasks[task].problems.count, tasks: tasks.count, threads: threads).map { (task, $0) }
        }
        let solved = try SingleThreadedBLAS.scope {
            try parallelMap(chunks.count, threads: threads) { index -> [[LinearClassifier]] in
                let (task, range) = chunks[index]
                let solver = DualCoordinateDescent(
                    self, rows: prepared[task], products: products[task], problems: Array(tasks[task].problems[range]))
                var results = [[LinearClassifier]](repeating: [], count: range.count)
                for cost in costs {
                    try solver.solve(cost: cost)
                    for problem in 0..<range.count {
                        results[problem].append(solver.classifier(problem, dimension: dimension))
                    }
                    try progress(range.count)
                }
                return results
            }
        }
        var results = [[[LinearClassifier]]](repeating: [], count: tasks.count)
        for ((task, _), classifiers) in zip(chunks, solved) { results[task] += classifiers }
        return results
    }

    /// Enough chunks to keep the threads busy to the end, and as few as that allows: each reads all rows.
    private func parts(of problems: Int, tasks: Int, threads: Int) -> [Range<Int>] {
        let wanted = max(1, (2 * threads + tasks - 1) / max(1, tasks))
        let size = min(Self.largestChunk, max(1, (problems + wanted - 1) / wanted))
        return stride(from: 0, to: problems, by: size).map { $0..<min(problems, $0 + size) }
    }

    /// 16 vectors of 2048 floats fill 128 kB, which leaves room in the second-level cache.
    private static let largestChunk = 16
}

extension LinearClassifier {
    /// w·x + b for rows [n, dimension]: [n, classifiers], row-major.
    public static func scores(
        _ classifiers: [LinearClassifier], features: [Float], dimension: Int, threads: Int = 2
    ) throws -> [Float] {
        precondition(classifiers.allSatisfy { $0.weights.count == dimension }, "classifiers of another dimension")
        let count = features.count / dimension
        let width = classifiers.count
        let weights = classifiers.flatMap(\.weights)
        let blockRows = 512
        let blocks = try SingleThreadedBLAS.scope {
            try parallelMap((count + blockRows - 1) / blockRows, threads: threads) { block in
                let first = block * blockRows
                let height = min(blockRows, count - first)
                var scores = (0..<height * width).map { Float(classifiers[$0 % width].intercept) }
                features.withUnsafeBufferPointer { features in
                    openBLAS.sgemm(
                        CblasRowMajor, CblasNoTrans, CblasTrans, blasint(height), blasint(width), blasint(dimension),
                        1, features.baseAddress! + first * dimension, blasint(dimension), weights, blasint(dimension),
                        1, &scores, blasint(width))
                }
                return scores
            }
        }
        return blocks.flatMap { $0 }
    }
}
