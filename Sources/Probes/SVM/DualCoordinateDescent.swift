internal import COpenBLAS
internal import Support

#if canImport(Glibc)
internal import Glibc
#endif

/// Coordinate descent in the dual of several linear SVMs over the same rows, with shrinking.
///
/// minimise ½ αᵀQα + ½ Σ Dᵢαᵢ² − Σ αᵢ over 0 ≤ αᵢ ≤ Uᵢ, Qᵢⱼ = yᵢyⱼ xᵢ·xⱼ: for the squared hinge Dᵢ = 1/(2Cᵢ) and
/// Uᵢ = ∞, for the hinge Dᵢ = 0 and Uᵢ = Cᵢ. Rows are visited in random order; all problems look at a row while it is
/// in the cache.
/// Source: Hsieh, Chang, Lin, Keerthi, Sundararajan, "A dual coordinate descent method for large-scale linear SVM",
/// ICML 2008, algorithm 3.
final class DualCoordinateDescent {
    private let svm: LinearSVM
    private let rows: SVMRows
    /// What an update adds to a problem's vector: the rows themselves, or their inner products with all rows.
    private let additions: SVMRows
    /// The vectors then hold the scores of all rows instead of weights.
    private let hasProducts: Bool
    private let norms: [Double]
    private let problems: [BinaryProblem]
    /// Rows that take part in each problem.
    private let memberCounts: [Int]
    private var states: [State]
    /// How often `solve` was called.
    private var solves: UInt64 = 0
    /// [rows, problems], so that what the problems know of a row stands together.
    private let cells: UnsafeMutableBufferPointer<Cell>
    /// [problems, additions.stride]: w, or the scores w·xᵢ.
    private let vectors: UnsafeMutableBufferPointer<SIMD16<Float>>

    /// A sum costs at most as much as a pass.
    private static let passesBetweenSums = 25

    private struct Cell {
        /// αᵢ
        var multiplier = 0.0
        /// yᵢ; 0 for a row that takes no part.
        var sign: Float
        var isActive = false
    }

    private struct State {
        var cost = 1.0
        /// Dᵢ and Uᵢ of positive and of negative rows.
        var diagonal = (positive: 0.0, negative: 0.0)
        var upper = (positive: 0.0, negative: 0.0)
        var activeCount = 0
        /// Projected gradients beyond these, at a bound, take a row out of the game.
        var highest = Double.infinity
        var lowest = -Double.infinity
        var newHighest = -Double.infinity
        var newLowest = Double.infinity
        var iterations = 0
        var isConverged = false
    }

    init(_ svm: LinearSVM, rows: SVMRows, products: SVMRows?, problems: [BinaryProblem]) {
        self.svm = svm
        self.rows = rows
        additions = products ?? rows
        hasProducts = products != nil
        norms = rows.squaredNorms
        self.problems = problems
        memberCounts = problems.map { $0.signs.count { $0 != 0 } }
        states = [State](repeating: State(), count: problems.count)
        cells = .allocate(capacity: rows.count * problems.count)
        for row in 0..<rows.count {
            for (index, problem) in problems.enumerated() {
                cells.initializeElement(at: row * problems.count + index, to: Cell(sign: Float(problem.signs[row])))
            }
        }
        vectors = .allocate(capacity: problems.count * additions.stride / 16)
        vectors.initialize(repeating: .zero)
    }

    deinit {
        cells.deallocate()
        vectors.deallocate()
    }

    /// Solves all problems for this C, from the solution for the last one.
    func solve(cost: Double) throws {
        for problem in problems.indices { start(problem, cost: cost) }
        var running = Array(problems.indices)
        var iteration: UInt64 = 0
        while !running.isEmpty {
            try Interruption.check()
            // The same order for a problem whatever others it is solved with.
            var random = RandomStream(svm.seed, solves, iteration)
            iteration += 1
            pass(random.permutation(rows.count), running)
            running.removeAll { endPass($0) }
        }
        solves += 1
    }

    private func start(_ problem: Int, cost: Double) {
        let costs = (cost * problems[problem].positiveWeight, cost * problems[problem].negativeWeight)
        states[problem] = State(cost: cost)
        switch svm.loss {
        case .squaredHinge:
            states[problem].diagonal = (0.5 / costs.0, 0.5 / costs.1)
            states[problem].upper = (.infinity, .infinity)
        case .hinge:
            states[problem].upper = costs
        }
        scale(problem)
        activateAll(problem)
    }

    /// Moves along the ray through the multipliers to its best feasible point: t = Σα / (αᵀQα + ΣDα²). Where most
    /// rows are at their bound the solution grows with C; where none is, it stays.
    private func scale(_ problem: Int) {
        let state = states[problem]
        var (sum, quadratic, largest) = (0.0, 0.0, Double.infinity)
        withVector(problem) { vector in
            if !hasProducts { quadratic = squaredLength(vector) }
            for row in 0..<rows.count {
                let cell = cells[row * problems.count + problem]
                guard cell.multiplier > 0 else { continue }
                let isPositive = cell.sign > 0
                sum += cell.multiplier
                quadratic +=
                    (isPositive ? state.diagonal.positive : state.diagonal.negative) * cell.multiplier * cell.multiplier
                if hasProducts { quadratic += cell.multiplier * Double(cell.sign * vector[row]) }
                largest = min(
                    largest, (isPositive ? state.upper.positive : state.upper.negative) / cell.multiplier)
            }
            guard sum > 0, quadratic > 0 else { return }
            let factor = min(sum / quadratic, largest)
            for row in 0..<rows.count {
                let cell = row * problems.count + problem
                let upper = cells[cell].sign > 0 ? state.upper.positive : state.upper.negative
                cells[cell].multiplier = min(cells[cell].multiplier * factor, upper)
            }
        }
        recompute(problem)
    }

    /// One step for each active row of each running problem.
    private func pass(_ order: [Int], _ running: [Int]) {
        let width = problems.count
        let length = blasint(additions.stride)
        additions.withRows { additionRows in
            for row in order {
                let addition = additionRows + row * additions.stride
                for problem in running where cells[row * width + problem].isActive {
                    withVector(problem) { vector in
                        let score = hasProducts ? vector[row] : openBLAS.sdot(length, addition, 1, vector, 1)
                        let change = step(row * width + problem, problem, norm: norms[row], score: Double(score))
                        if change != 0 { openBLAS.saxpy(length, change, addition, 1, vector, 1) }
                    }
                }
            }
        }
    }

    /// Minimises over one multiplier; returns what to add of its row.
    @inline(__always)
    private func step(_ index: Int, _ problem: Int, norm: Double, score: Double) -> Float {
        let cell = cells[index]
        let sign = Double(cell.sign)
        let alpha = cell.multiplier
        return states.withUnsafeMutableBufferPointer { states in
            let diagonal = sign > 0 ? states[problem].diagonal.positive : states[problem].diagonal.negative
            let upper = sign > 0 ? states[problem].upper.positive : states[problem].upper.negative
            let gradient = sign * score - 1 + alpha * diagonal
            var projected = gradient
            if alpha == 0 {
                if gradient > states[problem].highest {
                    cells[index].isActive = false
                    states[problem].activeCount -= 1
                    return 0
                }
                projected = min(gradient, 0)
            } else if alpha == upper {
                if gradient < states[problem].lowest {
                    cells[index].isActive = false
                    states[problem].activeCount -= 1
                    return 0
                }
                projected = max(gradient, 0)
            }
            states[problem].newHighest = max(states[problem].newHighest, projected)
            states[problem].newLowest = min(states[problem].newLowest, projected)
            // Smaller ones are rounding; LIBLINEAR has the same limit.
            if abs(projected) <= 1e-12 { return 0 }
            let updated = min(max(alpha - gradient / (norm + diagonal), 0), upper)
            cells[index].multiplier = updated
            return Float((updated - alpha) * sign)
        }
    }

    /// Whether the problem is done.
    private func endPass(_ problem: Int) -> Bool {
        states[problem].iterations += 1
        let state = states[problem]
        if state.newHighest - state.newLowest <= svm.tolerance {
            if state.activeCount == memberCounts[problem] {
                states[problem].isConverged = true
            } else {
                // Converged on what is left: look at all rows again, with a vector free of accumulated rounding.
                recompute(problem)
                activateAll(problem)
            }
        } else {
            // Many small updates in float32 leave an error that would keep the gradients from vanishing.
            if states[problem].iterations % Self.passesBetweenSums == 0 { recompute(problem) }
            states[problem].highest = state.newHighest > 0 ? state.newHighest : .infinity
            states[problem].lowest = state.newLowest < 0 ? state.newLowest : -.infinity
        }
        states[problem].newHighest = -.infinity
        states[problem].newLowest = .infinity
        let isDone = states[problem].isConverged || state.iterations >= svm.maximumIterations
        if isDone { recompute(problem) }
        return isDone
    }

    private func activateAll(_ problem: Int) {
        for cell in stride(from: problem, to: cells.count, by: problems.count) {
            cells[cell].isActive = cells[cell].sign != 0
        }
        states[problem].activeCount = memberCounts[problem]
        states[problem].highest = .infinity
        states[problem].lowest = -.infinity
    }

    /// The vector anew from the multipliers.
    private func recompute(_ problem: Int) {
        withVector(problem) { sum(problem, of: additions, into: $0) }
    }

    /// Σ αᵢyᵢ rowᵢ
    private func sum(_ problem: Int, of addends: SVMRows, into target: UnsafeMutablePointer<Float>) {
        target.update(repeating: 0, count: addends.stride)
        addends.withRows { values in
            for row in 0..<rows.count {
                let cell = cells[row * problems.count + problem]
                if cell.multiplier > 0 {
                    openBLAS.saxpy(
                        blasint(addends.stride), Float(cell.multiplier) * cell.sign, values + row * addends.stride, 1,
                        target, 1)
                }
            }
        }
    }

    @inline(__always)
    private func withVector<Result>(_ problem: Int, _ body: (UnsafeMutablePointer<Float>) -> Result) -> Result {
        let length = additions.stride
        let start = UnsafeMutableRawPointer(vectors.baseAddress! + problem * length / 16)
        return body(start.assumingMemoryBound(to: Float.self))
    }

    private func squaredLength(_ vector: UnsafePointer<Float>) -> Double {
        (0..<rows.stride).reduce(0) { $0 + Double(vector[$1]) * Double(vector[$1]) }
    }

    // MARK: The solution

    func classifier(_ problem: Int, dimension: Int) -> LinearClassifier {
        let state = states[problem]
        var weights = [Float](repeating: 0, count: rows.stride)
        sum(problem, of: rows, into: &weights)
        var objective = 0.5 * squaredLength(weights)
        rows.withRows { features in
            for row in 0..<rows.count where problems[problem].signs[row] != 0 {
                let isPositive = problems[problem].signs[row] > 0
                let score = openBLAS.sdot(blasint(rows.stride), features + row * rows.stride, 1, weights, 1)
                let slack = max(0, 1 - Double(isPositive ? score : -score))
                let weight = isPositive ? problems[problem].positiveWeight : problems[problem].negativeWeight
                objective += state.cost * weight * (svm.loss == .hinge ? slack : slack * slack)
            }
        }
        return LinearClassifier(
            cost: state.cost, weights: Array(weights.prefix(dimension)),
            intercept: svm.bias == 0 ? 0 : Double(weights[dimension]) * svm.bias, objective: objective,
            iterations: state.iterations, isConverged: state.isConverged)
    }
}
