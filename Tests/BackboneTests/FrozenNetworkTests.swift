import Backbone
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    /// A frozen network says what the plain one says in evaluation mode.
    @Suite struct FrozenNetworkTests {
        /// ‖a − b‖ / ‖b‖.
        private func difference(_ a: Tensor, _ b: Tensor) -> Double {
            let (a, b) = (a.detach().to(dtype: .float64), b.detach().to(dtype: .float64))
            return ((a - b).norm() / b.norm()).item
        }

        /// Folding changes each product by some 1e-7 of its size, and sums in another order as much: through a hundred
        /// layers 1e-5 of the tensor's size. A bfloat16 is off by up to 2⁻⁹ = .2 % at each rounding, and each of up to a
        /// hundred layers rounds its sums: √100 · .2 % = 2 %, half as much again for the roundings of the weights.
        private static let tolerance: [Precision: Double] = [.fp32: 1e-5, .bf16: 0.03]

        @Test(
            arguments: Architecture.allCases.map { ForwardTests.Case($0) }
                + [ForwardTests.Case(.resnet18, stem: .cifar)], Precision.allCases)
        func everyLayerAgrees(_ test: ForwardTests.Case, _ precision: Precision) throws {
            let golden = try #require(try Golden.read("forward.json")[test.name])
            let image = try #require(golden["image"]?.arrayValue).compactMap(\.intValue)
            let scope = Scope(seed: 0)
            let plain = test.config.makeNetwork(scope)
            // Statistics of batch norm far from 0 and 1.
            Formula.fill(scope.parameters, gain: try #require(golden["gain"]?.doubleValue))
            let x = Formula.tensor(image, ordinal: Formula.imageOrdinal)
            let tolerance = try #require(Self.tolerance[precision])
            withoutGradients {
                let frozen = plain.frozen(precision)
                func check(_ name: String, _ a: Tensor, _ b: Tensor) {
                    let error = difference(a, b)
                    #expect(error <= tolerance, "\(test.name) \(name) in \(precision): \(error)")
                    #expect(a.shape == b.shape && a.dtype == precision.dtype)
                    // What is not computed at all would agree, too.
                    #expect(b.norm().item > 0)
                }
                #expect(frozen.layerNames == plain.layerNames)
                for (name, output) in zip(plain.layerNames, frozen.layers(plain.layerNames, x)) {
                    check(name, output, plain.layer(name, x)!)
                }
                check("trunk", frozen.trunk(x, mode: .evaluate), plain.trunk(x, mode: .evaluate))
                check("features", frozen.features(x, mode: .evaluate), plain.features(x, mode: .evaluate))
                check("logits", frozen.logits(x, mode: .evaluate), plain.logits(x, mode: .evaluate))
                let regions = Formula.tensor(
                    [3, plain.trunkChannels, plain.regionSize, plain.regionSize], ordinal: 7)
                check(
                    "regions", frozen.regionFeatures(regions, mode: .evaluate),
                    plain.regionFeatures(regions, mode: .evaluate))
                #expect(frozen.layer("conv9", x) == nil)
            }
        }

        @Test func trainingLeavesAFrozenCopyAlone() throws {
            let scope = Scope(seed: 1)
            let network = NetworkConfig(.resnet18, stem: .cifar, classes: 3).makeNetwork(scope)
            let x = Formula.tensor([8, 3, 16, 16], ordinal: 1)
            let before = network.frozen(.fp32)
            let first = withoutGradients { before.logits(x, mode: .evaluate) }
            #expect(withoutGradients { difference(first, network.logits(x, mode: .evaluate)) } < 1e-5)
            let optimizer = SGD([ParameterGroup(scope.parameters.trainable, weightDecay: 0)], momentum: 0.9)
            for _ in 0..<3 {
                optimizer.clearGradients()
                network.logits(x, mode: .train).crossEntropy(Tensor([0, 1, 2, 0, 1, 2, 0, 1])).backward()
                optimizer.step(learningRate: 0.05)
            }
            withoutGradients {
                #expect(before.logits(x, mode: .evaluate).floats == first.floats)
                // Weights and statistics as training leaves them, not as they begin.
                let trained = network.logits(x, mode: .evaluate)
                #expect(difference(trained, first) > 0.1)
                #expect(difference(network.frozen(.fp32).logits(x, mode: .evaluate), trained) < 1e-5)
            }
        }

        @Test func freezingTwiceIsFreezingOnce() {
            let network = NetworkConfig(.resnet18, stem: .cifar).makeNetwork(Scope(seed: 2)).frozen(.fp32)
            let x = Formula.tensor([2, 3, 16, 16], ordinal: 1)
            withoutGradients {
                let twice = network.frozen(.bf16)
                #expect(twice.features(x, mode: .evaluate).floats == network.features(x, mode: .evaluate).floats)
            }
        }

        @Test func layersComeInTheOrderAskedFor() {
            let network = NetworkConfig(.resnet18, stem: .cifar).makeNetwork(Scope(seed: 2))
            let x = Formula.tensor([1, 3, 16, 16], ordinal: 1)
            withoutGradients {
                let outputs = network.layers(["avgpool", "conv1", "layer2", "conv1"], x)
                #expect(outputs.map(\.shape) == [[1, 512], [1, 64, 16, 16], [1, 128, 8, 8], [1, 64, 16, 16]])
                #expect(network.layers([], x).isEmpty)
            }
        }
    }
}
