public import Boxes
internal import Foundation

/// The difference between a proposal and an object as a regressor learns it (Girshick et al., R-CNN, CVPR 2014,
/// appendix C): shifts of the centre in units of the proposal's size, and logarithms of the ratio of sizes.
public struct BoxDelta: Hashable, Sendable {
    public var dx: Double
    public var dy: Double
    public var dw: Double
    public var dh: Double

    public init(dx: Double, dy: Double, dw: Double, dh: Double) {
        self.dx = dx
        self.dy = dy
        self.dw = dw
        self.dh = dh
    }

    /// What turns `proposal` into `target`; both need a positive size.
    public init(from proposal: Box, to target: Box) {
        dx = (target.centerX - proposal.centerX) / proposal.width
        dy = (target.centerY - proposal.centerY) / proposal.height
        dw = log(target.width / proposal.width)
        dh = log(target.height / proposal.height)
    }

    /// Growth beyond this is cut off, so that one bad prediction cannot overflow: 1000 pixels from a cell of 16.
    static let maximumGrowth = log(1000.0 / 16)

    /// The box this delta makes of a proposal.
    public func applied(to proposal: Box) -> Box {
        let width = proposal.width * exp(min(dw, Self.maximumGrowth))
        let height = proposal.height * exp(min(dh, Self.maximumGrowth))
        let centerX = proposal.centerX + dx * proposal.width
        let centerY = proposal.centerY + dy * proposal.height
        return Box(
            minX: centerX - 0.5 * width, minY: centerY - 0.5 * height, maxX: centerX + 0.5 * width,
            maxY: centerY + 0.5 * height)
    }
}

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
