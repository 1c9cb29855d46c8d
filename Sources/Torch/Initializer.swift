/// How a parameter gets its first values.
public enum Initializer: Hashable, Sendable {
    case constant(Double)
    case normal(standardDeviation: Double)
    case uniform(bound: Double)
    /// N(0, 2 / fan out): He et al., ICCV 2015, as torchvision's ResNet and VGG.
    case kaimingNormalFanOut
    /// U(−b, b) with b = 1/√(fan in): what torch's Conv2d and Linear do by default.
    case torchDefault

    /// Draws a tensor of that shape; weights are [out, in, …].
    public func callAsFunction(_ shape: [Int], _ generator: Generator) -> Tensor {
        let tensor = Tensor.empty(shape)
        let receptiveField = shape.dropFirst(2).reduce(1, *)
        switch self {
        case .constant(let value): return tensor.fill_(value)
        case .normal(let deviation): return tensor.normal_(std: deviation, generator)
        case .uniform(let bound): return tensor.uniform_(-bound, bound, generator)
        case .kaimingNormalFanOut:
            return tensor.normal_(std: (2 / Double(shape[0] * receptiveField)).squareRoot(), generator)
        case .torchDefault:
            let bound = 1 / Double(shape[1] * receptiveField).squareRoot()
            return tensor.uniform_(-bound, bound, generator)
        }
    }
}
