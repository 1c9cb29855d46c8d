internal import Support

/// Rows of finite features, kept in float32, or in bfloat16 at half the memory.
public struct FeatureMatrix: Hashable, Sendable {
    private enum Storage: Hashable, Sendable {
        case float32([Float])
        /// The upper halves of floats.
        case bfloat16([UInt16])
    }

    private var storage: Storage
    /// What each row of bfloat16 is to be multiplied by; empty for 1. Float rows are scaled in place.
    private var scales: [Float] = []
    public let dimension: Int

    /// - Parameter values: [n, dimension], row-major.
    /// - Throws: `InputError` naming `source` and the first row that is not finite.
    public init(_ values: [Float], dimension: Int, source: String) throws {
        precondition(dimension > 0 && values.count % dimension == 0, "ragged rows")
        try requireFinite(values, dimension: dimension, name: source)
        storage = .float32(values)
        self.dimension = dimension
    }

    /// The same for the bits of bfloat16 values.
    public init(bfloat16 bits: [UInt16], dimension: Int, source: String) throws {
        precondition(dimension > 0 && bits.count % dimension == 0, "ragged rows")
        if let position = bits.firstIndex(where: { $0 & 0x7f80 == 0x7f80 }) {
            throw notFinite(row: position / dimension, name: source)
        }
        storage = .bfloat16(bits)
        self.dimension = dimension
    }

    public var count: Int {
        switch storage {
        case .float32(let values): values.count / dimension
        case .bfloat16(let bits): bits.count / dimension
        }
    }

    public var isBFloat16: Bool {
        if case .bfloat16 = storage { true } else { false }
    }

    /// All rows in float32, scaled.
    public var floats: [Float] {
        if case .float32(let values) = storage { return values }
        return [Float](unsafeUninitializedCapacity: count * dimension) { buffer, initialized in
            if let target = buffer.baseAddress { withRows(0..<count, scratch: target) { _ in } }
            initialized = count * dimension
        }
    }

    /// With each value rounded to the nearest bfloat16, half way to the even one. Normalise first: rows of length 1
    /// keep eight significant bits of each value.
    public func roundedToBFloat16() -> FeatureMatrix {
        guard case .float32(let values) = storage else { return self }
        var result = self
        result.storage = .bfloat16(
            values.map { value in
                let bits = value.bitPattern
                let rounded = UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
                // The largest floats would round to infinity.
                return rounded & 0x7f80 == 0x7f80 ? UInt16(bits >> 16) : rounded
            })
        return result
    }

    /// The same values in float32.
    public func expanded() -> FeatureMatrix {
        guard isBFloat16 else { return self }
        var result = self
        result.storage = .float32(floats)
        result.scales = []
        return result
    }

    /// Scales every row to Euclidean length 1; a row of zeros stays as it is.
    public mutating func normalize() {
        switch storage {
        case .float32(var values):
            storage = .float32([])
            normalizeRows(&values, dimension: dimension)
            storage = .float32(values)
        case .bfloat16(let bits):
            scales = bits.withUnsafeBufferPointer { bits in
                stride(from: 0, to: bits.count, by: dimension).map { start in
                    var sum = 0.0
                    for index in start..<start + dimension {
                        let value = Double(Float(bitPattern: UInt32(bits[index]) << 16))
                        sum += value * value
                    }
                    return sum == 0 ? 1 : Float(1 / sum.squareRoot())
                }
            }
        }
    }

    /// Calls `body` with the first of some consecutive rows in float32.
    ///
    /// - Parameter scratch: Room for them, which bfloat16 rows are expanded into.
    func withRows<Result>(
        _ range: Range<Int>, scratch: UnsafeMutablePointer<Float>, _ body: (UnsafePointer<Float>) -> Result
    ) -> Result {
        switch storage {
        case .float32(let values):
            return values.withUnsafeBufferPointer { body($0.baseAddress! + range.lowerBound * dimension) }
        case .bfloat16(let bits):
            bits.withUnsafeBufferPointer { bits in
                for row in range {
                    let source = bits.baseAddress! + row * dimension
                    let target = scratch + (row - range.lowerBound) * dimension
                    let scale = scales.isEmpty ? 1 : scales[row]
                    for column in 0..<dimension {
                        target[column] = Float(bitPattern: UInt32(source[column]) << 16) * scale
                    }
                }
            }
            return body(scratch)
        }
    }
}
