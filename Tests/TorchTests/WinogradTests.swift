import TestSupport
import Testing
import Torch

/// Whether there are kernels of minimal filtering; elsewhere libtorch's own convolution has to pass the same tests.
private let isFiltered = Capability.here.kernels > .plain

/// `Conv2d` by minimal filtering: 3×3, stride 1, channels in multiples of 32, at least 64 tiles of 4×4 results.
@Suite(.tags(.unit), .tiered) struct WinogradTests {
    private func layer(in inputs: Int, out outputs: Int, bias: Bool = true) -> Conv2d {
        Conv2d(Scope(seed: 3) / "conv", in: inputs, out: outputs, kernel: 3, padding: 1, bias: bias)
    }

    @Test func byHand() {
        // Ones everywhere: each result counts the pixels of its neighbourhood, times 32 channels. 16 images of 2 × 2 tiles.
        let layer = layer(in: 32, out: 32, bias: false)
        withoutGradients { _ = layer.weight.fill_(1) }
        let y = withoutGradients { layer(Tensor.ones([16, 32, 6, 5])) }
        #expect(y.shape == [16, 32, 6, 5] && (y.isContiguous(.channelsLast) || !isFiltered))
        let inside: [(row: Int, neighbours: Int)] = [(0, 2), (1, 3), (2, 3), (3, 3), (4, 3), (5, 2)]
        let expected = inside.flatMap { row in [2, 3, 3, 3, 2].map { Double($0 * row.neighbours * 32) } }
        for (index, value) in y.contiguous().doubles.enumerated() {
            #expect(abs(value - expected[index % 30]) < 1e-3)
        }
    }

    struct Shape: Sendable {
        var images, inputs, height, width, outputs: Int
    }

    static let shapes = [
        Shape(images: 1, inputs: 32, height: 38, width: 50, outputs: 64),
        Shape(images: 20, inputs: 64, height: 7, width: 5, outputs: 32),
        Shape(images: 65, inputs: 32, height: 4, width: 4, outputs: 96),
        Shape(images: 3, inputs: 96, height: 30, width: 33, outputs: 64),
    ]

    /// Results and gradients of random images, and the same from the direct sums in float64.
    private func bothWays(_ shape: Shape, hasBias: Bool) -> [(name: String, ours: Tensor, direct: Tensor)] {
        let layer = layer(in: shape.inputs, out: shape.outputs, bias: hasBias)
        let generator = Scope(seed: 5).generator
        let x = Tensor.randn([shape.images, shape.inputs, shape.height, shape.width], generator: generator)
        let dy = Tensor.randn([shape.images, shape.outputs, shape.height, shape.width], generator: generator)
        x.requiresGradient = true
        let y = layer(x)
        y.backward(dy)
        let copies = [x, layer.weight, layer.bias].map { original in
            original.map { original in
                let copy = original.detach().to(dtype: .float64)
                copy.requiresGradient = true
                return copy
            }
        }
        let direct = copies[0]!.conv2d(copies[1]!, bias: copies[2], padding: Extent(1))
        direct.backward(dy.to(dtype: .float64))
        var results = [
            ("y", y.detach(), direct.detach()), ("dx", x.gradient!, copies[0]!.gradient!),
            ("dw", layer.weight.gradient!, copies[1]!.gradient!),
        ]
        if hasBias { results.append(("db", layer.bias!.gradient!, copies[2]!.gradient!)) }
        return results
    }

    /// In float32 the largest of some 100,000 errors is about 1e-5 of the values' size; of the weights' gradients, sums
    /// over all pixels, somewhat more.
    @Test(arguments: shapes, [false, true]) func agreesWithDirectSums(_ shape: Shape, hasBias: Bool) {
        for (name, ours, direct) in bothWays(shape, hasBias: hasBias) {
            let size = direct.square().mean().sqrt().item
            let error = (ours.to(dtype: .float64) - direct).abs().max().item
            #expect(ours.shape == direct.shape && ours.dtype == .float32)
            #expect(error < 5e-5 * size && size > 0, "\(name) of \(shape): \(error / size)")
        }
    }

    /// The convolution is linear in the images and in the weights, so that differences over any distance are exact.
    @Test func gradientsAreDifferences() {
        let layer = layer(in: 32, out: 64)
        let generator = Scope(seed: 8).generator
        let x = Tensor.randn([4, 32, 16, 15], generator: generator)
        let dy = Tensor.randn([4, 64, 16, 15], generator: generator)
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
        let golden = try GoldenOperator("convolution")
        let layer = layer(in: 32, out: 64)
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

    @Test func mixedPrecisionStaysMixed() {
        let layer = layer(in: 32, out: 32)
        let x = Tensor.randn([16, 32, 8, 8], generator: Scope(seed: 1).generator)
        let y = withPrecision(.bf16, on: .cpu) { layer(x) }
        #expect(y.dtype == .bfloat16)
    }

    /// Images of bfloat16 under autocast, on maps where the gradient of the weights is taken either way. The arithmetic is
    /// float32, or that of the direct sums in bfloat16; results are rounded to 2⁻⁹ of themselves.
    @Test(arguments: [
        Shape(images: 4, inputs: 32, height: 20, width: 24, outputs: 64),
        Shape(images: 12, inputs: 128, height: 12, width: 16, outputs: 160),
    ]) func imagesMayBeBFloat16(_ shape: Shape) {
        let layer = layer(in: shape.inputs, out: shape.outputs)
        let generator = Scope(seed: 5).generator
        let x = Tensor.randn(
            [shape.images, shape.inputs, shape.height, shape.width], generator: generator
        ).to(dtype: .bfloat16)
        let dy = Tensor.randn(
            [shape.images, shape.outputs, shape.height, shape.width], generator: generator
        ).to(dtype: .bfloat16)
        let leaves = [x, layer.weight, layer.bias!]
        let copies = leaves.map { $0.detach().to(dtype: .float64) }
        for leaf in leaves + copies { leaf.requiresGradient = true }
        let y = withPrecision(.bf16, on: .cpu) { layer(x) }
        y.backward(dy)
        let direct = copies[0].conv2d(copies[1], bias: copies[2], padding: Extent(1))
        direct.backward(dy.to(dtype: .float64))
        let pairs = [(y.detach(), direct.detach())] + zip(leaves, copies).map { ($0.gradient!, $1.gradient!) }
        for ((ours, expected), dtype) in zip(pairs, [DType.bfloat16, .bfloat16, .float32, .float32]) {
            let error = (ours.to(dtype: .float64) - expected).abs().max().item
            #expect(ours.dtype == dtype && error < 0.01 * expected.abs().max().item, "\(error)")
        }
    }

    /// Views of larger tensors and tensors in rows of channels, as of those laid out afresh.
    @Test func layoutDoesNotMatter() {
        let layer = layer(in: 32, out: 32)
        let large = Tensor.randn([5, 32, 20, 18], generator: Scope(seed: 1).generator)
        let view = large.narrow(0, 1, 4).narrow(2, 3, 16)
        withoutGradients {
            let expected = layer(view.contiguous(.channelsLast)).doubles
            #expect(layer(view).doubles == expected && layer(view.contiguous()).doubles == expected)
        }
    }

    /// ReLU of oneDNN's makes 0 of it.
    @Test(.enabled(if: isFiltered, "needs AVX2: minimal filtering has no kernels for lesser processors"))
    func whatIsNotANumberStaysSo() {
        let fused = FusedConv2d(layer(in: 32, out: 32), nil, .fp32)
        let x = Tensor.ones([16, 32, 8, 8])
        x.narrow(0, 3, 1).fill_(.nan)
        let y = fused(x, relu: true).contiguous().doubles
        let perImage = 32 * 8 * 8
        for image in 0..<16 {
            #expect(y[image * perImage..<(image + 1) * perImage].allSatisfy { $0.isNaN == (image == 3) })
        }
    }
}
