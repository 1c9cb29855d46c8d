import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered, .serialized) struct TensorTests {
    @Test func arithmeticFollowsBroadcasting() {
        let a = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        let b = Tensor([10, 20] as [Float])
        #expect((a + b).floats == [11, 22, 13, 24])
        #expect((1 - a).floats == [0, -1, -2, -3])
        #expect(a.matmul(a).floats == [7, 10, 15, 22])
        #expect(a.sum([0]).floats == [4, 6])
        #expect(a.max(1).indices.ints == [1, 1])
        #expect(a.transpose().contiguous().floats == [1, 3, 2, 4])
        #expect(a.l2Normalized().square().sum([1]).floats.allSatisfy { abs($0 - 1) < 1e-6 })
    }

    @Test func valuesSurviveTypesAndLayouts() {
        let image = Tensor((0..<24).map(Float.init), shape: [1, 2, 3, 4])
        let last = image.contiguous(.channelsLast)
        #expect(last.isContiguous(.channelsLast) && !last.isContiguous())
        #expect(last.floats == image.floats)
        #expect(image.to(dtype: .bfloat16).to(dtype: .int64).ints == Array(0..<24))
    }

    @Test func gradientsMatchFiniteDifferences() {
        let generator = Generator(seed: 3)
        let x = Tensor.randn([2, 3, 5, 5], generator: generator, dtype: .float64)
        let weight = Tensor.randn([4, 3, 3, 3], generator: generator, dtype: .float64)
        func loss(_ w: Tensor) -> Tensor { x.conv2d(w, padding: Extent(1)).relu().square().mean() }
        weight.requiresGradient = true
        loss(weight).backward()
        let gradient = weight.gradient!.doubles
        let values = weight.detach().doubles
        for position in stride(from: 0, to: values.count, by: 17) {
            var high = values
            var low = values
            // Central differences in Float64: truncation error about 1e-8 at this step.
            high[position] += 1e-5
            low[position] -= 1e-5
            let slope =
                (loss(Tensor(high, shape: weight.shape)).item - loss(Tensor(low, shape: weight.shape)).item) / 2e-5
            #expect(abs(slope - gradient[position]) < 1e-6 * max(1, abs(slope)))
        }
    }

    @Test func scopesTurnGradientsOffAndOnAgain() {
        let x = Tensor([1, 2] as [Float])
        x.requiresGradient = true
        let outside = withoutGradients { x * 2 }
        #expect(!outside.requiresGradient)
        #expect((x * 2).requiresGradient)
    }

    @Test func autocastComputesInBfloat16AndEnds() {
        let a = Tensor.randn([8, 8], generator: Generator(seed: 1))
        let inside = withPrecision(.bf16, on: .cpu) { a.matmul(a) }
        #expect(inside.dtype == .bfloat16)
        #expect(a.matmul(a).dtype == .float32)
    }

    @Test func generatorStateContinuesTheSequence() throws {
        let generator = Generator(seed: 7)
        _ = Tensor.randn([5], generator: generator)
        let state = generator.state
        let first = Tensor.randn([20], generator: generator).floats
        let other = Generator(seed: 1)
        try other.restore(state)
        #expect(Tensor.randn([20], generator: other).floats == first)
        #expect(Tensor.randn([20], generator: Generator(seed: 7)).floats != first)
    }

    @Test func libtorchErrorsAreThrownWithItsWords() {
        let matmul = Operator("aten::mm")
        let error = #expect(throws: TorchError.self) {
            _ = try matmul.call([.tensor(Tensor.zeros([2, 3])), .tensor(Tensor.zeros([2, 3]))], 1)
        }
        #expect(error?.message.contains("mat1 and mat2 shapes") == true)
    }

    /// In a process of its own: the count is the process's, and other suites make tensors beside this one.
    @Test func trainingStepLeaksNoTensor() async {
        await #expect(processExitsWith: .success) {
            let scope = Scope(seed: 1)
            let convolution = Conv2d(scope / "conv", in: 3, out: 4, kernel: 3, bias: false)
            let norm = BatchNorm2d(scope / "bn", 4)
            let head = Linear(scope / "fc", in: 4, out: 5)
            let dropout = Dropout(0.5, generator: scope.generator)
            let optimizer = SGD([ParameterGroup(scope.parameters.trainable, weightDecay: 1e-4)], nesterov: true)
            func step() -> Double {
                let x = Tensor.randn([4, 3, 8, 8], generator: scope.generator)
                let features = norm(convolution(x), mode: .train).relu_().mean([2, 3])
                let loss = head(dropout(features, mode: .train)).crossEntropy(Tensor([0, 1, 2, 3]))
                optimizer.clearGradients()
                loss.backward()
                optimizer.clipGradients(1)
                optimizer.step(learningRate: 0.1)
                return loss.item
            }
            _ = step()
            optimizer.clearGradients()
            let before = Runtime.liveTensors
            #expect(before > 0)
            for _ in 0..<3 { _ = step() }
            optimizer.clearGradients()
            #expect(Runtime.liveTensors == before)
            // A failing call must not leak its arguments either.
            _ = try? Operator("aten::mm").call([.tensor(Tensor.zeros([2, 3])), .tensor(Tensor.zeros([2, 3]))], 1)
            #expect(Runtime.liveTensors == before)
        }
    }

    @Test func threadCountCanBeSet() {
        let before = Runtime.threads
        Runtime.threads = 1
        #expect(Runtime.threads == 1)
        Runtime.threads = before
    }
}

@Suite(.tags(.unit), .tiered) struct DeviceTests {
    @Test(arguments: [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:3", "cuda:3")])
    func namesAreParsed(text: String, expected: String) { #expect(Device(text)?.description == expected) }

    @Test(arguments: ["", "gpu", "cuda:", "cuda:-1", "cuda:x"])
    func otherNamesAreRefused(text: String) { #expect(Device(text) == nil) }
}
