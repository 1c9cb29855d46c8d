/// Who computes a fused layer.
public enum FusionEngine: Sendable, Hashable {
    /// oneDNN's convolution and product with what follows them in the same pass over memory, or minimal filtering where
    /// that is faster; CPU only, and `separate` where it does not serve the precision.
    case oneDNN
    /// The ordinary operators one after the other, anywhere.
    case separate

    /// oneDNN where this libtorch, device and processor have it at that precision.
    public static func best(on device: Device, _ precision: Precision) -> FusionEngine {
        device.kind == .cpu && OneDNN.serves(precision) ? .oneDNN : .separate
    }

    fileprivate static func chosen(_ wish: FusionEngine?, on device: Device, _ precision: Precision) -> FusionEngine {
        wish == .separate ? .separate : best(on: device, precision)
    }
}

/// A convolution with the batch norm behind it folded into its weights, followed by an addition and ReLU on request.
///
/// Keeps a copy of the weights as they are when it is made, and records nothing for gradients. With
/// s = γ/√(σ² + ε): weight · s and β + (bias − µ) · s, folded in double precision. Images are channels-last in and out.
public final class FusedConv2d {
    /// As the engine reads them: for oneDNN from the first images on.
    private var weight: Tensor
    private var isPacked = false
    private let bias: Tensor
    private let stride: Extent
    private let padding: Extent
    private let groups: Int
    private let engine: FusionEngine
    /// Weights and bias once more, in float32, where minimal filtering may be faster.
    private let exact: (weight: Tensor, bias: Tensor)?

    /// - Parameter stride: In place of the convolution's own.
    public init(
        _ convolution: Conv2d, _ norm: BatchNorm2d?, _ precision: Precision, engine: FusionEngine? = nil,
        stride: Extent? = nil
    ) {
        let stride = stride ?? convolution.stride
        self.stride = stride
        padding = convolution.padding
        groups = convolution.groups
        let device = convolution.weight.device
        self.engine = .chosen(engine, on: device, precision)
        var (weight, bias) = Self.folded(convolution, norm)
        let (exactWeight, exactBias) = (weight.to(dtype: .float32), bias.to(dtype: .float32))
        bias = bias.to(dtype: precision.dtype)
        weight = weight.to(dtype: precision.dtype)
        self.bias = bias
        self.weight = self.engine == .oneDNN ? weight.contiguous() : weight.contiguous(.channelsLast)
        let isFused = engine != .separate
        exact =
            isFused && Winograd.serves(exactWeight, stride: stride, padding: padding, groups: groups)
            ? (exactWeight.contiguous(.channelsLast), exactBias) : nil
        dtype = precision.dtype
    }

    /// Weight [O, C/groups, kH, kW] and bias [O] of both in one, in float64.
    public static func folded(_ convolution: Conv2d, _ norm: BatchNorm2d?) -> (weight: Tensor, bias: Tensor) {
        withoutGradients {
            let weight = convolution.weight.detach().to(dtype: .float64)
            let outputs = weight.size(0)
            let bias =
                convolution.bias?.detach().to(dtype: .float64)
                ?? Tensor.zeros([outputs], dtype: .float64, device: weight.device)
            guard let norm else { return (weight, bias) }
            let scale =
                norm.weight.detach().to(dtype: .float64)
                / (norm.runningVariance.to(dtype: .float64) + BatchNorm2d.epsilon).sqrt()
            return (
                weight * scale.reshape(outputs, 1, 1, 1),
                norm.bias.detach().to(dtype: .float64) + (bias - norm.runningMean.to(dtype: .float64)) * scale
            )
        }
    }

    /// Type of its results; images of another one are converted.
    public let dtype: DType

    /// relu(convolution(x) + `other`), each part on request; shapes as of the convolution.
    public func callAsFunction(_ x: Tensor, adding other: Tensor? = nil, relu: Bool) -> Tensor {
        let x = x.to(dtype: dtype).contiguous(.channelsLast)
        if let exact, Winograd.pays(x, exact.weight) {
            return withoutGradients {
                Winograd.convolution(x, exact.weight, bias: exact.bias, adding: other, relu: relu)
            }
        }
        guard engine == .oneDNN else {
            return x.conv2d(weight, bias: bias, stride: stride, padding: padding, groups: groups)
                .finished_(adding: other, relu: relu)
        }
        if !isPacked {
            weight = OneDNN.packed(weight, for: x, stride: stride, padding: padding, groups: groups)
            isPacked = true
        }
        let geometry: [Operator.Argument] = [
            .tensor(weight), .tensor(bias), .ints(padding.list), .ints(stride.list), [1, 1], .int(groups),
        ]
        guard let other else {
            let activation: [Operator.Argument] = [.string(relu ? "relu" : "none"), .scalars([]), .string("")]
            return OneDNN.convolution!.results([.tensor(x)] + geometry + activation, 1)[0]!
        }
        let activation: [Operator.Argument] = [
            .string("add"), 1.0, relu ? .string("relu") : nil, .scalars([]), nil,
        ]
        return OneDNN.convolutionAndSum!.results([.tensor(x), .tensor(other)] + geometry + activation, 1)[0]!
    }
}

/// A fully connected layer with the ReLU behind it, on the same terms as `FusedConv2d`.
public final class FusedLinear {
    private let weight: Tensor
    private let bias: Tensor?
    private let engine: FusionEngine
    /// Type of its results; inputs of another one are converted.
    public let dtype: DType

    public init(_ layer: Linear, _ precision: Precision, engine: FusionEngine? = nil) {
        dtype = precision.dtype
        self.engine = .chosen(engine, on: layer.weight.device, precision)
        // A copy also where the type stays, so that later training leaves it alone.
        let (weight, bias) = withoutGradients {
            (
                layer.weight.detach().clone().to(dtype: precision.dtype),
                layer.bias?.detach().clone().to(dtype: precision.dtype)
            )
        }
        // On 2,000 × 9,216 → 4,096 the order of its own saves oneDNN a seventh of the time in bfloat16, and none in float32.
        self.weight = self.engine == .oneDNN && precision == .bf16 ? OneDNN.packed(weight) : weight
        self.bias = bias
    }

    /// x [N, in] → [N, out].
    public func callAsFunction(_ x: Tensor, relu: Bool) -> Tensor {
        let x = x.to(dtype: dtype)
        guard engine == .oneDNN else {
            let y = x.linear(weight, bias: bias)
            return relu ? y.relu_() : y
        }
        return OneDNN.linear!(
            .tensor(x.contiguous()), .tensor(weight), .optional(bias), .string(relu ? "relu" : "none"), .scalars([]),
            .string(""))
    }
}

/// libtorch's fused oneDNN operators. They are part of every official build for the CPU, but not documented.
enum OneDNN {
    fileprivate static let convolution = Operator(ifPresent: "mkldnn::_convolution_pointwise")
    fileprivate static let convolutionAndSum = Operator(ifPresent: "mkldnn::_convolution_pointwise", "binary")
    fileprivate static let linear = Operator(ifPresent: "mkldnn::_linear_pointwise")
    private static let reorder = Operator(ifPresent: "mkldnn::_reorder_convolution_weight")
    private static let reorderLinear = Operator(ifPresent: "mkldnn::_reorder_linear_weight")

    static func serves(_ precision: Precision) -> Bool { precision == .bf16 ? servesBF16 : servesFP32 }

    private static let servesFP32 = works(.float32)
    private static let servesBF16 = works(.bfloat16)

    /// Tries a convolution of one pixel, its weight in oneDNN's order, and a product: bfloat16 depends on the processor
    /// and on what ONEDNN_MAX_CPU_ISA leaves of it.
    private static func works(_ dtype: DType) -> Bool {
        guard let convolution, convolutionAndSum != nil, let linear, let reorder else { return false }
        let pixel = Tensor.ones([1, 1, 1, 1], dtype: dtype)
        let value = Tensor.ones([1, 1], dtype: dtype)
        let activation: [Operator.Argument] = [.string("relu"), .scalars([]), .string("")]
        let convolved = try? convolution.call(
            [.tensor(pixel), .tensor(pixel), nil, [0, 0], [1, 1], [1, 1], 1] + activation, 1)
        let ordered = try? reorder.call([.tensor(pixel), [0, 0], [1, 1], [1, 1], 1, .ints(pixel.shape)], 1)
        let multiplied = try? linear.call([.tensor(value), .tensor(value), nil] + activation, 1)
        return convolved != nil && ordered != nil && multiplied != nil
    }

    /// The weights of a fully connected layer in that order; as they are where this libtorch cannot do it.
    fileprivate static func packed(_ weight: Tensor) -> Tensor {
        guard let reorderLinear else { return weight }
        return (try? reorderLinear.call([.tensor(weight.contiguous()), nil], 1))?[0] ?? weight
    }

    /// The weights in the order in which oneDNN's kernels read them for images of that shape, which saves a copy at each
    /// call. Without the shape oneDNN may prepare for kernels it will not choose, and then copy slowly each time.
    fileprivate static func packed(
        _ weight: Tensor, for x: Tensor, stride: Extent, padding: Extent, groups: Int
    ) -> Tensor {
        reorder!(
            .tensor(weight), .ints(padding.list), .ints(stride.list), [1, 1], .int(groups), .ints(x.shape))
    }
}
