import Backbone
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    /// Krähenbühl et al., ICLR 2016: what holds of the weights by construction.
    @Suite struct DataDrivenInitializationTests {
        /// Two batches whose samples repeat over places, as those of images do.
        private static func images(side: Int, seed: UInt64 = 3) -> [Tensor] {
            let generator = Generator(seed: seed)
            return (0..<2).map { _ in
                // Blotches: neighbours are alike.
                let coarse = Tensor.randn([6, 3, side, side], generator: generator)
                return coarse.avgPool2d(Extent(5), stride: Extent(1), padding: Extent(2)) * 5
            }
        }

        /// Fully connected layers of badly chosen scales.
        private static func layers(scales: [Double], widths: [Int]) -> [StackedLayer] {
            let scope = Scope(seed: 1)
            return scales.enumerated().map { index, scale in
                let layer = Linear(
                    scope / index, in: widths[index], out: widths[index + 1], initializer: .normal(standardDeviation: 1)
                )
                withoutGradients { _ = layer.weight.mul_(scale) }
                return StackedLayer("\(index).", layer)
            }
        }

        @Test(arguments: WeightDirections.allCases)
        func everyUnitIsAliveOnTheImages(_ directions: WeightDirections) throws {
            let scope = Scope(seed: 0)
            let network = NetworkConfig(.alexnet).makeNetwork(scope)
            let images = Self.images(side: 64)
            let gaussian = try DataDrivenInitialization(network, seed: 7).draw(directions, from: images)
            // A dozen images for 4,096 units.
            #expect(gaussian == (directions == .gaussian ? [] : ["classifier.1", "classifier.4"]))
            // conv1 before its ReLU.
            let weight = scope.parameters["features.0.weight"]!, bias = scope.parameters["features.0.bias"]!
            let values = withoutGradients {
                Tensor.cat(images).conv2d(weight, bias: bias, stride: Extent(4), padding: Extent(2))
                    .transpose(0, 1).reshape(64, -1)
            }
            let mean = values.mean([1])
            let deviation = (values.square().mean([1]) - mean.square()).sqrt()
            #expect(mean.floats.allSatisfy { abs($0 - 0.1) < 1e-4 })
            #expect(deviation.floats.allSatisfy { abs($0 - 1) < 1e-3 })
        }

        @Test func directionsAreTheImagesOwn() throws {
            // Inputs that lie on a line but for a little noise: the first component is that line.
            let generator = Generator(seed: 2)
            let line = Tensor([Float]([3, 0, 4, 0]), shape: [1, 4]) * 0.2
            let rows =
                Tensor.randn([200, 1], generator: generator).matmul(line)
                + Tensor.randn([200, 4], generator: generator) * 0.01
            let layer = StackedLayer("0.", Linear(Scope(seed: 0) / 0, in: 4, out: 1))
            try DataDrivenInitialization([layer], seed: 0).draw(.pca, from: [rows])
            let direction = layer.weight.l2Normalized().floats
            #expect(abs(abs(direction[0] * 0.6 + direction[2] * 0.8) - 1) < 1e-3)
            // Two clumps: a centre for each, on opposite sides of the mean.
            let clumps = Tensor.cat([rows * 0.01 + line, rows * 0.01 - line])
            let two = StackedLayer("0.", Linear(Scope(seed: 0) / 0, in: 4, out: 2))
            try DataDrivenInitialization([two], seed: 0).draw(.kmeans, from: [clumps])
            let centres = two.weight.l2Normalized()
            #expect(centres.select(0, 0).reshape(1, 4).matmul(centres.select(0, 1).reshape(4, 1)).item < -0.99)
        }

        @Test func layersChangeAtOneRate() {
            let layers = Self.layers(scales: [3, 0.01, 0.5, 8, 0.1], widths: [20, 30, 40, 30, 20, 10])
            let inputs = [Tensor.randn([200, 20], generator: Generator(seed: 4))]
            let initialization = DataDrivenInitialization(layers, seed: 0)
            func output() -> Tensor { withoutGradients { initialization.output(inputs[0]) } }
            let before = output()
            let rates = initialization.balance(inputs)
            #expect(rates.map(\.layer) == ["0", "1", "2", "3", "4"])
            #expect(rates.map(\.before).max()! / rates.map(\.before).min()! > 100)
            #expect(rates.map(\.after).max()! / rates.map(\.after).min()! < 1.1)
            // The same answers on another scale, of deviation 1.
            let after = output()
            let ratio = after.norm().item / before.norm().item
            #expect((after - before * ratio).norm().item < 1e-4 * after.norm().item)
            let deviation = (after.square().mean([0]) - after.mean([0]).square()).sqrt().mean().item
            #expect(abs(deviation - 1) < 0.1)
            #expect(layers.allSatisfy { $0.weight.requiresGradient && $0.weight.gradient == nil })
        }

        @Test func theStackIsTheNetwork() throws {
            for config in [NetworkConfig(.alexnet, classes: 10), NetworkConfig(.vgg16, classes: 10)] {
                let scope = Scope(seed: 0)
                let network = config.makeNetwork(scope)
                let initialization = try DataDrivenInitialization(network, seed: 0)
                #expect(initialization.layerCount == (config.architecture == .alexnet ? 8 : 16))
                let weights = scope.parameters.entries.filter { $0.name.hasSuffix("weight") }
                #expect(initialization.layerNames.map { $0 + ".weight" } == weights.map(\.name))
                let x = Tensor.randn([1, 3, 64, 64], generator: Generator(seed: 1))
                let (own, stacked) = withoutGradients { (network.logits(x, mode: .evaluate), initialization.output(x)) }
                #expect((own - stacked).abs().max().item < 1e-3 * own.abs().max().item)
            }
        }

        @Test func branchesAreRefused() {
            let error = #expect(throws: InputError.self) {
                try DataDrivenInitialization(NetworkConfig(.resnet18).makeNetwork(Scope(seed: 0)), seed: 0)
            }
            #expect(error?.remedy == "use alexnet or vgg16")
        }
    }
}
