extension Tensor {
    private static let emptyOperator = Operator("aten::empty", "memory_format")
    private static let arangeOperator = Operator("aten::arange", "start_step")
    private static let zerosLikeOperator = Operator("aten::zeros_like")
    private static let emptyLikeOperator = Operator("aten::empty_like")
    private static let normalOperator = Operator("aten::normal_")
    private static let uniformOperator = Operator("aten::uniform_")
    private static let bernoulliOperator = Operator("aten::bernoulli_", "float")
    private static let randomOperator = Operator("aten::random_", "from")

    /// Memory of that shape with undefined values.
    public static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        emptyOperator(.ints(shape), .dtype(dtype), nil, .device(device))
    }

    public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        empty(shape, dtype: dtype, device: device).fill_(0)
    }

    public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        empty(shape, dtype: dtype, device: device).fill_(1)
    }

    public static func full(_ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        empty(shape, dtype: dtype, device: device).fill_(value)
    }

    /// 0, step, 2·step, … (count − 1)·step as int64.
    public static func arange(_ count: Int, step: Int = 1, device: Device = .cpu) -> Tensor {
        arangeOperator(.int(0), .int(count * step), .int(step), .dtype(.int64), nil, .device(device))
    }

    /// [n, n] with ones on the diagonal.
    public static func identity(_ count: Int) -> Tensor {
        let numbers = arange(count)
        return numbers.unsqueeze(0).equal(numbers.unsqueeze(1)).to(dtype: .float32)
    }

    /// Standard normal values.
    public static func randn(_ shape: [Int], generator: Generator, dtype: DType = .float32) -> Tensor {
        empty(shape, dtype: dtype, device: generator.device).normal_(mean: 0, std: 1, generator)
    }

    public func zerosLike() -> Tensor { Self.zerosLikeOperator(.tensor(self)) }
    public func emptyLike() -> Tensor { Self.emptyLikeOperator(.tensor(self)) }

    // MARK: In place, from a generator

    @discardableResult
    public func normal_(mean: Double = 0, std: Double, _ generator: Generator) -> Tensor {
        Self.normalOperator(.tensor(self), .double(mean), .double(std), .generator(generator))
        return self
    }

    @discardableResult
    public func uniform_(_ low: Double, _ high: Double, _ generator: Generator) -> Tensor {
        Self.uniformOperator(.tensor(self), .double(low), .double(high), .generator(generator))
        return self
    }

    /// Ones with the given probability, else zeros.
    @discardableResult
    public func bernoulli_(_ probability: Double, _ generator: Generator) -> Tensor {
        Self.bernoulliOperator(.tensor(self), .double(probability), .generator(generator))
        return self
    }

    /// Integers drawn uniformly from low ..< high.
    @discardableResult
    public func random_(_ low: Int, _ high: Int, _ generator: Generator) -> Tensor {
        Self.randomOperator(.tensor(self), .int(low), .int(high), .generator(generator))
        return self
    }
}
