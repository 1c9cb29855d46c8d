/// Convolutions on the CPU that are summed directly where maps are small: weights stay where they lie and taps beyond the
/// edge cost nothing. Differentiable; libCTorch.so holds the operator, which decides for every pass whether that or
/// libtorch's convolution is faster.
///
/// Everything is computed in float32; images and results may be bfloat16.
enum DirectConvolution {
    /// Nil where the processor lacks the instructions.
    private static let operation = Operator(ifPresent: "detect::direct_convolution")
    private static let channelStep = 32

    /// Whether the operator can compute a layer's convolutions.
    static func serves(_ x: Tensor, _ weight: Tensor, groups: Int) -> Bool {
        x.device.kind == .cpu && weight.device.kind == .cpu && weight.dtype == .float32
            && (x.dtype == .float32 || x.dtype == .bfloat16) && x.rank == 4 && x.count > 0 && groups == 1
            && weight.size(0) % channelStep == 0 && weight.size(1) % channelStep == 0 && operation != nil
    }

    /// - Parameter always: by direct sums in every pass, also where they are slower.
    static func convolution(
        _ x: Tensor, _ weight: Tensor, bias: Tensor?, stride: Extent, padding: Extent, always: Bool = false
    ) -> Tensor {
        operation!(
            .tensor(x), .tensor(weight), .optional(bias), .ints(stride.list), .ints(padding.list), .bool(always))
    }
}
