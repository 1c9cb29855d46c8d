import TestSupport
import Testing
import Torch

/// `BatchNorm2d` in training, joined with addition and ReLU where channels come in multiples of 16.
@Suite(.tags(.unit), .tiered) struct BatchNormTests {
    private func norm(_ channels: Int) -> BatchNorm2d {
        let scope = Scope(seed: 2)
        let norm = BatchNorm2d(scope / "bn", channels)
        withoutGradients {
            norm.weight.uniform_(-1, 2, scope.generator)
            norm.bias.uniform_(-1, 1, scope.generator)
        }
        return norm
    }

    @Test func byHand() {
        // Each channel holds −1 and 3: mean 1, variance 4, unbiased 8. Twice x̂ = ∓1, plus 1, plus 10 and −10.
        let norm = BatchNorm2d(Scope(seed: 0) / "bn", 16, initialWeight: 2)
        withoutGradients { _ = norm.bias.fill_(1) }
        let x = Tensor((0..<32).map { Float($0 % 2 == 0 ? -1 : 3) }, shape: [1, 16, 1, 2])
        let other = Tensor((0..<32).map { Float($0 % 2 == 0 ? 10 : -10) }, shape: [1, 16, 1, 2])
        func check(_ y: Tensor, _ expected: [Double]) {
            for (index, value) in y.detach().contiguous().doubles.enumerated() {
                #expect(abs(value - expected[index % 2]) < 1e-4)
            }
        }
        check(norm(x, mode: .train), [-1, 3])
        check(norm.runningMean, [0.1, 0.1])
        check(norm.runningVariance, [0.9 + 0.8, 0.9 + 0.8])
        check(norm(x, mode: .train, relu: true), [0, 3])
        check(norm(x, mode: .train, adding: other), [9, -7])
        check(norm(x, mode: .train, adding: other, relu: true), [9, 0])
    }

    /// With shares of 1, ½ and ⅓ three batches leave the mean of what they have; nothing of before is left.
    @Test(arguments: [16, 3]) func statisticsOfSeveralBatches(channels: Int) {
        let norm = BatchNorm2d(Scope(seed: 0) / "bn", channels)
        // Means 1, 2 and 6; variances 0, 2 and 8, unbiased.
        for (index, values) in [[Float(1), 1], [1, 3], [4, 8]].enumerated() {
            let x = Tensor((0..<2 * channels).map { values[$0 % 2] }, shape: [1, channels, 1, 2])
            BatchNorm2d.weighing(1 / Double(index + 1)) { _ = norm(x, mode: .train) }
        }
        #expect(norm.runningMean.doubles.allSatisfy { abs($0 - 3) < 1e-5 })
        #expect(norm.runningVariance.doubles.allSatisfy { abs($0 - 10.0 / 3) < 1e-5 })
    }

    struct Shape: Sendable {
        var images, channels, height, width: Int
    }

    /// Few values, several parts, more rows than one part sums in float32, many channels.
    static let shapes = [
        Shape(images: 1, channels: 16, height: 1, width: 3), Shape(images: 5, channels: 48, height: 7, width: 9),
        Shape(images: 16, channels: 16, height: 40, width: 41), Shape(images: 3, channels: 2048, height: 5, width: 5),
    ]

    /// More than the caches hold: results go past them.
    @Test func agreesOnLargeMaps() {
        agreesWithTheSeparateLayers(Shape(images: 32, channels: 64, height: 64, width: 65), (true, true))
    }

    /// float32 sums of 256 values: 1e-5 of the size of the values. bfloat16 rounds each result, 2⁻⁹ of it, and keeps 2⁻⁹ of
    /// the sum of two where it is zero for ReLU: 1 % of the size of all.
    @Test(arguments: shapes, [(false, false), (true, false), (false, true), (true, true)])
    func agreesWithTheSeparateLayers(_ shape: Shape, _ form: (adds: Bool, relu: Bool)) {
        for (dtype, tolerance) in [(DType.float32, 2e-5), (.bfloat16, 1e-2)] {
            let norm = norm(shape.channels)
            let generator = Scope(seed: 4).generator
            func draw() -> Tensor {
                let drawn = Tensor.randn(
                    [shape.images, shape.channels, shape.height, shape.width], generator: generator)
                return (drawn * 3 + 5).to(dtype: dtype).contiguous(.channelsLast)
            }
            let (x, other, dy) = (draw(), form.adds ? draw() : nil, draw())
            let leaves = [x, norm.weight, norm.bias] + (other.map { [$0] } ?? [])
            let copies = leaves.map { $0.detach().to(dtype: .float64).clone() }
            for leaf in leaves + copies { leaf.requiresGradient = true }
            let y = norm(x, mode: .train, adding: other, relu: form.relu)
            y.backward(dy)
            let (mean, variance) = (
                Tensor.zeros([shape.channels], dtype: .float64), Tensor.ones([shape.channels], dtype: .float64)
            )
            var expected = copies[0].batchNorm(
                weight: copies[1], bias: copies[2], runningMean: mean, runningVariance: variance, training: true)
            if form.adds { expected = expected + copies[3] }
            // Which values ReLU keeps is taken from ours: next to zero rounding decides.
            let kept =
                form.relu ? y.detach().greaterOrEqual(1e-30).to(dtype: .float64) : Tensor.ones([], dtype: .float64)
            let masked = expected * kept
            masked.backward(dy.to(dtype: .float64))
            let pairs =
                [("y", y.detach(), masked.detach()), ("mean", norm.runningMean, mean)]
                + [("variance", norm.runningVariance, variance)]
                + zip(["dx", "dweight", "dbias", "dother"], zip(leaves, copies)).map {
                    ($0, $1.0.gradient!, $1.1.gradient!)
                }
            for (name, ours, direct) in pairs {
                // Sums over all values cancel: their errors are those of the terms.
                let isSum = name == "dweight" || name == "dbias"
                let count = Double(x.count / shape.channels)
                let size = direct.abs().max().item + (isSum ? count.squareRoot() : 0)
                // libtorch, on a processor without kernels of ours, adds dy · x row by row in float32 and takes the mean's
                // part off at the end: each of n steps rounds a sum of up to 25n by 2⁻²⁵ of it, upwards or downwards, and
                // the deviation, 3, divides.
                let sequential = isSum && Capability.here.kernels == .plain ? count * count.squareRoot() * 0x1p-22 : 0
                let error = (ours.to(dtype: .float64) - direct).abs().max().item
                #expect(
                    error <= tolerance * size + sequential && size > 0,
                    "\(name) of \(shape) in \(dtype): \(error) of \(size)")
            }
            #expect(y.dtype == dtype && x.gradient!.dtype == dtype)
        }
    }

    @Test func gradientsAreDifferences() {
        let norm = norm(32)
        let generator = Scope(seed: 6).generator
        let x = Tensor.randn([4, 32, 5, 6], generator: generator)
        let dy = Tensor.randn([4, 32, 5, 6], generator: generator)
        x.requiresGradient = true
        norm(x, mode: .train).backward(dy)
        func value() -> Double { withoutGradients { (norm(x, mode: .train) * dy).sum().item } }
        for leaf in [x, norm.weight, norm.bias] {
            let step = Tensor.randn(leaf.shape, generator: generator) * 0.01
            let expected = (leaf.gradient! * step).sum().item
            let difference = centralDifference(of: leaf, along: step, value)
            #expect(abs(difference - expected) < 1e-3 * (leaf.gradient!.norm() * step.norm()).item)
        }
    }

    @Test func agreesWithPyTorch() throws {
        let golden = try GoldenOperator("batch_norm")
        let norm = BatchNorm2d(Scope(seed: 0) / "bn", 32)
        let (x, other) = (try golden.tensor("x", 0), try golden.tensor("other", 3))
        try withoutGradients {
            _ = norm.weight.copy_(try golden.tensor("weight", 1))
            _ = norm.bias.copy_(try golden.tensor("bias", 2))
        }
        x.requiresGradient = true
        other.requiresGradient = true
        let y = norm(x, mode: .train, adding: other, relu: true)
        y.backward(try golden.tensor("dy", 4))
        try golden.check([
            ("y", y), ("dx", x.gradient!), ("dweight", norm.weight.gradient!), ("dbias", norm.bias.gradient!),
            ("dother", other.gradient!),
        ])
    }

    @Test func aSingleValueLeavesNumbers() {
        let norm = norm(16)
        let y = withoutGradients { norm(Tensor.ones([1, 16, 1, 1]), mode: .train) }
        // One over √ε is 316, so that roundings of 1 become a few 1e-5.
        #expect((y.reshape(16) - norm.bias).abs().max().item < 1e-4)
        #expect(norm.runningVariance.doubles.allSatisfy { abs($0 - 0.9) < 1e-6 })
    }

    @Test func aLargeMeanTakesNoDigitsFromTheVariance() {
        let x = Tensor.randn([8, 16, 20, 20], generator: Scope(seed: 1).generator) + 10_000
        let norm = BatchNorm2d(Scope(seed: 0) / "bn", 16)
        let y = withoutGradients { norm(x, mode: .train) }
        // float32 has steps of 1/1024 at 10,000.
        #expect(abs(y.square().mean().item - 1) < 1e-3 && abs(y.mean().item) < 1e-2)
    }
}
