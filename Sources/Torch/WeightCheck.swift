public import Support

/// Looks whether weights can be used: every value finite as float32, no running variance negative.
///
/// A training that diverged leaves weights that are not. They must be refused where they are loaded: fused layers make
/// zeros of NaN, and a network of zeros looks like one that has learnt little.
public struct WeightCheck {
    private var examined = 0
    private var firstProblem: String?
    private var problems = 0

    public init() {}

    /// Looks at one tensor; integers are always sound.
    public mutating func examine(_ name: String, _ tensor: Tensor) {
        guard tensor.dtype.isFloatingPoint, tensor.count > 0 else { return }
        examined += 1
        let isVariance = name.hasSuffix("running_var")
        if !isVariance, tensor.squaresAreFinite { return }
        let (low, high) = tensor.detach().extremes
        // Either is NaN when any value is.
        let isFinite = Float(low).isFinite && Float(high).isFinite
        if isFinite, low >= 0 || !isVariance { return }
        problems += 1
        guard firstProblem == nil else { return }
        if isFinite {
            firstProblem = "\(name.printable) holds a negative variance (\(low))"
            return
        }
        let values = tensor.doubles
        let bad = values.filter { !Float($0).isFinite }
        let kinds = [
            bad.contains(where: \.isNaN) ? "NaN" : nil, bad.contains(where: \.isInfinite) ? "infinite" : nil,
            bad.contains(where: \.isFinite) ? "beyond float32" : nil,
        ]
        firstProblem =
            "\(name.printable) holds values that are not finite (\(bad.count) of \(values.count): "
            + kinds.compactMap { $0 }.joined(separator: ", ") + ")"
    }

    /// Throws `InputError` naming the file and the first tensor when one could not be used.
    public func require(in file: String) throws(InputError) {
        try require(
            in: file, remedy: "give other weights: such are left by a training that diverged, or by damage to the file")
    }

    /// The same with what to do about it.
    public func require(in file: String, remedy: String) throws(InputError) {
        guard let firstProblem else { return }
        let more = problems > 1 ? "; \(problems) of \(examined) tensors are like this" : ""
        throw InputError(file, firstProblem + more, remedy: remedy)
    }
}

extension Tensor {
    /// The smallest and the largest value; both NaN when there is a NaN. Traps without values.
    fileprivate var extremes: (low: Double, high: Double) {
        let results = Op.aminmax.results([.tensor(self), nil, false], 2)
        return (results[0]!.item, results[1]!.item)
    }

    /// Whether the sum of squares is finite, which takes a tenth of the time of looking for extremes; false says nothing.
    fileprivate var squaresAreFinite: Bool {
        guard dtype == .float32, isContiguous() else { return false }
        let values = detach().reshape([count])
        return Op.dot(.tensor(values), .tensor(values)).item.isFinite
    }

    private enum Op {
        static let dot = Operator("aten::dot")
        static let aminmax = Operator("aten::aminmax")
    }
}
