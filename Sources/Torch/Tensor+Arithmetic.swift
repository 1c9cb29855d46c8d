extension Tensor {
    private enum Op {
        static let add = Operator("aten::add", "Tensor")
        static let addScalar = Operator("aten::add", "Scalar")
        static let sub = Operator("aten::sub", "Tensor")
        static let rsubScalar = Operator("aten::rsub", "Scalar")
        static let mul = Operator("aten::mul", "Tensor")
        static let mulScalar = Operator("aten::mul", "Scalar")
        static let div = Operator("aten::div", "Tensor")
        static let divScalar = Operator("aten::div", "Scalar")
        static let neg = Operator("aten::neg")
        static let exp = Operator("aten::exp")
        static let log = Operator("aten::log")
        static let log1p = Operator("aten::log1p")
        static let sqrt = Operator("aten::sqrt")
        static let abs = Operator("aten::abs")
        static let square = Operator("aten::square")
        static let power = Operator("aten::pow", "Tensor_Scalar")
        static let floor = Operator("aten::floor")
        static let reciprocal = Operator("aten::reciprocal")
        static let clampScalar = Operator("aten::clamp")
        static let maximum = Operator("aten::maximum")
        static let minimum = Operator("aten::minimum")
        static let whereTensor = Operator("aten::where", "self")
        static let maskedFill = Operator("aten::masked_fill", "Scalar")
        static let eq = Operator("aten::eq", "Tensor")
        static let eqScalar = Operator("aten::eq", "Scalar")
        static let gtScalar = Operator("aten::gt", "Scalar")
        static let geScalar = Operator("aten::ge", "Scalar")
        static let ltScalar = Operator("aten::lt", "Scalar")
        static let isfinite = Operator("aten::isfinite")
        static let addInPlace = Operator("aten::add_", "Tensor")
        static let mulInPlace = Operator("aten::mul_", "Scalar")
        static let mulTensorInPlace = Operator("aten::mul_", "Tensor")
        static let divTensorInPlace = Operator("aten::div_", "Tensor")
        static let fillInPlace = Operator("aten::fill_", "Scalar")
        static let copyInPlace = Operator("aten::copy_")
        static let sum = Operator("aten::sum", "dim_IntList")
        static let sumAll = Operator("aten::sum")
        static let mean = Operator("aten::mean", "dim")
        static let meanAll = Operator("aten::mean")
        static let maxDim = Operator("aten::max", "dim")
        static let maxAll = Operator("aten::max")
        static let argmax = Operator("aten::argmax")
        static let topk = Operator("aten::topk")
        static let all = Operator("aten::all")
        static let norm = Operator("aten::linalg_vector_norm")
        static let logsumexp = Operator("aten::logsumexp")
        static let matmul = Operator("aten::matmul")
        static let bmm = Operator("aten::bmm")
        static let eigh = Operator("aten::linalg_eigh")
    }

    public static func + (a: Tensor, b: Tensor) -> Tensor { Op.add(.tensor(a), .tensor(b)) }
    public static func + (a: Tensor, b: Double) -> Tensor { Op.addScalar(.tensor(a), .double(b)) }
    public static func - (a: Tensor, b: Tensor) -> Tensor { Op.sub(.tensor(a), .tensor(b)) }
    public static func - (a: Tensor, b: Double) -> Tensor { a + (-b) }
    public static func - (a: Double, b: Tensor) -> Tensor { Op.rsubScalar(.tensor(b), .double(a)) }
    public static func * (a: Tensor, b: Tensor) -> Tensor { Op.mul(.tensor(a), .tensor(b)) }
    public static func * (a: Tensor, b: Double) -> Tensor { Op.mulScalar(.tensor(a), .double(b)) }
    public static func * (a: Double, b: Tensor) -> Tensor { b * a }
    public static func / (a: Tensor, b: Tensor) -> Tensor { Op.div(.tensor(a), .tensor(b)) }
    public static func / (a: Tensor, b: Double) -> Tensor { Op.divScalar(.tensor(a), .double(b)) }
    public static prefix func - (a: Tensor) -> Tensor { Op.neg(.tensor(a)) }

    public func exp() -> Tensor { Op.exp(.tensor(self)) }
    public func log() -> Tensor { Op.log(.tensor(self)) }
    public func log1p() -> Tensor { Op.log1p(.tensor(self)) }
    public func sqrt() -> Tensor { Op.sqrt(.tensor(self)) }
    public func abs() -> Tensor { Op.abs(.tensor(self)) }
    public func square() -> Tensor { Op.square(.tensor(self)) }
    public func power(_ exponent: Double) -> Tensor { Op.power(.tensor(self), .double(exponent)) }
    public func reciprocal() -> Tensor { Op.reciprocal(.tensor(self)) }
    /// The largest integers that are not larger.
    public func floor() -> Tensor { Op.floor(.tensor(self)) }

    /// Limits every value to [low, high]; a bound left out is not applied.
    public func clamp(min low: Double? = nil, max high: Double? = nil) -> Tensor {
        Op.clampScalar(.tensor(self), low.map { .double($0) } ?? nil, high.map { .double($0) } ?? nil)
    }

    public func maximum(_ other: Tensor) -> Tensor { Op.maximum(.tensor(self), .tensor(other)) }
    public func minimum(_ other: Tensor) -> Tensor { Op.minimum(.tensor(self), .tensor(other)) }

    /// Element-wise `condition ? a : b`.
    public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        Op.whereTensor(.tensor(condition), .tensor(a), .tensor(b))
    }

    /// `value` wherever `mask` (bool, of a shape that broadcasts) is true.
    public func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor {
        Op.maskedFill(.tensor(self), .tensor(mask), .double(value))
    }

    // MARK: Comparisons; results are boolean tensors

    public func equal(_ other: Tensor) -> Tensor { Op.eq(.tensor(self), .tensor(other)) }
    public func equal(_ value: Int) -> Tensor { Op.eqScalar(.tensor(self), .int(value)) }
    public func greater(_ value: Double) -> Tensor { Op.gtScalar(.tensor(self), .double(value)) }
    public func greaterOrEqual(_ value: Double) -> Tensor { Op.geScalar(.tensor(self), .double(value)) }
    public func less(_ value: Double) -> Tensor { Op.ltScalar(.tensor(self), .double(value)) }
    /// True when no value is infinite or NaN.
    public var isFinite: Bool { Op.all(.tensor(Op.isfinite(.tensor(self)))).intItem != 0 }

    // MARK: In place

    /// self += scale · other
    @discardableResult
    public func add_(_ other: Tensor, scale: Double = 1) -> Tensor {
        Op.addInPlace(.tensor(self), .tensor(other), .double(scale))
        return self
    }

    @discardableResult
    public func mul_(_ value: Double) -> Tensor {
        Op.mulInPlace(.tensor(self), .double(value))
        return self
    }

    @discardableResult
    public func mul_(_ other: Tensor) -> Tensor {
        Op.mulTensorInPlace(.tensor(self), .tensor(other))
        return self
    }

    @discardableResult
    public func div_(_ other: Tensor) -> Tensor {
        Op.divTensorInPlace(.tensor(self), .tensor(other))
        return self
    }

    @discardableResult
    public func fill_(_ value: Double) -> Tensor {
        Op.fillInPlace(.tensor(self), .double(value))
        return self
    }

    /// Copies the values of `source`, converting type and device.
    @discardableResult
    public func copy_(_ source: Tensor) -> Tensor {
        Op.copyInPlace(.tensor(self), .tensor(source))
        return self
    }

    // MARK: Reductions

    public func sum() -> Tensor { Op.sumAll(.tensor(self)) }
    public func sum(_ dimensions: [Int], keepDimensions: Bool = false) -> Tensor {
        Op.sum(.tensor(self), .ints(dimensions), .bool(keepDimensions))
    }
    public func mean() -> Tensor { Op.meanAll(.tensor(self)) }
    public func mean(_ dimensions: [Int], keepDimensions: Bool = false) -> Tensor {
        Op.mean(.tensor(self), .ints(dimensions), .bool(keepDimensions))
    }
    public func max() -> Tensor { Op.maxAll(.tensor(self)) }
    /// Largest values along one dimension and where they are (first one wins).
    public func max(_ dimension: Int, keepDimensions: Bool = false) -> (values: Tensor, indices: Tensor) {
        let results = Op.maxDim.results([.tensor(self), .int(dimension), .bool(keepDimensions)], 2)
        return (results[0]!, results[1]!)
    }
    public func argmax(_ dimension: Int) -> Tensor { Op.argmax(.tensor(self), .int(dimension)) }
    /// The k largest along a dimension, in descending order.
    public func topk(_ k: Int, _ dimension: Int = -1) -> (values: Tensor, indices: Tensor) {
        let results = Op.topk.results([.tensor(self), .int(k), .int(dimension)], 2)
        return (results[0]!, results[1]!)
    }
    /// Euclidean norm along dimensions; of the whole tensor when none are given.
    public func norm(_ dimensions: [Int]? = nil, keepDimensions: Bool = false) -> Tensor {
        Op.norm(.tensor(self), 2, dimensions.map { .ints($0) } ?? nil, .bool(keepDimensions))
    }
    public func logSumExp(_ dimension: Int) -> Tensor { Op.logsumexp(.tensor(self), .ints([dimension])) }

    /// Rows of unit length along `dimension`: x / max(‖x‖, 1e-12), as torch's `normalize`.
    public func l2Normalized(_ dimension: Int = -1) -> Tensor {
        self / norm([dimension], keepDimensions: true).clamp(min: 1e-12)
    }

    // MARK: Products

    public func matmul(_ other: Tensor) -> Tensor { Op.matmul(.tensor(self), .tensor(other)) }
    /// [B, n, k] × [B, k, m] → [B, n, m].
    public func bmm(_ other: Tensor) -> Tensor { Op.bmm(.tensor(self), .tensor(other)) }
    /// Of a symmetric matrix [n, n]: its eigenvalues [n], ascending, and its eigenvectors [n, n], one a column.
    public func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
        let results = Op.eigh.results([.tensor(self), .string("L")], 2)
        return (results[0]!, results[1]!)
    }
}
