import TestSupport
import Testing
import Torch

/// The update written out for one number, as the paper's algorithm 1 and torch's documentation define it.
@Suite(.tags(.unit), .tiered) struct AdamTests {
    /// L = ½p² with weight decay, at a rate that changes; the second group moves at its own, fixed rate.
    @Test(arguments: [false, true]) func aFewSteps(byTensor: Bool) {
        let scope = Scope(seed: 0)
        let p = scope.parameter("p", [1], .constant(2))
        let q = scope.parameter("q", [1], .constant(-1))
        let optimizer = Adam(
            [
                ParameterGroup([scope.parameters.entries[0]], learningRateScale: 2, weightDecay: 0.1),
                ParameterGroup([scope.parameters.entries[1]], weightDecay: 0, fixedRate: 0.3),
            ], beta1: 0.5, beta2: 0.9)
        struct Number {
            var value: Double
            var mean = 0.0
            var square = 0.0

            mutating func step(_ t: Int, _ rate: Double, decay: Double) {
                let gradient = value + decay * value
                mean = 0.5 * mean + 0.5 * gradient
                square = 0.9 * square + 0.1 * gradient * gradient
                let (m, v) = (mean / (1 - pow(0.5, t)), square / (1 - pow(0.9, t)))
                value -= rate * m / (v.squareRoot() + 1e-8)
            }

            private func pow(_ base: Double, _ t: Int) -> Double { (0..<t).reduce(1) { power, _ in power * base } }
        }
        var (a, b) = (Number(value: 2), Number(value: -1))
        for (index, rate) in [0.2, 0.1, 0.05, 0.05].enumerated() {
            optimizer.clearGradients()
            ((p.square() + q.square()) * 0.5).sum().backward()
            if byTensor {
                optimizer.step(learningRate: Tensor.zeros([], dtype: .float64).fill_(rate))
            } else {
                optimizer.step(learningRate: rate)
            }
            a.step(index + 1, 2 * rate, decay: 0.1)
            b.step(index + 1, 0.3, decay: 0)
            // Float32 arithmetic of a few operations.
            #expect(abs(p.detach().doubles[0] - a.value) < 1e-6 && abs(q.detach().doubles[0] - b.value) < 1e-6)
        }
        let state = optimizer.state
        #expect(state.map(\.name) == ["p.mean", "p.square", "p.count", "q.mean", "q.square", "q.count"])
        #expect(abs(state[0].tensor.item - a.mean) < 1e-6 && abs(state[1].tensor.item - a.square) < 1e-6)
        #expect(state[2].tensor.item == 4)
    }

    /// Its first step is one of length lr whenever it comes: what has no gradient neither moves nor counts.
    @Test func whatHasNoGradientStays() {
        let scope = Scope(seed: 0)
        let p = scope.parameter("p", [1], .constant(2))
        let q = scope.parameter("q", [1], .constant(3))
        let optimizer = Adam([ParameterGroup(scope.parameters.trainable, weightDecay: 0.1)])
        for _ in 0..<3 {
            optimizer.clearGradients()
            p.square().sum().backward()
            optimizer.step(learningRate: 0.01)
        }
        #expect(q.detach().doubles == [3] && optimizer.state.first { $0.name == "q.count" }?.tensor.item == 0)
        optimizer.clearGradients()
        q.square().sum().backward()
        optimizer.step(learningRate: 0.01)
        #expect(abs(q.detach().doubles[0] - 2.99) < 1e-6)
    }

    /// Weights of a convolution, whose values lie in another order, move as the same values in a row do.
    @Test func theOrderInMemoryChangesNothing() {
        let scope = Scope(seed: 3)
        let shape = [4, 3, 5, 5]
        let a = scope.parameter("a", shape, .normal(standardDeviation: 1), format: .channelsLast)
        let b = scope.parameter("b", shape, .constant(0))
        withoutGradients { _ = b.copy_(a) }
        let target = Tensor.randn(shape, generator: scope.generator)
        let optimizer = Adam([ParameterGroup(scope.parameters.trainable, weightDecay: 0.1)])
        for _ in 0..<3 {
            optimizer.clearGradients()
            ((a - target).square().sum() + (b - target).square().sum()).backward()
            optimizer.step(learningRate: 0.1)
        }
        #expect(a.isContiguous(.channelsLast) && !a.isContiguous() && isClose(a.doubles, b.doubles, 1e-6))
    }
}

/// One pass forward, a gradient for some of its leaves at a time.
@Suite(.tags(.unit), .tiered) struct ChosenGradientTests {
    @Test func onlyTheChosenLeavesGetOne() {
        let (a, b) = (Tensor([2.0]), Tensor([3.0]))
        for leaf in [a, b] { leaf.requiresGradient = true }
        let product = a * b
        let (first, second) = (product.square().sum(), product.sum())
        first.backward(to: [a], keepsGraph: true)
        #expect(a.gradient?.doubles == [36] && b.gradient == nil)
        second.backward(to: [b], keepsGraph: false)
        #expect(a.gradient?.doubles == [36] && b.gradient?.doubles == [2])
    }

    /// What a value does not depend on gets none.
    @Test func aLeafOfAnotherValue() {
        let (a, b) = (Tensor([2.0]), Tensor([3.0]))
        for leaf in [a, b] { leaf.requiresGradient = true }
        (a * 5).sum().backward(to: [a, b], keepsGraph: false)
        #expect(a.gradient?.doubles == [5] && b.gradient == nil)
    }
}

@Suite(.tags(.unit), .tiered) struct UpconvolutionTests {
    /// A single cell is the kernel, at stride 2 and without what the padding cuts off; of four cells kernels overlap.
    @Test func byHand() {
        let layer = Upconv2d(Scope(seed: 0) / "up", in: 1, out: 1, kernel: 3, initializer: .constant(1))
        withoutGradients {
            _ = layer.weight.copy_(Tensor((1...9).map { Float($0) }, shape: [1, 1, 3, 3]))
            _ = layer.bias?.fill_(10)
        }
        #expect(layer(Tensor([Float(2)], shape: [1, 1, 1, 1])).detach().doubles == [20, 22, 26, 28])
        let map = layer(Tensor([Float(1), 0, 0, 1], shape: [1, 1, 2, 2])).detach()
        #expect(map.shape == [1, 1, 4, 4])
        #expect(map.contiguous().doubles == [15, 16, 10, 10, 18, 20, 12, 13, 10, 14, 15, 16, 10, 17, 18, 19])
    }

    /// ⟨conv(y), x⟩ = ⟨y, up(x)⟩ in double precision, and the same for the gradients, which are each other's layers.
    @Test func itIsTheGradientOfAConvolution() {
        let generator = Generator(seed: 5)
        func draw(_ shape: [Int]) -> Tensor {
            Tensor.randn(shape, generator: generator).to(dtype: .float64)
        }
        let (x, y, weight) = (draw([2, 3, 4, 5]), draw([2, 2, 8, 10]), draw([3, 2, 5, 5]))
        let up = x.transposedConv2d(weight, stride: Extent(2), padding: Extent(2), outputPadding: Extent(1))
        let down = y.conv2d(weight, stride: Extent(2), padding: Extent(2))
        #expect(abs((down * x).sum().item - (up * y).sum().item) < 1e-9)
        weight.requiresGradient = true
        let value = {
            (x.transposedConv2d(weight, stride: Extent(2), padding: Extent(2), outputPadding: Extent(1)).square() * y)
                .sum()
        }
        value().backward()
        let step = draw(weight.shape) * 1e-5
        let expected = (weight.gradient! * step).sum().item
        let difference = centralDifference(of: weight, along: step) { withoutGradients { value().item } }
        #expect(abs(difference - expected) < 1e-7 * abs(expected))
    }

    @Test func leakyReLU() {
        let x = Tensor([-2.0, -1, 0, 3])
        x.requiresGradient = true
        let y = x.leakyReLU(0.2)
        #expect(isClose(y.detach().doubles, [-0.4, -0.2, 0, 3], 1e-7))
        y.sum().backward()
        #expect(isClose(x.gradient!.doubles, [0.2, 0.2, 0.2, 1], 1e-7))
    }

    /// Half the size: each pixel from four, weighed 1, 3, 3, 1; at the edges from three, and what is plain stays so.
    @Test func reducedImages() {
        let row = Tensor((0..<8).map { Float($0 * $0) }, shape: [1, 1, 1, 8])
        let size = Extent(height: 1, width: 4)
        let expected: [Double] = [
            (3 * 0 + 3 * 1 + 4) / 7.0, (1 + 3 * 4 + 3 * 9 + 16) / 8.0, (9 + 3 * 16 + 3 * 25 + 36) / 8.0,
            (25 + 3 * 36 + 3 * 49) / 7.0,
        ]
        #expect(isClose(row.resized(size).doubles, expected, 1e-6))
        let plain = Tensor.full([1, 3, 28, 28], 0.7).resized(Extent(16)).doubles
        #expect(plain.allSatisfy { abs($0 - 0.7) < 1e-6 })
    }
}
