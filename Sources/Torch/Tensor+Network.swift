/// Height and width of a kernel, stride or padding.
public struct Extent: Hashable, Sendable {
    public var height: Int
    public var width: Int
    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }
    public init(_ side: Int) { self.init(height: side, width: side) }
    var list: [Int] { [height, width] }
}

/// Functions of layers, without state. `x` is [N, C, H, W] where images are meant.
extension Tensor {
    private enum Op {
        static let convolution = Operator("aten::conv2d")
        static let transposedConvolution = Operator("aten::conv_transpose2d", "input")
        static let linear = Operator("aten::linear")
        static let batchNorm = Operator("aten::batch_norm")
        static let relu = Operator("aten::relu")
        static let reluInPlace = Operator("aten::relu_")
        static let leakyReLU = Operator("aten::leaky_relu")
        static let sigmoid = Operator("aten::sigmoid")
        static let maxPool = Operator("aten::max_pool2d")
        static let averagePool = Operator("aten::avg_pool2d")
        static let adaptiveAveragePool = Operator("aten::adaptive_avg_pool2d")
        static let softmax = Operator("aten::softmax", "int")
        static let logSoftmax = Operator("aten::log_softmax", "int")
        static let crossEntropy = Operator("aten::cross_entropy_loss")
        static let binaryCrossEntropy = Operator("aten::binary_cross_entropy_with_logits")
        static let smoothL1 = Operator("aten::smooth_l1_loss")
        static let unfold = Operator("aten::im2col")
        static let resize = Operator("aten::_upsample_bilinear2d_aa")
        static let embeddingBag = Operator("aten::embedding_bag")
    }

    /// weight [O, C/groups, kH, kW], bias [O].
    public func conv2d(
        _ weight: Tensor, bias: Tensor? = nil, stride: Extent = Extent(1), padding: Extent = Extent(0),
        dilation: Extent = Extent(1), groups: Int = 1
    ) -> Tensor {
        roundedOnce(weight, bias) { x, weight, bias in
            Op.convolution(
                .tensor(x), .tensor(weight), .optional(bias), .ints(stride.list), .ints(padding.list),
                .ints(dilation.list), .int(groups))
        }
    }

    /// The gradient of a convolution with respect to its input, as a layer: weight [C, O, kH, kW], bias [O];
    /// [N, C, h, w] → [N, O, (h − 1)·stride − 2·padding + kH + outputPadding, …].
    public func transposedConv2d(
        _ weight: Tensor, bias: Tensor? = nil, stride: Extent = Extent(1), padding: Extent = Extent(0),
        outputPadding: Extent = Extent(0)
    ) -> Tensor {
        roundedOnce(weight, bias) { x, weight, bias in
            Op.transposedConvolution(
                .tensor(x), .tensor(weight), .optional(bias), .ints(stride.list), .ints(padding.list),
                .ints(outputPadding.list))
        }
    }

    /// What `operation` makes of this, weight and bias. Where bfloat16 is asked for and oneDNN has none for the processor,
    /// everything is float32 up to the result: libtorch's own sums take many times as long, and round at each step.
    func roundedOnce(
        _ weight: Tensor, _ bias: Tensor?, _ operation: (Tensor, Tensor, Tensor?) -> Tensor
    ) -> Tensor {
        guard device.kind == .cpu, dtype == .bfloat16 || dtype == .float32, !OneDNN.serves(.bf16) else {
            return operation(self, weight, bias)
        }
        return withoutAutocast(on: device) { wasOn in
            guard wasOn || dtype == .bfloat16 else { return operation(self, weight, bias) }
            return operation(to(dtype: .float32), weight.to(dtype: .float32), bias?.to(dtype: .float32))
                .to(dtype: .bfloat16)
        }
    }

    /// relu(self + `other`), each part on request and in place: what follows a convolution.
    public func finished_(adding other: Tensor?, relu: Bool) -> Tensor {
        let sum = other.map { add_($0) } ?? self
        return relu ? sum.relu_() : sum
    }

    /// x [.., in] · weightᵀ [out, in] + bias [out].
    public func linear(_ weight: Tensor, bias: Tensor? = nil) -> Tensor {
        roundedOnce(weight, bias) { Op.linear(.tensor($0), .tensor($1), .optional($2)) }
    }

    /// Normalises over N, H, W; in training the running statistics are updated in place.
    public func batchNorm(
        weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?, training: Bool,
        momentum: Double = 0.1, epsilon: Double = 1e-5
    ) -> Tensor {
        // One value has no unbiased variance; libtorch would write what is not a number into the running one.
        let isSingle = training && rank > 1 && count == size(1)
        let y = Op.batchNorm(
            .tensor(self), .optional(weight), .optional(bias), .optional(runningMean),
            .optional(isSingle ? runningVariance?.clone() : runningVariance), .bool(training), .double(momentum),
            .double(epsilon), false)
        if isSingle { withoutGradients { _ = runningVariance?.mul_(1 - momentum) } }
        return y
    }

    /// Weighted sums of rows of x [n, D], `perBag` consecutive ones at a time, without a copy of the rows:
    /// indices int64 and weights float32, both [bags · perBag] → [bags, D].
    public func weightedRowSums(_ indices: Tensor, _ weights: Tensor, perBag: Int) -> Tensor {
        let bags = indices.count / perBag
        let sum = 0
        return Op.embeddingBag.results(
            [
                .tensor(self), .tensor(indices), .tensor(Tensor.arange(bags, step: perBag, device: device)), false,
                .int(sum), false, .tensor(weights),
            ], 4)[0]!
    }

    public func relu() -> Tensor { Op.relu(.tensor(self)) }

    /// ReLU over the same memory; for results that nothing else holds.
    @discardableResult
    public func relu_() -> Tensor {
        Op.reluInPlace(.tensor(self))
        return self
    }

    /// x above 0, slope · x below.
    public func leakyReLU(_ slope: Double) -> Tensor { Op.leakyReLU(.tensor(self), .double(slope)) }

    public func sigmoid() -> Tensor { Op.sigmoid(.tensor(self)) }

    /// What a convolution multiplies its weights with: [N, C, H, W] → [N, C·kH·kW, places].
    public func unfolded(_ kernel: Extent, stride: Extent, padding: Extent = Extent(0)) -> Tensor {
        Op.unfold(
            .tensor(self), .ints(kernel.list), .ints(Extent(1).list), .ints(padding.list), .ints(stride.list))
    }

    public func maxPool2d(_ kernel: Extent, stride: Extent, padding: Extent = Extent(0)) -> Tensor {
        Op.maxPool(.tensor(self), .ints(kernel.list), .ints(stride.list), .ints(padding.list))
    }

    public func avgPool2d(_ kernel: Extent, stride: Extent, padding: Extent = Extent(0)) -> Tensor {
        Op.averagePool(.tensor(self), .ints(kernel.list), .ints(stride.list), .ints(padding.list))
    }

    public func adaptiveAvgPool2d(_ output: Extent) -> Tensor {
        Op.adaptiveAveragePool(.tensor(self), .ints(output.list))
    }

    /// [N, C, H, W] → [N, C, h, w] by linear interpolation; where it becomes smaller, over all pixels that a new one covers.
    public func resized(_ size: Extent) -> Tensor { Op.resize(.tensor(self), .ints(size.list), false) }

    public func softmax(_ dimension: Int = -1) -> Tensor { Op.softmax(.tensor(self), .int(dimension)) }
    public func logSoftmax(_ dimension: Int = -1) -> Tensor { Op.logSoftmax(.tensor(self), .int(dimension)) }

    /// Mean of −log softmax(self)[label]; self [N, classes], labels [N] int64. Labels of −100 are left out.
    public func crossEntropy(_ labels: Tensor) -> Tensor { Op.crossEntropy(.tensor(self), .tensor(labels)) }

    /// Mean of −ln σ(self) where the label is 1 and −ln(1 − σ(self)) where it is 0; labels of self's shape and type.
    public func binaryCrossEntropyWithLogits(_ labels: Tensor) -> Tensor {
        let mean = 1
        return Op.binaryCrossEntropy(.tensor(self), .tensor(labels), nil, nil, .int(mean))
    }

    /// Huber loss of the differences, element by element: .5·d²/β under β, |d| − .5·β above.
    public func smoothL1(_ target: Tensor, beta: Double) -> Tensor {
        Op.smoothL1(.tensor(self), .tensor(target), 0, .double(beta))
    }

    /// Sets each value to zero with `probability` and scales the rest, from an explicit generator so that a resumed
    /// run draws the same mask.
    public func dropout(_ probability: Double, _ generator: Generator) -> Tensor {
        let keep = 1 - probability
        let mask = Tensor.empty(shape, dtype: dtype, device: device).bernoulli_(keep, generator)
        return self * mask.mul_(1 / keep)
    }
}
