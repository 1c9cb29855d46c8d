internal import Probes
internal import Support

/// Options of every probe by linear support vector machines.
struct SVMOptions {
    let loss: Option<LinearSVM.Loss>
    let bias: Option<Double>
    let tolerance: Option<Double>
    let maximumIterations: Option<Int>
    let raw: Option<Bool>

    static var positiveCosts: Requirement<[Double]> {
        Requirement("with every C above 0") { !$0.isEmpty && $0.allSatisfy { $0 > 0 } }
    }

    init(_ parser: ArgumentParser, maximumIterations limit: Int) {
        parser.group("Support vector machine")
        loss = parser.choice("loss", "what a margin below 1 costs", default: .squaredHinge)
        bias = parser.option(
            "bias", "B", "value of the feature appended for the intercept; 0 for none", default: 1, .atLeast(0))
        tolerance = parser.option(
            "tolerance", "E", "largest violation of the optimality conditions", default: 1e-4, .above(0))
        maximumIterations = parser.option(
            "max-iterations", "N", "passes over the images after which a fit ends", default: limit, .atLeast(1))
        raw = parser.flag("raw", "leave the length of the features as it is instead of scaling it to 1")
    }

    func svm(seed: UInt64) -> LinearSVM {
        var svm = LinearSVM()
        svm.loss = loss.value
        svm.bias = bias.value
        svm.tolerance = tolerance.value
        svm.maximumIterations = maximumIterations.value
        svm.seed = seed
        return svm
    }
}
