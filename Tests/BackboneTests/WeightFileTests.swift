import Backbone
import Foundation
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    @Suite struct WeightFileTests {
        private func description(_ config: NetworkConfig) -> WeightDescription {
            WeightDescription(
                config: config, normalization: .cifar10, imageSize: 32, objective: "instance",
                details: ["epochs": 200, "data": "CIFAR-10 \"train\""])
        }

        @Test func roundTripKeepsEverything() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/weights.safetensors"
                let config = NetworkConfig(.resnet18, stem: .cifar, classes: 10)
                let scope = Scope(seed: 1)
                let network = config.makeNetwork(scope)
                Formula.fill(scope.parameters, gain: 2)
                try WeightFile.write(scope.parameters, description(config), to: path)

                let opened = try WeightFile.open(path)
                let (file, found) = (opened.file, opened.description)
                #expect(found == description(config))
                #expect(file.entries.map(\.name) == scope.parameters.entries.map(\.name))
                let copy = Scope(seed: 2)
                let other = found.config.makeNetwork(copy)
                try copy.parameters.loadExactly(file.tensors(), from: path)
                for (a, b) in zip(scope.parameters.entries, copy.parameters.entries) {
                    #expect(a.tensor.dtype == b.tensor.dtype)
                    #expect(a.tensor.doubles == b.tensor.doubles, "\(a.name)")
                }
                let x = Formula.tensor([1, 3, 32, 32], ordinal: 3)
                let outputs = withoutGradients { [network, other].map { $0.logits(x, mode: .evaluate).floats } }
                #expect(outputs[0] == outputs[1])
            }
        }

        @Test func weightsOfAnotherNetworkAreRefused() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/weights.safetensors"
                let scope = Scope(seed: 1)
                let network = NetworkConfig(.resnet18).makeNetwork(scope)
                withExtendedLifetime(network) {}
                let large = NetworkConfig(.resnet18, classes: 100_000_000)
                try WeightFile.write(scope.parameters, description(large), to: path)
                #expect(throws: InputError.self) { try WeightFile.open(path) }
                try WeightFile.write(scope.parameters, description(NetworkConfig(.resnet50)), to: path)
                #expect(throws: InputError.self) { try WeightFile.open(path) }
                try WeightFile.write(scope.parameters, description(NetworkConfig(.resnet18)), to: path)
                #expect(try WeightFile.open(path).description.config == NetworkConfig(.resnet18))
            }
        }

        @Test func filesOfOthersAreTakenAsImageNets() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/weights.safetensors"
                try write(Recognition.tensors(of: .resnet34, stem: .imagenet, classes: 7), to: path)
                let description = try WeightFile.open(path).description
                #expect(description.config == NetworkConfig(.resnet34, classes: 7))
                #expect(description.normalization == .imagenet)
                #expect(description.imageSize == 224)
                #expect(description.objective == "unknown")
                try write(["something.weight": [3]], to: path)
                #expect(throws: InputError.self) { try WeightFile.open(path) }
            }
        }

        struct Malformed: Sendable, CustomTestStringConvertible {
            let field: String
            let value: JSON?
            var testDescription: String { "\(field) = \(value?.line ?? "absent")" }
        }

        @Test(arguments: [
            Malformed(field: "arch", value: nil), Malformed(field: "arch", value: "resnet152"),
            Malformed(field: "arch", value: 18), Malformed(field: "stem", value: nil),
            Malformed(field: "stem", value: "big"), Malformed(field: "classes", value: "ten"),
            Malformed(field: "classes", value: 0), Malformed(field: "classes", value: -5),
            Malformed(field: "classes", value: 4_000_000_000), Malformed(field: "classes", value: 2.5),
            Malformed(field: "image_size", value: nil), Malformed(field: "image_size", value: 0),
            Malformed(field: "image_size", value: 1_000_000), Malformed(field: "normalization", value: nil),
            Malformed(field: "normalization", value: ["mean": [0, 0, 0], "std": [1, 1]]),
            Malformed(field: "normalization", value: ["mean": [0, 0, 0], "std": [1, 1, 0]]),
            Malformed(field: "normalization", value: ["mean": [0, 0, "x"], "std": [1, 1, 1]]),
        ])
        func malformedDescriptionsNameTheField(_ malformed: Malformed) throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/weights.safetensors"
                let good = try #require(description(NetworkConfig(.resnet18, stem: .cifar)).json.members)
                var members = good.filter { $0.name != malformed.field }
                if let value = malformed.value { members.append(JSON.Member(malformed.field, value)) }
                try write(["a": [1]], metadata: ["detect": JSON.object(members).line], to: path)
                let error = #expect(throws: InputError.self) { try WeightFile.open(path) }
                #expect(error?.subject == path)
                #expect(error?.problem.contains("\"\(malformed.field)\"") == true)
            }
        }

        @Test func stemsThatDoNotExistAreRefused() throws {
            let json = description(NetworkConfig(.resnet18, stem: .cifar)).json
            let members = try #require(json.members).map { $0.name == "arch" ? JSON.Member("arch", "vgg16") : $0 }
            #expect(throws: InputError.self) { try WeightDescription(json: .object(members), file: "f") }
        }

        @Test(arguments: ["", "{", "[1]", "\"resnet18\""])
        func descriptionsThatAreNoObjectAreRefused(_ text: String) throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/weights.safetensors"
                try write(["a": [1]], metadata: ["detect": text], to: path)
                let error = #expect(throws: InputError.self) { try WeightFile.open(path) }
                #expect(error?.subject == path)
            }
        }

        @Test func readsWhatTheReferenceImplementationWrites() throws {
            let file = try SafetensorsFile(path: Golden.path("reference.safetensors"))
            #expect(file.metadata == ["format": "pt", "note": "écrit par la référence"])
            #expect(file.entries.count == 9)
            #expect(file["conv.weight"]?.shape == [2, 3, 2, 2])
            #expect(file.tensor("conv.weight")?.floats == (0..<24).map { Float($0) / 8 - 1 })
            #expect(file["conv.bias"]?.dtype == .bfloat16)
            #expect(file.tensor("conv.bias")?.floats == [0.5, -0.5])
            #expect(file["half"]?.dtype == .float16)
            #expect(file.tensor("half")?.floats == [1, 65504])
            #expect(file.tensor("double")?.doubles == [1e300, -2.5])
            #expect(file["counter"]?.shape == [])
            #expect(file.tensor("counter")?.intItem == 7)
            #expect(file.tensor("indices")?.ints == [-1, 2_147_483_647])
            #expect(file.tensor("bytes")?.ints == [0, 255, 3])
            #expect(file.tensor("mask")?.ints == [1, 0, 1])
            #expect(file.tensor("nothing")?.shape == [0, 5])
        }
    }
}

/// A safetensors file of zeros.
func write(_ shapes: [String: [Int]], metadata: [String: String] = [:], to path: String) throws {
    let tensors = shapes.sorted { $0.key < $1.key }.map { ($0.key, Tensor.zeros($0.value, dtype: .uint8)) }
    try SafetensorsFile.write(tensors, metadata: metadata, to: path)
}
