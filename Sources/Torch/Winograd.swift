/// 3×3 convolutions of stride 1 on the CPU, by minimal filtering F(4×4, 3×3) (Winograd; Lavin and Gray, CVPR 2016): a
/// quarter of the products of the direct sum. Differentiable; libCTorch.so holds the operator.
///
/// Everything is computed in float32, with rounding errors some five times those of the direct sum, a few millionths of
/// the standard deviation of the results; images and results may be bfloat16.
enum Winograd {
    /// Nil where the processor lacks the instructions.
    private static let operation = Operator(ifPresent: "detect::winograd_convolution")
    private static let channelStep = 32

    /// Whether a layer's convolutions can be computed this way.
    static func serves(_ weight: Tensor, stride: Extent, padding: Extent, groups: Int) -> Bool {
        weight.device.kind == .cpu && weight.dtype == .float32 && weight.rank == 4
            && weight.size(2) == 3 && weight.size(3) == 3 && stride == Extent(1) && padding == Extent(1) && groups == 1
            && weight.size(0) % channelStep == 0 && weight.size(1) % channelStep == 0 && operation != nil
    }

    /// Whether it is faster for these images than the direct sum, by measurements on two cores with AVX-512: the transform
    /// of the weights has to pay; in bfloat16, where the direct sum takes half the time, so have tiles beyond the edge.
    static func pays(_ x: Tensor, _ weight: Tensor) -> Bool {
        guard x.device.kind == .cpu, x.rank == 4 else { return false }
        let (height, width) = (x.size(2), x.size(3))
        let tiles = x.size(0) * ((height + 3) / 4) * ((width + 3) / 4)
        switch x.dtype {
        case .float32: return tiles >= 64 && height > 3 && width > 3
        case .bfloat16:
            // In tiles the direct sum takes a small part of the time of a float32 product.
            if Capability.here.multipliesTiles { return false }
            let isFilled = 12 * tiles <= x.size(0) * height * width
            return tiles >= max(64, weight.size(0) * weight.size(1) / 400) && isFilled
        default: return false
        }
    }

    /// relu(convolution(x) + other), addition and ReLU on request and without a gradient; channels-last.
    static func convolution(
        _ x: Tensor, _ weight: Tensor, bias: Tensor?, adding other: Tensor? = nil, relu: Bool = false
    ) -> Tensor {
        operation!(.tensor(x), .tensor(weight), .optional(bias), .optional(other), .bool(relu))
    }
}
