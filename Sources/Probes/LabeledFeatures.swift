internal import Support

/// Features of images, one row each, with their class labels.
public struct LabeledFeatures: Hashable, Sendable {
    /// [count, dimension]
    public private(set) var matrix: FeatureMatrix
    /// One a row, from 0.
    public let labels: [Int]
    /// The file or data set they come from, for errors.
    public let source: String

    /// - Throws: `InputError` naming `source` when there are no rows or no labels, when their numbers differ, when a
    ///   label is negative and when a row is not finite.
    public init(features: [Float], dimension: Int, labels: [Int], source: String) throws {
        guard dimension > 0, !features.isEmpty, features.count % dimension == 0 else {
            throw InputError(source, "holds no features of \(dimension.counted("dimension"))")
        }
        try self.init(
            FeatureMatrix(features, dimension: dimension, source: source), labels: labels, source: source)
    }

    /// The same for rows that are known to be finite.
    public init(_ matrix: FeatureMatrix, labels: [Int], source: String) throws {
        guard matrix.count > 0 else {
            throw InputError(source, "holds no features of \(matrix.dimension.counted("dimension"))")
        }
        guard !labels.isEmpty else {
            throw InputError(source, "has no labels", remedy: "use images sorted into class folders")
        }
        guard labels.count == matrix.count else {
            throw InputError(source, "has \(matrix.count.counted("feature")) but \(labels.count.counted("label"))")
        }
        if let row = labels.firstIndex(where: { $0 < 0 }) {
            throw InputError(source, "row \(row) has the negative label \(labels[row])")
        }
        self.matrix = matrix
        self.labels = labels
        self.source = source
    }

    public var count: Int { labels.count }
    public var dimension: Int { matrix.dimension }
    /// [count, dimension], row-major, in float32.
    public var features: [Float] { matrix.floats }

    /// Scales every row to length 1.
    public mutating func normalize() { matrix.normalize() }

    /// Keeps the features in float32 from now on.
    public mutating func expand() { matrix = matrix.expanded() }

    /// Halves the memory of the features at eight significant bits a value.
    public mutating func roundToBFloat16() { matrix = matrix.roundedToBFloat16() }
}

/// Scales each row of [n, dimension] to Euclidean length 1; a row of zeros stays as it is.
public func normalizeRows(_ features: inout [Float], dimension: Int) {
    precondition(dimension > 0 && features.count % dimension == 0, "ragged rows")
    features.withUnsafeMutableBufferPointer { values in
        for start in stride(from: 0, to: values.count, by: dimension) {
            // In Double the sum of squares of finite floats neither overflows nor loses the small ones.
            var sum = 0.0
            for index in start..<start + dimension { sum += Double(values[index]) * Double(values[index]) }
            if sum == 0 { continue }
            let scale = 1 / sum.squareRoot()
            for index in start..<start + dimension { values[index] = Float(Double(values[index]) * scale) }
        }
    }
}
