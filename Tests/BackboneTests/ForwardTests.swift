import Backbone
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    /// torchvision's models with the same weights, in evaluation mode.
    @Suite struct ForwardTests {
        struct Case: Sendable, CustomTestStringConvertible {
            let name: String
            let config: NetworkConfig
            var testDescription: String { name }

            init(_ architecture: Architecture, stem: Stem = .imagenet) {
                name = architecture.rawValue + (stem == .cifar ? "-cifar" : "")
                config = NetworkConfig(architecture, stem: stem, classes: 1000)
            }
        }

        @Test(
            arguments: Architecture.allCases.map { Case($0) } + [
                Case(.resnet18, stem: .cifar), Case(.resnet20, stem: .cifar),
            ])
        func outputsAreTorchvisions(_ test: Case) throws {
            let file = try Golden.read("forward.json")
            let golden = try #require(file[test.name])
            let gain = try #require(golden["gain"]?.doubleValue)
            let outputs = try #require(golden["outputs"])
            let image = try #require(golden["image"]?.arrayValue).compactMap(\.intValue)
            let scope = Scope(seed: 0)
            let network = test.config.makeNetwork(scope)
            Formula.fill(scope.parameters, gain: gain)
            let x = Formula.tensor(image, ordinal: Formula.imageOrdinal)

            withoutGradients {
                func check(_ name: String, _ tensor: Tensor?) {
                    guard let tensor, let expected = outputs[name] else {
                        Issue.record("\(name) is missing")
                        return
                    }
                    if let difference = GoldenSummary.difference(tensor, expected) {
                        Issue.record("\(test.name) \(name): \(difference)")
                    }
                }
                let trunk = network.trunk(x, mode: .evaluate)
                check("trunk", trunk)
                check("features", network.features(x, mode: .evaluate))
                check("logits", network.logits(x, mode: .evaluate))
                for name in network.layerNames { check(name, network.layer(name, x)) }
                #expect(network.layer("conv9", x) == nil)
                #expect(trunk.size(1) == network.trunkChannels)
                #expect(network.features(x, mode: .evaluate).size(1) == network.featureCount)
                // A region is what `trunk` would give for an image of regionSize · stride pixels.
                let side = network.regionSize
                let regions = Formula.tensor([3, network.trunkChannels, side, side], ordinal: 7)
                #expect(network.regionFeatures(regions, mode: .evaluate).shape == [3, network.featureCount])
            }
        }

        /// Channels-last memory is how training feeds images; it must not change what comes out.
        @Test func memoryFormatChangesNothing() throws {
            let file = try Golden.read("forward.json")
            let golden = try #require(file["resnet18"]?["outputs"]?["logits"])
            let scope = Scope(seed: 0)
            let network = NetworkConfig(.resnet18, classes: 1000).makeNetwork(scope)
            Formula.fill(scope.parameters, gain: 2)
            let x = Formula.tensor([2, 3, 64, 96], ordinal: Formula.imageOrdinal).contiguous(.channelsLast)
            #expect(x.isContiguous(.channelsLast) && !x.isContiguous())
            let logits = withoutGradients { network.logits(x, mode: .evaluate) }
            #expect(GoldenSummary.difference(logits, golden) == nil)
        }
    }
}
