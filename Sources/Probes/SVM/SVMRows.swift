internal import COpenBLAS
internal import Support

/// Rows as the solver wants them: aligned to cache lines, and padded with zeros to whole ones.
struct SVMRows: Sendable {
    private let storage: [SIMD16<Float>]
    let count: Int
    /// Floats from row to row, a multiple of 16.
    let stride: Int

    /// The rows `indices` of `features` [n, dimension], each with `bias` appended when it is not 0: the intercept is
    /// then the weight of a feature that is the same everywhere, as in LIBLINEAR.
    init(_ features: [Float], dimension: Int, indices: [Int], bias: Double) {
        self.init(count: indices.count, width: dimension + (bias == 0 ? 0 : 1)) { target, stride in
            features.withUnsafeBufferPointer { features in
                for (position, index) in indices.enumerated() {
                    let row = target + position * stride
                    row.update(from: features.baseAddress! + index * dimension, count: dimension)
                    if bias != 0 { row[dimension] = Float(bias) }
                }
            }
        }
    }

    private init(count: Int, width: Int, _ fill: (UnsafeMutablePointer<Float>, Int) throws -> Void) rethrows {
        let lines = (width + 15) / 16
        storage = try Array(unsafeUninitializedCapacity: count * lines) { buffer, initialized in
            buffer.initialize(repeating: .zero)
            initialized = count * lines
            if let base = buffer.baseAddress {
                try base.withMemoryRebound(to: Float.self, capacity: 16 * count * lines) { try fill($0, 16 * lines) }
            }
        }
        self.count = count
        stride = 16 * lines
    }

    func withRows<Result>(_ body: (UnsafePointer<Float>) throws -> Result) rethrows -> Result {
        try storage.withUnsafeBufferPointer { buffer in
            try UnsafeRawPointer(buffer.baseAddress!).withMemoryRebound(to: Float.self, capacity: 16 * buffer.count) {
                try body($0)
            }
        }
    }

    /// |x|² of each row, summed in Double.
    var squaredNorms: [Double] {
        withRows { rows in
            (0..<count).map { index in
                let row = rows + index * stride
                var sum = 0.0
                for column in 0..<stride { sum += Double(row[column]) * Double(row[column]) }
                return sum
            }
        }
    }

    /// The inner products of all pairs of rows, [count, count].
    func products(threads: Int) throws -> SVMRows {
        let blockRows = 256
        let blocks = try SingleThreadedBLAS.scope {
            try parallelMap((count + blockRows - 1) / blockRows, threads: threads) { block in
                let first = block * blockRows
                let height = min(blockRows, count - first)
                return [Float](unsafeUninitializedCapacity: height * count) { buffer, initialized in
                    withRows { rows in
                        openBLAS.sgemm(
                            CblasRowMajor, CblasNoTrans, CblasTrans, blasint(height), blasint(count), blasint(stride),
                            1, rows + first * stride, blasint(stride), rows, blasint(stride), 0, buffer.baseAddress,
                            blasint(count))
                    }
                    initialized = height * count
                }
            }
        }
        return SVMRows(count: count, width: count) { target, stride in
            for (block, values) in blocks.enumerated() {
                values.withUnsafeBufferPointer { values in
                    for row in 0..<values.count / count {
                        (target + (block * blockRows + row) * stride).update(
                            from: values.baseAddress! + row * count, count: count)
                    }
                }
            }
        }
    }
}
