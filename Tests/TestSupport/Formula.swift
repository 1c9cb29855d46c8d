public import Support
public import Torch

/// Weights and images that follow from a formula, which scripts in the Golden folders share.
public enum Formula {
    /// Ordinal of the images; larger than that of any weight.
    public static let imageOrdinal = 10_000

    /// Values in [-1, 1) · scale + shift: a hash of the position in the tensor and of the tensor's ordinal.
    static func fill(_ values: UnsafeMutableBufferPointer<Float>, ordinal: Int, scale: Float, shift: Float) {
        let offset = UInt32(truncatingIfNeeded: ordinal) &* 40503 &+ 12345
        for index in values.indices {
            var h = UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ offset
            h ^= h >> 15
            h = h &* 2_246_822_519
            h ^= h >> 13
            values[index] = Float(Int32(h >> 8) - (1 << 23)) / Float(1 << 23) * scale + shift
        }
    }

    public static func tensor(_ shape: [Int], ordinal: Int) -> Tensor {
        let tensor = Tensor.empty(shape)
        fill(tensor, ordinal: ordinal, scale: 1, shift: 0)
        return tensor
    }

    /// Fills every tensor of a model; weights get the standard deviation √(gain / 3 / fan in).
    public static func fill(_ parameters: Parameters, gain: Double) {
        for (ordinal, entry) in parameters.entries.enumerated() where entry.tensor.dtype == .float32 {
            let shape = entry.tensor.shape
            let (scale, shift): (Float, Float) =
                if entry.name.hasSuffix("running_var") {
                    (0.5, 1)
                } else if shape.count > 1 {
                    (Float((gain / Double(shape.dropFirst().reduce(1, *))).squareRoot()), 0)
                } else if entry.name.hasSuffix("weight") {
                    (0.5, 1)
                } else {
                    (0.125, 0)
                }
            fill(entry.tensor, ordinal: ordinal, scale: scale, shift: shift)
        }
    }

    /// In the order of the shape, however the values lie in memory.
    private static func fill(_ tensor: Tensor, ordinal: Int, scale: Float, shift: Float) {
        let values = Tensor.empty(tensor.shape)
        values.withMutableBytes { fill($0.bindMemory(to: Float.self), ordinal: ordinal, scale: scale, shift: shift) }
        withoutGradients { _ = tensor.copy_(values) }
    }
}

/// Shape, size and some values of a tensor, as the scripts in the Golden folders write them.
public enum GoldenSummary {
    /// What differs between a tensor and its golden summary; nil when nothing does.
    ///
    /// Sums of thousands of float32 terms in another order differ by about 1e-6 of the tensor's size (its root mean
    /// square), and a hundred layers add up: 1e-4 of that size, plus 1e-4 of the value, unless the test says otherwise.
    public static func difference(_ tensor: Tensor, _ golden: JSON, tolerance: Double = 1e-4) -> String? {
        guard let shape = golden["shape"]?.arrayValue?.compactMap(\.intValue), let rms = golden["rms"]?.doubleValue,
            let expected = golden["values"]?.arrayValue?.compactMap(\.doubleValue), rms > 0, expected.count == 16
        else { return "the golden summary is damaged" }
        guard tensor.shape == shape else { return "shape \(tensor.shape), expected \(shape)" }
        let values = tensor.detach().doubles
        let size = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        if !((size - rms).magnitude <= tolerance * rms) { return "root mean square \(size), expected \(rms)" }
        for (index, expected) in expected.enumerated() {
            let position = index * (values.count - 1) / 15
            let error = (values[position] - expected).magnitude
            if !(error <= tolerance * (rms + expected.magnitude)) {
                return "value \(position) is \(values[position]), expected \(expected)"
            }
        }
        return nil
    }
}
