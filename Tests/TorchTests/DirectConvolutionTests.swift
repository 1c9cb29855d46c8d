import TestSupport
import Testing
import Torch

/// `Conv2d` by direct sums over the taps: small maps, channels in multiples of 32, any kernel, stride and padding.
@Suite(.tags(.unit), .tiered) struct DirectConvolutionTests {
    struct Shape: Sendable {
        var images, inputs, height, width, outputs, kernel, stride, padding: Int
    }

    private func layer(_ shape: Shape, bias: Bool = true) -> Conv2d {
        Conv2d(
            Scope(seed: 3) / "conv", in: shape.inputs, out: shape.outputs, kernel: shape.kernel, stride: shape.stride,
            padding: shape.padding, bias: bias)
    }

    @Test func byHand() {
        // Ones everywhere: each result counts the pixels under its kernel, times 32 channels.
        //   stride 1 on 2 × 3:  4 6 4     stride 2 on 3 × 3:  4 4
        //                       4 6 4                         4 4
        let cases: [(height: Int, width: Int, stride: Int, counts: [Double])] = [
            (2, 3, 1, [4, 6, 4, 4, 6, 4]), (3, 3, 2, [4, 4, 4, 4]), (1, 1, 1, [1]),
        ]
        for (height, width, stride, counts) in cases {
            let layer = layer(
                Shape(
                    images: 7, inputs: 32, height: height, width: width, outputs: 64, kernel: 3, stride: stride,
                    padding: 1), bias: false)
            withoutGradients { _ = layer.weight.fill_(1) }
            let y = withoutGradients { layer(Tensor.ones([7, 32, height, width])) }
            #expect(y.isContiguous(.channelsLast))
            let values = y.contiguous().doubles
            #expect(values.count == 7 * 64 * counts.count)
            for (index, value) in values.enumerated() { #expect(value == 32 * counts[index % counts.count]) }
        }
    }

    /// A step that pays only in its backward passes, made without gradients in mixed precision.
    @Test func mixedPrecisionWithoutGradients() {
        let shape = Shape(
            images: 8, inputs: 64, height: 16, width: 16, outputs: 128, kernel: 1, stride: 2, padding: 0)
        let (layer, x) = (layer(shape, bias: false), Tensor.randn([8, 64, 16, 16], generator: Generator(seed: 1)))
        let plain = withoutGradients { layer(x) }
        let mixed = withoutGradients { withPrecision(.bf16, on: .cpu) { layer(x.to(dtype: .bfloat16)) } }
        #expect(mixed.shape == [8, 128, 8, 8])
        #expect((mixed.to(dtype: .float32) - plain).abs().max().item < 0.02 * plain.abs().max().item)
    }

    static let shapes = [
        Shape(images: 5, inputs: 64, height: 1, width: 1, outputs: 96, kernel: 3, stride: 1, padding: 1),
        Shape(images: 33, inputs: 32, height: 2, width: 2, outputs: 64, kernel: 3, stride: 1, padding: 1),
        Shape(images: 7, inputs: 96, height: 3, width: 5, outputs: 32, kernel: 3, stride: 2, padding: 1),
        Shape(images: 1, inputs: 32, height: 9, width: 4, outputs: 32, kernel: 3, stride: 1, padding: 0),
        Shape(images: 3, inputs: 64, height: 7, width: 8, outputs: 64, kernel: 1, stride: 2, padding: 0),
        Shape(images: 4, inputs: 32, height: 4, width: 4, outputs: 288, kernel: 1, stride: 1, padding: 0),
        Shape(images: 2, inputs: 32, height: 6, width: 5, outputs: 32, kernel: 5, stride: 3, padding: 2),
        Shape(images: 3, inputs: 32, height: 2, width: 2, outputs: 32, kernel: 7, stride: 1, padding: 3),
        Shape(images: 2, inputs: 32, height: 5, width: 5, outputs: 32, kernel: 2, stride: 2, padding: 0),
        Shape(images: 64, inputs: 32, height: 5, width: 6, outputs: 32, kernel: 3, stride: 2, padding: 1),
    ]

    /// Results and gradients of random images beside those of libtorch's convolution in float64.
    private func bothWays(_ shape: Shape, hasBias: Bool, precision: Precision = .fp32)
        -> [(name: String, ours: Tensor, expected: Tensor)]
    {
        let layer = layer(shape, bias: hasBias)
        let generator = Scope(seed: 5).generator
        let dtype = precision.dtype
        let x = Tensor.randn([shape.images, shape.inputs, shape.height, shape.width], generator: generator)
            .to(dtype: dtype)
        x.requiresGradient = true
        let y = withPrecision(precision, on: .cpu) { layer(x) }
        let dy = Tensor.randn(y.shape, generator: generator).to(dtype: dtype)
        y.backward(dy)
        let leaves = [x, layer.weight] + (hasBias ? [layer.bias!] : [])
        let copies = leaves.map { $0.detach().to(dtype: .float64) }
        for copy in copies { copy.requiresGradient = true }
        let expected = copies[0].conv2d(
            copies[1], bias: hasBias ? copies[2] : nil, stride: Extent(shape.stride), padding: Extent(shape.padding))
        expected.backward(dy.to(dtype: .float64))
        return [("y", y.detach(), expected.detach())]
            + zip(["dx", "dw", "db"], zip(leaves, copies)).map { ($0, $1.0.gradient!, $1.1.gradient!) }
    }

    /// In float32 errors are those of sums in one order: some 1e-6 of the values' size.
    @Test(arguments: shapes, [false, true]) func agreesWithLibtorch(_ shape: Shape, hasBias: Bool) {
        for (name, ours, expected) in bothWays(shape, hasBias: hasBias) {
            let size = expected.square().mean().sqrt().item
            let error = (ours.to(dtype: .float64) - expected).abs().max().item
            #expect(ours.shape == expected.shape && ours.dtype == .float32)
            #expect(error < 2e-5 * size && size > 0, "\(name) of \(shape): \(error / size)")
        }
    }

    /// The arithmetic is float32, or libtorch's in bfloat16 where that is faster; results are rounded to 2⁻⁹ of themselves.
    @Test(
        arguments: [
            Shape(images: 4, inputs: 128, height: 2, width: 2, outputs: 160, kernel: 3, stride: 1, padding: 1),
            Shape(images: 4, inputs: 64, height: 3, width: 3, outputs: 64, kernel: 3, stride: 2, padding: 1),
            Shape(images: 40, inputs: 32, height: 6, width: 6, outputs: 32, kernel: 3, stride: 2, padding: 1),
            Shape(images: 70, inputs: 32, height: 3, width: 3, outputs: 32, kernel: 1, stride: 1, padding: 0),
        ], [false, true])
    func imagesMayBeBFloat16(_ shape: Shape, hasBias: Bool) {
        for (name, ours, expected) in bothWays(shape, hasBias: hasBias, precision: .bf16) {
            let error = (ours.to(dtype: .float64) - expected).abs().max().item
            #expect(ours.dtype == (name == "y" || name == "dx" ? .bfloat16 : .float32), "\(name)")
            #expect(error < 0.01 * expected.abs().max().item, "\(name) of \(shape): \(error)")
        }
    }

    /// The convolution is linear in the images and in the weights, so that differences over any distance are exact.
    @Test func gradientsAreDifferences() {
        let layer = layer(
            Shape(images: 6, inputs: 32, height: 5, width: 3, outputs: 64, kernel: 3, stride: 2, padding: 1))
        let generator = Scope(seed: 8).generator
        let x = Tensor.randn([6, 32, 5, 3], generator: generator)
        let dy = Tensor.randn([6, 64, 3, 2], generator: generator)
        x.requiresGradient = true
        layer(x).backward(dy)
        func value() -> Double { withoutGradients { (layer(x) * dy).sum().item } }
        for leaf in [x, layer.weight, layer.bias!] {
            let step = Tensor.randn(leaf.shape, generator: generator)
            let expected = (leaf.gradient! * step).sum().item
            let difference = centralDifference(of: leaf, along: step, value)
            #expect(abs(difference - expected) < 1e-3 * leaf.gradient!.norm().item, "\(difference), \(expected)")
        }
    }

    @Test func agreesWithPyTorch() throws {
        let golden = try GoldenOperator("small_convolution")
        let layer = layer(
            Shape(images: 6, inputs: 32, height: 5, width: 3, outputs: 64, kernel: 3, stride: 2, padding: 1))
        let x = try golden.tensor("x", 0)
        try withoutGradients {
            _ = layer.weight.copy_(try golden.tensor("weight", 1))
            _ = layer.bias!.copy_(try golden.tensor("bias", 2))
        }
        x.requiresGradient = true
        let y = layer(x)
        y.backward(try golden.tensor("dy", 3))
        try golden.check([
            ("y", y), ("dx", x.gradient!), ("dweight", layer.weight.gradient!), ("dbias", layer.bias!.gradient!),
        ])
    }

    /// Views of larger tensors and tensors in rows of channels, as of those laid out afresh.
    @Test func layoutDoesNotMatter() {
        let layer = layer(
            Shape(images: 4, inputs: 32, height: 3, width: 4, outputs: 32, kernel: 3, stride: 1, padding: 1))
        let large = Tensor.randn([5, 32, 8, 4], generator: Scope(seed: 1).generator)
        let view = large.narrow(0, 1, 4).narrow(2, 3, 3)
        withoutGradients {
            let expected = layer(view.contiguous(.channelsLast)).contiguous().doubles
            #expect(layer(view).contiguous().doubles == expected)
            #expect(layer(view.contiguous()).contiguous().doubles == expected)
        }
    }

    /// An image's results are the same to the last bit whatever is beside it and however the work is shared out.
    @Test(.enabled(if: Capability.here.kernels != .plain, "libtorch's own convolutions depend on their batch"))
    func imagesAreIndependent() {
        let layer = layer(
            Shape(images: 37, inputs: 64, height: 3, width: 3, outputs: 32, kernel: 3, stride: 1, padding: 1))
        let x = Tensor.randn([37, 64, 3, 3], generator: Scope(seed: 1).generator)
        withoutGradients {
            let together = layer(x)
            for image in [0, 5, 36] {
                let alone = layer(x.narrow(0, image, 1)).contiguous().doubles
                #expect(together.narrow(0, image, 1).contiguous().doubles == alone)
            }
        }
    }
}
