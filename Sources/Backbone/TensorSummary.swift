public import Torch

/// Statistics of a tensor's values, for looking into weight files.
public struct TensorSummary: Hashable, Sendable {
    /// Number of values.
    public private(set) var count = 0
    /// Values that are NaN or infinite; they are left out of everything below.
    public private(set) var nonFiniteCount = 0
    /// 0 when there is no finite value, as are the three below.
    public private(set) var mean = 0.0
    /// Of the population: √(mean of squared distances from the mean).
    public private(set) var standardDeviation = 0.0
    public private(set) var minimum = 0.0
    public private(set) var maximum = 0.0

    public init(_ tensor: Tensor) {
        switch tensor.dtype {
        case .float16, .bfloat16, .float32:
            tensor.detach().to(dtype: .float32).withBytes { measure($0.bindMemory(to: Float.self)) }
        case .float64, .int64, .int32, .uint8, .bool:
            tensor.detach().to(dtype: .float64).withBytes { measure($0.bindMemory(to: Double.self)) }
        }
    }

    /// Two passes: the sum of squares alone loses all digits when the mean is large.
    private mutating func measure<Value: BinaryFloatingPoint>(_ values: UnsafeBufferPointer<Value>) {
        count = values.count
        var sum = 0.0
        var low = Value.infinity
        var high = -Value.infinity
        for value in values {
            guard value.isFinite else {
                nonFiniteCount += 1
                continue
            }
            sum += Double(value)
            low = min(low, value)
            high = max(high, value)
        }
        let finite = Double(count - nonFiniteCount)
        guard finite > 0 else { return }
        mean = sum / finite
        minimum = Double(low)
        maximum = Double(high)
        var squares = 0.0
        for value in values where value.isFinite {
            let distance = Double(value) - mean
            squares += distance * distance
        }
        standardDeviation = (squares / finite).squareRoot()
    }
}
