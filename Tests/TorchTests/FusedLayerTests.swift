import Support
import TestSupport
import Testing
import Torch

/// Engines to test: what this machine takes, and the operators that serve everywhere else.
private let engines: [FusionEngine] = [.best(on: .cpu, .fp32), .separate]

@Suite(.tags(.unit), .tiered) struct FusedLayerTests {
    /// One channel: 2x, then (2x − 4) / √9 · 3 + 1 = 2x − 3.
    private func unit() -> (Conv2d, BatchNorm2d) {
        let scope = Scope(seed: 0)
        let convolution = Conv2d(scope / "conv", in: 1, out: 1, kernel: 1, bias: false, initializer: .constant(2))
        let norm = BatchNorm2d(scope / "bn", 1, initialWeight: 3)
        norm.runningMean.fill_(4)
        norm.runningVariance.fill_(9 - BatchNorm2d.epsilon)
        withoutGradients { _ = norm.bias.fill_(1) }
        return (convolution, norm)
    }

    @Test(arguments: engines, Precision.allCases) func byHand(engine: FusionEngine, precision: Precision) {
        // All values have few bits, so that bfloat16 is exact, too; folding rounds once, 1e-6.
        let (convolution, norm) = unit()
        let fused = FusedConv2d(convolution, norm, precision, engine: engine)
        let x = Tensor([Float(5), 1, -1, 0.5], shape: [1, 1, 2, 2])
        let other = Tensor([Float(-10), 2, 8, 1], shape: [1, 1, 2, 2]).to(dtype: precision.dtype)
        func check(_ tensor: Tensor, _ expected: [Float]) {
            #expect(tensor.shape == [1, 1, 2, 2] && tensor.dtype == precision.dtype)
            #expect(zip(tensor.floats, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(tensor.floats)")
        }
        check(fused(x, relu: false), [7, -1, -5, -2])
        check(fused(x, relu: true), [7, 0, 0, 0])
        check(fused(x, adding: other, relu: false), [-3, 1, 3, -1])
        check(fused(x, adding: other.clone(), relu: true), [0, 1, 3, 0])
    }

    struct Shape: Sendable {
        var inputs, outputs, kernel, stride, padding, groups: Int
        var hasBias: Bool
    }

    /// Against the layers one after the other. Sums of some hundred float32 terms in another order: 1e-5.
    @Test(
        arguments: [
            Shape(inputs: 3, outputs: 64, kernel: 7, stride: 2, padding: 3, groups: 1, hasBias: false),
            Shape(inputs: 16, outputs: 24, kernel: 3, stride: 1, padding: 1, groups: 1, hasBias: true),
            Shape(inputs: 16, outputs: 32, kernel: 1, stride: 2, padding: 0, groups: 1, hasBias: false),
            Shape(inputs: 8, outputs: 8, kernel: 3, stride: 1, padding: 2, groups: 4, hasBias: true),
            // Of six images by minimal filtering, of fewer directly.
            Shape(inputs: 32, outputs: 64, kernel: 3, stride: 1, padding: 1, groups: 1, hasBias: true),
        ], [false, true])
    func agreesWithTheSeparateLayers(shape: Shape, hasNorm: Bool) {
        let scope = Scope(seed: 4)
        let convolution = Conv2d(
            scope / "conv", in: shape.inputs, out: shape.outputs, kernel: shape.kernel, stride: shape.stride,
            padding: shape.padding, groups: shape.groups, bias: shape.hasBias)
        let norm = hasNorm ? BatchNorm2d(scope / "bn", shape.outputs) : nil
        withoutGradients {
            if let norm {
                norm.weight.uniform_(-1, 2, scope.generator)
                norm.bias.uniform_(-1, 1, scope.generator)
                norm.runningMean.uniform_(-1, 1, scope.generator)
                norm.runningVariance.uniform_(0.1, 3, scope.generator)
            }
            let fused = FusedConv2d(convolution, norm, .fp32)
            // Batches of other sizes than the first, too, and images in either order of memory.
            for (count, format) in [(4, MemoryFormat.contiguous), (1, .channelsLast), (6, .channelsLast)] {
                let x = Tensor.randn([count, shape.inputs, 13, 11], generator: scope.generator).contiguous(format)
                let sum = norm.map { $0(convolution(x), mode: .evaluate) } ?? convolution(x)
                let other = Tensor.randn(sum.shape, generator: scope.generator).contiguous(.channelsLast)
                func check(_ tensor: Tensor, _ expected: Tensor) {
                    #expect((tensor - expected).abs().max().item < 1e-5 * expected.abs().max().item)
                    #expect(tensor.isContiguous(.channelsLast))
                }
                check(fused(x, relu: false), sum)
                check(fused(x, relu: true), sum.relu())
                check(fused(x, adding: other.clone(), relu: true), (sum + other).relu())
            }
        }
    }

    @Test(arguments: engines, [false, true]) func linear(engine: FusionEngine, hasBias: Bool) {
        let layer = Linear(Scope(seed: 0) / "fc", in: 2, out: 2, bias: hasBias)
        withoutGradients {
            _ = layer.weight.copy_(Tensor([Float(1), 2, -3, 1], shape: [2, 2]))
            _ = layer.bias?.copy_(Tensor([Float(10), -1]))
            let fused = FusedLinear(layer, .fp32, engine: engine)
            layer.weight.fill_(0)
            let x = Tensor([Float(1), 1, 2, 0], shape: [2, 2])
            #expect(fused(x, relu: false).floats == (hasBias ? [13, -3, 12, -7] : [3, -2, 2, -6]))
            #expect(fused(x, relu: true).floats == (hasBias ? [13, 0, 12, 0] : [3, 0, 2, 0]))
        }
    }

    @Test func anAbsentOperatorIsNil() {
        #expect(Operator(ifPresent: "aten::no_such_operator") == nil)
        #expect(Operator(ifPresent: "aten::relu")?.name == "aten::relu")
    }
}
