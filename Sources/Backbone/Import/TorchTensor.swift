public import Torch

/// What a storage of PyTorch holds, by the name of its class in `torch`.
public enum TorchElement: String, CaseIterable, Sendable {
    case float32 = "FloatStorage"
    case float64 = "DoubleStorage"
    case float16 = "HalfStorage"
    case bfloat16 = "BFloat16Storage"
    case int64 = "LongStorage"
    case int32 = "IntStorage"
    case int16 = "ShortStorage"
    case int8 = "CharStorage"
    case uint8 = "ByteStorage"
    case bool = "BoolStorage"
    case complex64 = "ComplexFloatStorage"
    case complex128 = "ComplexDoubleStorage"
    case quantizedInt8 = "QInt8Storage"
    case quantizedUInt8 = "QUInt8Storage"
    case quantizedInt32 = "QInt32Storage"

    /// The same type here; nil for those that no network of this toolkit has.
    public var dtype: DType? {
        switch self {
        case .float32: .float32
        case .float64: .float64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .int64: .int64
        case .int32: .int32
        case .uint8: .uint8
        case .bool: .bool
        case .int16, .int8, .complex64, .complex128, .quantizedInt8, .quantizedUInt8, .quantizedInt32: nil
        }
    }

    var byteCount: Int {
        switch self {
        case .int8, .uint8, .bool, .quantizedInt8, .quantizedUInt8: 1
        case .float16, .bfloat16, .int16: 2
        case .float32, .int32, .quantizedInt32: 4
        case .float64, .int64, .complex64: 8
        case .complex128: 16
        }
    }
}

/// Memory that tensors of a file share.
struct TorchStorage: Sendable {
    /// Its entry is `data/KEY`.
    var key: String
    var element: TorchElement
    /// Elements.
    var count: Int
    /// Elements of the entry in front of it.
    var start = 0
}

/// A view of a storage: element (i, j, …) is at offset + i·strides[0] + j·strides[1] + …
public struct TorchTensor: Sendable {
    public let shape: [Int]
    public let strides: [Int]
    public let offset: Int
    let storage: TorchStorage

    public var element: TorchElement { storage.element }
    public var count: Int { shape.reduce(1, *) }

    /// A view may repeat elements (stride 0) up to this many: enough for a constant, too few to fill the memory.
    private static let repeatedLimit = 1 << 20
    static let highestRank = 32

    /// Nil unless every element lies in the storage.
    init?(_ storage: TorchStorage, offset: Int, shape: [Int], strides: [Int]) {
        guard offset >= 0, shape.count == strides.count, shape.count <= Self.highestRank,
            shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 })
        else { return nil }
        // Without the zeros: even a tensor without elements needs a shape that can be computed with.
        var count = 1
        var last = offset
        for (size, stride) in zip(shape, strides) {
            let product = count.multipliedReportingOverflow(by: max(1, size))
            let step = max(0, size - 1).multipliedReportingOverflow(by: stride)
            let sum = last.addingReportingOverflow(step.partialValue)
            if product.overflow || step.overflow || sum.overflow { return nil }
            count = product.partialValue
            last = sum.partialValue
        }
        let isEmpty = shape.contains(0)
        guard isEmpty || last < storage.count, count <= max(storage.count, Self.repeatedLimit) else { return nil }
        self.storage = storage
        self.offset = isEmpty ? 0 : offset
        self.shape = shape
        self.strides = strides
    }

    /// Whether the elements follow each other in row-major order.
    var isContiguous: Bool {
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() {
            if size == 1 { continue }
            if stride != expected { return false }
            expected *= size
        }
        return true
    }

    /// Copies the elements out of the bytes of the storage's entry in row-major order.
    func copy(from bytes: UnsafeRawBufferPointer, dtype: DType) -> Tensor {
        let width = element.byteCount
        if count == 0 { return Tensor.empty(shape, dtype: dtype) }
        let offset = storage.start + offset
        if isContiguous {
            let start = offset * width
            return Tensor(
                bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count * width]), shape: shape,
                dtype: dtype)
        }
        let result = Tensor.empty(shape, dtype: dtype)
        result.withMutableBytes { target in
            var index = [Int](repeating: 0, count: shape.count)
            var source = offset
            for position in 0..<count {
                let element = UnsafeRawBufferPointer(rebasing: bytes[source * width..<(source + 1) * width])
                UnsafeMutableRawBufferPointer(rebasing: target[position * width..<(position + 1) * width])
                    .copyMemory(from: element)
                // The next index, as an odometer counts. The stride of a side of one element may be any number: it is
                // added and taken back, so wrapping around does no harm.
                for axis in shape.indices.reversed() {
                    index[axis] += 1
                    source &+= strides[axis]
                    if index[axis] < shape[axis] { break }
                    source &-= strides[axis] &* shape[axis]
                    index[axis] = 0
                }
            }
        }
        return result
    }
}
