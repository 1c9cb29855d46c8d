extension Tensor {
    private enum Op {
        static let reshape = Operator("aten::reshape")
        static let permute = Operator("aten::permute")
        static let transpose = Operator("aten::transpose", "int")
        static let flatten = Operator("aten::flatten", "using_ints")
        static let unsqueeze = Operator("aten::unsqueeze")
        static let squeeze = Operator("aten::squeeze", "dim")
        static let cat = Operator("aten::cat")
        static let stack = Operator("aten::stack")
        static let slice = Operator("aten::slice", "Tensor")
        static let narrow = Operator("aten::narrow")
        static let select = Operator("aten::select", "int")
        static let indexSelect = Operator("aten::index_select")
        static let indexCopy = Operator("aten::index_copy_")
        static let gather = Operator("aten::gather")
        static let expand = Operator("aten::expand")
        static let flip = Operator("aten::flip")
        static let contiguous = Operator("aten::contiguous")
        static let clone = Operator("aten::clone")
        static let detach = Operator("aten::detach")
        static let toDType = Operator("aten::to", "dtype")
        static let toDevice = Operator("aten::to", "device")
        static let pin = Operator("aten::pin_memory")
    }

    /// The same values in another shape; −1 stands for whatever is left.
    public func reshape(_ shape: Int...) -> Tensor { Op.reshape(.tensor(self), .ints(shape)) }
    public func reshape(_ shape: [Int]) -> Tensor { Op.reshape(.tensor(self), .ints(shape)) }
    public func permute(_ dimensions: Int...) -> Tensor { Op.permute(.tensor(self), .ints(dimensions)) }
    public func transpose(_ a: Int = -2, _ b: Int = -1) -> Tensor { Op.transpose(.tensor(self), .int(a), .int(b)) }
    /// Joins all dimensions from `start` on.
    public func flatten(from start: Int = 0) -> Tensor { Op.flatten(.tensor(self), .int(start), -1) }
    public func unsqueeze(_ dimension: Int) -> Tensor { Op.unsqueeze(.tensor(self), .int(dimension)) }
    public func squeeze(_ dimension: Int) -> Tensor { Op.squeeze(.tensor(self), .int(dimension)) }
    public static func cat(_ tensors: [Tensor], _ dimension: Int = 0) -> Tensor {
        Op.cat(.tensors(tensors), .int(dimension))
    }
    public static func stack(_ tensors: [Tensor], _ dimension: Int = 0) -> Tensor {
        Op.stack(.tensors(tensors), .int(dimension))
    }
    /// Consecutive parts of so many along the first dimension; the last may be shorter.
    public func split(_ length: Int) -> [Tensor] {
        let count = (size(0) + length - 1) / length
        return Self.splitOperator.results([.tensor(self), .int(length), 0], count).map { $0! }
    }
    private static let splitOperator = Operator("aten::split", "Tensor")

    /// A view of `length` entries of a dimension from `start`.
    public func narrow(_ dimension: Int, _ start: Int, _ length: Int) -> Tensor {
        Op.narrow(.tensor(self), .int(dimension), .int(start), .int(length))
    }
    /// A view of entry `index` of a dimension, which disappears.
    public func select(_ dimension: Int, _ index: Int) -> Tensor {
        Op.select(.tensor(self), .int(dimension), .int(index))
    }
    /// Copies the entries with these indices ([k] int64).
    public func indexSelect(_ dimension: Int, _ indices: Tensor) -> Tensor {
        Op.indexSelect(.tensor(self), .int(dimension), .tensor(indices))
    }
    /// self[indices[k]] = source[k] along a dimension, in place.
    @discardableResult
    public func indexCopy_(_ dimension: Int, _ indices: Tensor, _ source: Tensor) -> Tensor {
        Op.indexCopy(.tensor(self), .int(dimension), .tensor(indices), .tensor(source))
        return self
    }
    /// out[i][j] = self[i][indices[i][j]] for dimension 1, and so on; differentiable.
    public func gather(_ dimension: Int, _ indices: Tensor) -> Tensor {
        Op.gather(.tensor(self), .int(dimension), .tensor(indices))
    }
    /// A view that repeats dimensions of size 1; −1 keeps a size.
    public func expand(_ shape: Int...) -> Tensor { Op.expand(.tensor(self), .ints(shape)) }
    public func flip(_ dimensions: Int...) -> Tensor { Op.flip(.tensor(self), .ints(dimensions)) }

    /// The same tensor if its memory is already in that order, else a copy that is.
    public func contiguous(_ format: MemoryFormat = .contiguous) -> Tensor {
        isContiguous(format) ? self : Op.contiguous(.tensor(self), .int(format.rawValue))
    }
    public func clone() -> Tensor { Op.clone(.tensor(self)) }
    /// The same memory outside the gradient graph.
    public func detach() -> Tensor { Op.detach(.tensor(self)) }
    public func to(dtype: DType) -> Tensor { self.dtype == dtype ? self : Op.toDType(.tensor(self), .dtype(dtype)) }
    public func to(device: Device, nonBlocking: Bool = false) -> Tensor {
        if self.device == device { return self }
        DeviceGraph.refuse("copying a tensor between devices")
        return Op.toDevice(.tensor(self), .device(device), .dtype(dtype), .bool(nonBlocking))
    }
    /// A tensor of the CPU on another device, without waiting for what that device is doing: the copy starts from
    /// page-locked memory, which libtorch keeps until it is done.
    public func uploaded(to device: Device) -> Tensor {
        device.kind == .cpu ? self : Op.pin(.tensor(self)).to(device: device, nonBlocking: true)
    }
}
