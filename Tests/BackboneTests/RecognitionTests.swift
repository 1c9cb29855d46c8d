import Backbone
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    /// Which network a file of torchvision's names holds, from names and shapes alone.
    @Suite struct RecognitionTests {
        struct Case: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let tensors: [String: [Int]]
            let expected: NetworkConfig?
        }

        static let alexNetTrunk = ["features.0.weight": [64, 3, 11, 11], "features.10.weight": [256, 256, 3, 3]]
        static let vgg = ["features.26.weight": [512, 512, 3, 3], "features.28.weight": [512, 512, 3, 3]]
        static let resnet18 = Recognition.tensors(of: .resnet18, stem: .imagenet, classes: 10)

        @Test(arguments: [
            Case(
                testDescription: "AlexNet",
                tensors: alexNetTrunk.merging(["classifier.6.weight": [20, 4096]]) { $1 },
                expected: NetworkConfig(.alexnet, classes: 20)),
            Case(
                testDescription: "AlexNet without its fully connected layers", tensors: alexNetTrunk,
                expected: NetworkConfig(.alexnet)),
            Case(testDescription: "VGG16", tensors: vgg, expected: NetworkConfig(.vgg16)),
            Case(
                testDescription: "VGG16 with classes", tensors: vgg.merging(["classifier.6.weight": [3, 4096]]) { $1 },
                expected: NetworkConfig(.vgg16, classes: 3)),
            Case(testDescription: "VGG19", tensors: ["features.28.weight": [512, 512, 3, 3]], expected: nil),
            Case(
                testDescription: "VGG16 with batch norm",
                tensors: ["features.27.weight": [512, 512, 3, 3], "features.28.weight": [512]], expected: nil),
            Case(testDescription: "ResNet-18", tensors: resnet18, expected: NetworkConfig(.resnet18, classes: 10)),
            Case(
                testDescription: "ResNet-34", tensors: Recognition.tensors(of: .resnet34, stem: .cifar, classes: nil),
                expected: NetworkConfig(.resnet34, stem: .cifar)),
            Case(
                testDescription: "ResNet-50", tensors: Recognition.tensors(of: .resnet50, stem: .imagenet, classes: 9),
                expected: NetworkConfig(.resnet50, classes: 9)),
            Case(
                testDescription: "ResNet-101",
                tensors: Recognition.tensors(of: .resnet101, stem: .imagenet, classes: nil),
                expected: NetworkConfig(.resnet101)),
            Case(
                testDescription: "ResNet-20", tensors: Recognition.tensors(of: .resnet20, stem: .cifar, classes: 9),
                expected: NetworkConfig(.resnet20, stem: .cifar, classes: 9)),
            Case(
                testDescription: "ResNet-20 of twice the width",
                tensors: Recognition.tensors(of: .resnet20x2, stem: .imagenet, classes: nil),
                expected: NetworkConfig(.resnet20x2)),
            Case(
                testDescription: "three stages of ResNet-18's width",
                tensors: Recognition.tensors(of: .resnet20, stem: .cifar, classes: nil).merging([
                    "conv1.weight": [64, 3, 3, 3], "layer1.0.conv2.weight": [64, 64, 3, 3],
                ]) { $1 }, expected: nil),
            Case(
                testDescription: "ResNeXt-50",
                tensors: Recognition.tensors(of: .resnet50, stem: .imagenet, classes: nil)
                    .merging(["layer1.0.conv2.weight": [128, 4, 3, 3]]) { $1 }, expected: nil),
            Case(
                testDescription: "another stem", tensors: resnet18.merging(["conv1.weight": [64, 3, 5, 5]]) { $1 },
                expected: nil),
            Case(
                testDescription: "a block more", tensors: resnet18.merging(["layer3.2.conv1.weight": [1]]) { $1 },
                expected: nil),
            Case(
                testDescription: "a last layer without size",
                tensors: resnet18.merging(["fc.weight": [4_000_000_000, 0]]) { $1 }, expected: NetworkConfig(.resnet18)),
            Case(
                testDescription: "a last layer of another width",
                tensors: resnet18.merging(["fc.weight": [10, 2048]]) { $1 }, expected: NetworkConfig(.resnet18)),
            Case(testDescription: "something else", tensors: ["weight": [1]], expected: nil),
        ])
        func namesAndShapesTellTheNetwork(_ test: Case) throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/file.safetensors"
                try write(test.tensors, to: path)
                #expect(WeightFile.recognize(try SafetensorsFile(path: path)) == test.expected)
            }
        }

        /// The names of a whole network are told from its real tensors, too.
        @Test(arguments: Stem.allCases, [Int?.none, 10])
        func realFilesAreRecognized(_ stem: Stem, _ classes: Int?) throws {
            try withTemporaryFolder { folder in
                let config = NetworkConfig(.resnet18, stem: stem, classes: classes)
                let scope = Scope(seed: 0)
                let network = config.makeNetwork(scope)
                withExtendedLifetime(network) {}
                let path = "\(folder)/file.safetensors"
                try SafetensorsFile.write(scope.parameters.entries.map { ($0.name, $0.tensor) }, to: path)
                #expect(WeightFile.recognize(try SafetensorsFile(path: path)) == config)
            }
        }
    }
}

enum Recognition {
    /// The tensors of a ResNet that tell it from others; those whose shape does not matter have one value.
    static func tensors(of architecture: Architecture, stem: Stem, classes: Int?) -> [String: [Int]] {
        let blocks =
            switch architecture {
            case .resnet18: [2, 2, 2, 2]
            case .resnet101: [3, 4, 23, 3]
            case .resnet20, .resnet20x2: [3, 3, 3]
            default: [3, 4, 6, 3]
            }
        let width = architecture == .resnet20 ? 16 : architecture == .resnet20x2 ? 32 : 64
        var shapes = ["conv1.weight": stem == .cifar ? [width, 3, 3, 3] : [width, 3, 7, 7]]
        for (stage, count) in blocks.enumerated() {
            for block in 0..<count { shapes["layer\(stage + 1).\(block).conv1.weight"] = [1] }
        }
        shapes["layer1.0.conv2.weight"] = [width, width, 3, 3]
        let isBottleneck = architecture == .resnet50 || architecture == .resnet101
        if isBottleneck { shapes["layer1.0.conv3.weight"] = [1] }
        if let classes { shapes["fc.weight"] = [classes, architecture.featureCount] }
        return shapes
    }
}
