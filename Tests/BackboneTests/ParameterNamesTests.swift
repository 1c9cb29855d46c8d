import Backbone
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    /// Names, shapes and order of torchvision's published state dictionaries.
    @Suite struct ParameterNamesTests {
        /// Published numbers of parameters of torchvision's models with 1000 classes; those of the ResNets of three
        /// stages are PyTorch's (`Golden/make_golden.py`).
        static let parameterCounts: [(Architecture, Int)] = [
            (.alexnet, 61_100_840), (.vgg16, 138_357_544), (.resnet18, 11_689_512), (.resnet34, 21_797_672),
            (.resnet50, 25_557_032), (.resnet101, 44_549_160),
            (.resnet20, 338_744), (.resnet20x2, 1_216_136),
        ]

        private func names(_ parameters: Parameters) -> [String] {
            parameters.entries.map { entry in
                ([entry.name] + entry.tensor.shape.map(String.init)).joined(separator: " ")
            }
        }

        private func golden(_ architecture: Architecture) throws -> [String] {
            let file = try Golden.read("names.json")
            return try #require(file[architecture.rawValue]?.arrayValue).compactMap(\.stringValue)
        }

        @Test(arguments: parameterCounts)
        func namesAndShapesAreTorchvisions(_ architecture: Architecture, _ count: Int) throws {
            let scope = Scope(seed: 0)
            let network = NetworkConfig(architecture, classes: 1000).makeNetwork(scope)
            withExtendedLifetime(network) {}
            let expected = try golden(architecture)
            #expect(names(scope.parameters) == expected)
            #expect(scope.parameters.valueCount == count)
            let buffers = scope.parameters.entries.filter(\.isBuffer).map(\.name)
            let statistics = scope.parameters.entries.map(\.name).filter { name in
                ["running_mean", "running_var", "num_batches_tracked"].contains { name.hasSuffix(".\($0)") }
            }
            #expect(buffers == statistics)
        }

        @Test(arguments: [Architecture.resnet18, .resnet34, .resnet50, .resnet101, .resnet20, .resnet20x2])
        func cifarStemDiffersInItsFirstConvolutionOnly(_ architecture: Architecture) throws {
            let scope = Scope(seed: 0)
            let network = NetworkConfig(architecture, stem: .cifar, classes: 1000).makeNetwork(scope)
            withExtendedLifetime(network) {}
            var expected = try golden(architecture)
            let width = [Architecture.resnet20: 16, .resnet20x2: 32][architecture] ?? 64
            #expect(expected[0] == "conv1.weight \(width) 3 7 7")
            expected[0] = "conv1.weight \(width) 3 3 3"
            #expect(names(scope.parameters) == expected)
        }

        @Test(arguments: [(Architecture.alexnet, "classifier.6."), (.resnet18, "fc.")])
        func withoutClassesTheLastLayerIsLeftOut(_ architecture: Architecture, _ last: String) throws {
            let scope = Scope(seed: 0)
            let network = NetworkConfig(architecture).makeNetwork(scope)
            withExtendedLifetime(network) {}
            let expected = try golden(architecture).filter { !$0.hasPrefix(last) }
            #expect(names(scope.parameters) == expected)
        }

        @Test func whatIsKnownOfANetworkIsTrueOfIt() throws {
            for architecture in [Architecture.alexnet, .resnet18, .resnet50, .resnet20] {
                let scope = Scope(seed: 0)
                let network = NetworkConfig(architecture).makeNetwork(scope)
                let prefixes = network.trunkStages.flatMap { $0 }
                for prefix in prefixes {
                    #expect(scope.parameters.trainable.contains { $0.name.hasPrefix(prefix) }, "\(prefix)")
                }
                #expect(network.trunkStages.count == architecture.trunkStageCount)
                #expect((1..<architecture.trunkStageCount).contains(architecture.publishedFrozenStages))
                #expect(network.featureCount == architecture.featureCount)
                #expect(network.hasBatchNorm == architecture.isResidual && architecture.takes(.imagenet))
                #expect(architecture.takes(.cifar) == architecture.isResidual)
                #expect(architecture.takes(regionSize: network.regionSize))
                #expect(architecture.takes(regionSize: network.regionSize + 1) == network.takesAnyRegionSize)
                scope.parameters.freeze(prefixes)
                let trained = scope.parameters.trainable.map(\.name)
                #expect(!trained.isEmpty)
                #expect(!trained.contains { name in prefixes.contains { name.hasPrefix($0) } })
            }
        }
    }
}
