/// Mean and standard deviation of the deltas of each class, to which regression targets are normalised.
///
/// Folded back into the regressor's weights when a model is saved, so that inference knows nothing of it.
public struct BoxTargetStatistics: Hashable, Sendable {
    /// For class k and component j (dx, dy, dw, dh) at 4·k + j.
    public var mean: [Double]
    public var deviation: [Double]

    /// A class with fewer examples, or a component that does not vary, takes the usual values of the field.
    private static let minimumExamples = 10
    private static let usualDeviation = [0.1, 0.1, 0.2, 0.2]

    /// Measured on pairs of class and delta.
    public init(classCount: Int, deltas: [(classIndex: Int, delta: BoxDelta)]) {
        mean = [Double](repeating: 0, count: 4 * classCount)
        deviation = (0..<4 * classCount).map { Self.usualDeviation[$0 % 4] }
        let groups = Dictionary(grouping: deltas, by: \.classIndex)
        for (index, group) in groups where group.count >= Self.minimumExamples {
            for (j, component) in [\BoxDelta.dx, \.dy, \.dw, \.dh].enumerated() {
                let values = group.map { $0.delta[keyPath: component] }
                let average = values.reduce(0, +) / Double(values.count)
                let variance = values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(values.count)
                if variance > 1e-8 {
                    mean[4 * index + j] = average
                    deviation[4 * index + j] = variance.squareRoot()
                }
            }
        }
    }

    /// The normalised target (dx, dy, dw, dh) of a class.
    public func normalized(_ delta: BoxDelta, classIndex: Int) -> [Float] {
        [delta.dx, delta.dy, delta.dw, delta.dh].enumerated().map { j, value in
            Float((value - mean[4 * classIndex + j]) / deviation[4 * classIndex + j])
        }
    }
}
