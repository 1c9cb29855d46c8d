internal import CTorch

/// An n-dimensional array of libtorch, on the CPU or a GPU.
///
/// Not Sendable: libtorch's gradient mode and graphs belong to a thread, so only plain values cross tasks.
/// Operators trap with the operator's name and the shapes when they do not fit, so that models read without `try`.
public final class Tensor {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { self.handle = handle }

    deinit { libtorch.tensor_release(handle) }

    public var rank: Int { Int(libtorch.tensor_rank(handle)) }

    /// Sizes of all dimensions.
    public var shape: [Int] {
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: Swift.max(1, rank)) { sizes in
            libtorch.tensor_sizes(handle, sizes.baseAddress!)
            return sizes[0..<rank].map(Int.init)
        }
    }

    /// Distance in elements between neighbours along each dimension.
    public var strides: [Int] {
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: Swift.max(1, rank)) { strides in
            libtorch.tensor_strides(handle, strides.baseAddress!)
            return strides[0..<rank].map(Int.init)
        }
    }

    /// Size along one dimension; negative counts from the end.
    public func size(_ dimension: Int) -> Int {
        let shape = shape
        return shape[dimension < 0 ? shape.count + dimension : dimension]
    }

    public var count: Int { shape.reduce(1, *) }

    public var dtype: DType {
        let code = libtorch.tensor_dtype(handle)
        guard let dtype = DType(rawValue: code) else {
            fatalError("a tensor has dtype number \(code), which is unknown")
        }
        return dtype
    }

    public var device: Device {
        libtorch.tensor_device_type(handle) == Device.Kind.cpu.rawValue
            ? .cpu : .cuda(Swift.max(0, Int(libtorch.tensor_device_index(handle))))
    }

    public func isContiguous(_ format: MemoryFormat = .contiguous) -> Bool {
        libtorch.tensor_is_contiguous(handle, Int32(format.rawValue))
    }

    // MARK: Values in and out

    /// A CPU tensor from bytes in row-major order. Traps when their number does not fit.
    public convenience init(bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) {
        DeviceGraph.refuse("making a tensor of values")
        let sizes = shape.map(Int64.init)
        self.init(
            owning: trapping("tensor \(dtype)\(shape)") {
                libtorch.tensor_from_bytes(
                    bytes.baseAddress, bytes.count, sizes, Int64(sizes.count), dtype.rawValue, $0)
            }!)
    }

    /// A CPU tensor over memory that `owner` keeps alive and in its place. Traps when the size does not fit.
    convenience init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject, shape: [Int], dtype: DType) {
        let sizes = shape.map(Int64.init)
        let keeper = Unmanaged.passRetained(owner)
        self.init(
            owning: trapping("tensor \(dtype)\(shape)") {
                libtorch.tensor_from_memory(
                    bytes.baseAddress, bytes.count, sizes, Int64(sizes.count), dtype.rawValue, keeper.toOpaque(),
                    { Unmanaged<AnyObject>.fromOpaque($0).release() }, $0)
            }!)
    }

    public convenience init(_ values: [Float], shape: [Int]? = nil) {
        self.init(elements: values, shape: shape, dtype: .float32)
    }

    public convenience init(_ values: [Double], shape: [Int]? = nil) {
        self.init(elements: values, shape: shape, dtype: .float64)
    }

    public convenience init(_ values: [Int], shape: [Int]? = nil) {
        self.init(elements: values.map(Int64.init), shape: shape, dtype: .int64)
    }

    public convenience init(_ values: [UInt8], shape: [Int]? = nil) {
        self.init(elements: values, shape: shape, dtype: .uint8)
    }

    private convenience init<Element: BitwiseCopyable>(elements: [Element], shape: [Int]?, dtype: DType) {
        let shape = shape ?? [elements.count]
        var holder: Tensor?
        elements.withUnsafeBytes { holder = Tensor(bytes: $0, shape: shape, dtype: dtype) }
        self.init(owning: libtorch.tensor_retain(holder!.handle))
    }

    /// The bytes in row-major order, copied to the CPU if need be.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        DeviceGraph.refuse("reading a tensor")
        let local = to(device: .cpu).contiguous()
        defer { withExtendedLifetime(local) {} }
        let count = Int(libtorch.tensor_byte_count(local.handle))
        return try body(
            UnsafeRawBufferPointer(start: count == 0 ? nil : libtorch.tensor_data(local.handle), count: count))
    }

    /// The memory of a contiguous CPU tensor, to be filled in place. Traps for any other tensor.
    public func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
        precondition(device == .cpu && isContiguous(), "withMutableBytes needs a contiguous tensor on the CPU")
        defer { withExtendedLifetime(self) {} }
        let count = Int(libtorch.tensor_byte_count(handle))
        return try body(
            UnsafeMutableRawBufferPointer(start: count == 0 ? nil : libtorch.tensor_data(handle), count: count))
    }

    /// All values in row-major order, as Float.
    public var floats: [Float] { to(dtype: .float32).withBytes { Array($0.bindMemory(to: Float.self)) } }
    /// All values in row-major order, as Double.
    public var doubles: [Double] { to(dtype: .float64).withBytes { Array($0.bindMemory(to: Double.self)) } }
    /// All values in row-major order, as integers.
    public var ints: [Int] { to(dtype: .int64).withBytes { $0.bindMemory(to: Int64.self).map(Int.init) } }

    /// The value of a tensor of one element. Waits for the device.
    public var item: Double {
        DeviceGraph.refuse("reading a tensor")
        return trapping("item of \(shape)") { libtorch.item_double(handle, $0) }
    }
    /// The integer value of a tensor of one element. Waits for the device.
    public var intItem: Int {
        DeviceGraph.refuse("reading a tensor")
        return Int(trapping("item of \(shape)") { libtorch.item_int(handle, $0) })
    }
}

extension Tensor: CustomStringConvertible {
    public var description: String { "Tensor(\(dtype)\(shape) on \(device))" }
}
