import Backbone
import Foundation
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    /// How names of other programs become torchvision's, on whole networks.
    @Suite struct WeightImportTests {
        typealias Shapes = [(name: String, shape: [Int])]

        /// Names and shapes of a network, each name changed.
        static func shapes(
            _ config: NetworkConfig, _ rename: (String) -> String = { $0 }
        ) -> Shapes {
            let scope = Scope(seed: 0)
            let network = config.makeNetwork(scope)
            return withExtendedLifetime(network) {
                scope.parameters.entries.filter { !$0.isBuffer || !$0.name.hasSuffix("num_batches_tracked") }
                    .map { (rename($0.name), $0.tensor.shape) }
            }
        }

        static let small = NetworkConfig(.resnet18, stem: .cifar, classes: 10)

        private func plan(
            _ shapes: Shapes, _ change: (inout WeightImport.Options) -> Void = { _ in }
        ) throws -> WeightImport {
            var options = WeightImport.Options()
            change(&options)
            return try WeightImport(ForeignWeights(TorchWriter.shapes(shapes), path: "w.pth"), options)
        }

        @Test(arguments: [
            "", "module.", "model.", "backbone.", "encoder.", "module.encoder_q.", "encoder_q.", "module.base_encoder.",
            "base_encoder.", "convnet.", "module.model.backbone.",
        ])
        func prefixesAreTakenOff(_ prefix: String) throws {
            let plan = try plan(Self.shapes(Self.small) { prefix + $0 }) { $0.lastLayer = .classifier }
            #expect(plan.config == Self.small && plan.prefix == prefix)
            #expect(plan.missing.isEmpty && plan.unexpected.isEmpty && plan.outside.isEmpty && plan.mismatched.isEmpty)
            // 20 convolutions, 20 batch norms of four tensors, and the classifier.
            #expect(plan.loaded.count == 102 && plan.counters == 20)
            #expect(plan.loaded.allSatisfy { $0.source == prefix + $0.name })
        }

        @Test func unknownPrefixesAreNamedAndCanBeGiven() throws {
            let shapes = Self.shapes(Self.small) { "body." + $0 }
            let error = #expect(throws: InputError.self) { try plan(shapes) }
            #expect(error?.remedy.contains("the prefix body.") == true)
            #expect(try plan(shapes) { $0.prefix = "body." }.config == Self.small)
            #expect(throws: InputError.self) { try plan(shapes) { $0.prefix = "other." } }
        }

        @Test func theQueryEncoderOfMoCoIsTaken() throws {
            let config = NetworkConfig(.resnet18, classes: 128)
            let query = Self.shapes(config) { "module.encoder_q." + $0 }
            let key = Self.shapes(config) { "module.encoder_k." + $0 }
            let queue: Shapes = [("module.queue", [128, 64]), ("module.queue_ptr", [1])]
            let plan = try plan(key + queue + query)
            #expect(plan.prefix == "module.encoder_q." && plan.lastLayer == .projection)
            #expect(plan.config == NetworkConfig(.resnet18) && plan.projectionShape == [128, 512])
            #expect(plan.outside == (key + queue).map(\.name))
            #expect(plan.loaded.map(\.name).contains("projection.bias") && !plan.loaded.map(\.name).contains("fc.bias"))
            #expect(plan.missing.isEmpty && plan.unexpected.isEmpty)
        }

        @Test func headsOfTwoLayersAreLeftOut() throws {
            let trunk = Self.shapes(NetworkConfig(.resnet18)) { "module.encoder_q." + $0 }
            let head: Shapes = [
                ("module.encoder_q.fc.0.weight", [512, 512]), ("module.encoder_q.fc.0.bias", [512]),
                ("module.encoder_q.fc.2.weight", [128, 512]), ("module.encoder_q.fc.2.bias", [128]),
            ]
            let plan = try plan(trunk + head)
            #expect(plan.config == NetworkConfig(.resnet18) && plan.lastLayer == .none && plan.projectionShape == nil)
            #expect(plan.unexpected == head.map(\.name))
        }

        @Test(arguments: [
            ("module.encoder_q.", "module.encoder_k.", "MoCo's encoder of queries"),
            ("module.base_encoder.", "module.momentum_encoder.", "MoCo v3's base encoder"),
            ("online_network.", "target_network.", "BYOL's online network"),
            ("online_encoder.net.", "target_encoder.net.", "BYOL's online encoder"),
            ("backbone.", "momentum_backbone.", "the online backbone"),
            ("encoder.", "momentum_encoder.", "the online encoder"),
            ("backbone.", "backbone_momentum.", "the online backbone"),
            ("module.encoder.", "module.predictor.", "SimSiam's encoder"),
            ("backbone.", "neck.", "MMSelfSup's backbone"),
            ("backbone.", "projector.", "the backbone under a projector"),
            ("trunk._feature_blocks.", "heads.", "VISSL's trunk"),
            ("_orig_mod.module.", "queue.", nil),
        ])
        func theNetworkThatIsTrainedIsTakenAndSaid(_ prefix: String, _ other: String, _ origin: String?) throws {
            let taken = Self.shapes(NetworkConfig(.resnet18)) { prefix + $0 }
            let beside = Self.shapes(NetworkConfig(.resnet18)) { other + $0 }
            let plan = try plan(beside + taken)
            #expect(plan.prefix == prefix && plan.origin == origin && plan.missing.isEmpty)
            #expect(plan.loaded.allSatisfy { $0.source.hasPrefix(prefix) } && plan.outside == beside.map(\.name))
            if let origin { #expect(plan.summary.contains(origin)) }
        }

        @Test(arguments: [(Stem.imagenet, 3), (.cifar, 3), (.cifar, 1)])
        func numberedChildrenHaveTheirNames(_ stem: Stem, _ offset: Int) throws {
            func numbered(_ name: String) -> String {
                let parts = name.split(separator: ".", maxSplits: 1)
                let number = ["conv1": 0, "bn1": 1][parts[0]] ?? (Int(String(parts[0].dropFirst(5)))! + offset)
                return "backbone.\(number).\(parts[1])"
            }
            let config = NetworkConfig(.resnet18, stem: stem)
            let plan = try plan(Self.shapes(config, numbered) + [("projection_head.layers.0.weight", [512, 512])])
            #expect(plan.config == config && plan.missing.isEmpty && plan.unexpected.isEmpty)
            #expect(plan.origin == "lightly's backbone" && plan.loaded.count == 100)
            let second = plan.loaded.first { $0.name == "layer2.0.conv1.weight" }
            #expect(second?.source == "backbone.\(2 + offset).0.conv1.weight")
        }

        /// CMC's encoders see some channels of Lab alone; the others get weights of zero.
        @Test(arguments: [(String?.none, 0..<1), ("module.ab_to_l.", 1..<3)])
        func encodersOfSomeChannelsTakeLab(_ prefix: String?, _ channels: Range<Int>) throws {
            let scope = Scope(seed: 3)
            let config = NetworkConfig(.resnet18, classes: 128)
            _ = config.makeNetwork(scope)
            func part(_ prefix: String, _ channels: Range<Int>) -> [(name: String, tensor: Tensor)] {
                scope.parameters.entries.map { entry in
                    let tensor = entry.tensor.detach()
                    let own = tensor.rank == 4 && entry.name == "conv1.weight"
                    return (
                        prefix + entry.name,
                        own ? tensor.narrow(1, channels.lowerBound, channels.count).contiguous() : tensor
                    )
                }
            }
            try withTemporaryFolder { folder in
                let (path, out) = ("\(folder)/cmc.safetensors", "\(folder)/w.safetensors")
                try SafetensorsFile.write(part("module.ab_to_l.", 1..<3) + part("module.l_to_ab.", 0..<1), to: path)
                var options = WeightImport.Options()
                options.prefix = prefix
                let plan = try WeightImport(ForeignWeights(path: path), options)
                #expect(plan.config == NetworkConfig(.resnet18) && plan.projectionShape == [128, 512])
                #expect(plan.origin == "CMC's encoder of \(channels.count == 1 ? "lightness" : "colours")")
                #expect(plan.missing.isEmpty && plan.unexpected.isEmpty && plan.mismatched.isEmpty)
                #expect(plan.description().normalization == .lab)
                try plan.write(plan.description(), to: out)
                let file = try WeightFile.open(out).file
                let (whole, first) = (scope.parameters["conv1.weight"]!, try #require(file.tensor("conv1.weight")))
                for channel in 0..<3 {
                    #expect(
                        first.select(1, channel).floats
                            == (channels.contains(channel)
                                ? whole.select(1, channel).floats : .init(repeating: 0, count: 64 * 49)))
                }
                #expect(
                    file.tensor("layer1.0.conv1.weight")?.floats == scope.parameters["layer1.0.conv1.weight"]?.floats)
            }
        }

        /// Under such a name, but with all channels: an ordinary network.
        @Test func encodersOfAllChannelsStayAsTheyAre() throws {
            let scope = Scope(seed: 3)
            _ = NetworkConfig(.resnet18).makeNetwork(scope)
            try withTemporaryFolder { folder in
                let (path, out) = ("\(folder)/odd.safetensors", "\(folder)/w.safetensors")
                try SafetensorsFile.write(
                    scope.parameters.entries.map { ("l_to_ab." + $0.name, $0.tensor.detach()) }, to: path)
                let plan = try WeightImport(ForeignWeights(path: path))
                #expect(plan.config == NetworkConfig(.resnet18) && plan.missing.isEmpty && plan.mismatched.isEmpty)
                #expect(plan.description().normalization == .imagenet)
                try plan.write(plan.description(), to: out)
                let first = try #require(try WeightFile.open(out).file.tensor("conv1.weight"))
                #expect(first.floats == scope.parameters["conv1.weight"]?.floats)
            }
        }

        @Test func halvesThatMakeUpNoNetworkAreSaid() {
            let stems: [Shapes] = [
                [("module.l_to_ab.conv_block_1.0.weight", [48, 1, 11, 11])],
                [
                    ("l_to_ab.conv1.weight", [64, 1, 7, 7]), ("l_to_ab.layer1.0.conv1.weight", [32, 64, 1, 1]),
                    ("l_to_ab.layer1.0.conv2.weight", [32, 32, 3, 3]),
                ],
            ]
            for shapes in stems {
                #expect(
                    #expect(throws: InputError.self) { try plan(shapes) }?.problem
                        == "holds CMC's half networks, which make up no known network even side by side")
            }
        }

        @Test func theLastLayerIsWhatItLooksLikeOrIsSaidToBe() throws {
            func last(_ classes: Int, _ choice: WeightImport.LastLayer) throws -> (WeightImport.LastLayer, Int?, [Int]?)
            {
                let plan = try plan(Self.shapes(NetworkConfig(.resnet18, classes: classes))) { $0.lastLayer = choice }
                return (plan.lastLayer, plan.config.classes, plan.projectionShape)
            }
            #expect(try last(1000, .auto) == (.classifier, 1000, nil))
            #expect(try last(128, .auto) == (.projection, nil, [128, 512]))
            #expect(try last(128, .classifier) == (.classifier, 128, nil))
            #expect(try last(64, .projection) == (.projection, nil, [64, 512]))
            #expect(try last(1000, .none) == (.none, nil, nil))
        }

        @Test func lastLayersThatDoNotFitAreLeftOut() throws {
            let trunk = Self.shapes(NetworkConfig(.resnet18))
            let lone: Shapes = [("fc.weight", [10, 512])]
            #expect(try plan(trunk + lone).unexpected == ["fc.weight"])
            let wide: Shapes = [("fc.weight", [10, 2048]), ("fc.bias", [10])]
            #expect(try plan(trunk + wide).unexpected == ["fc.weight", "fc.bias"])
            #expect(throws: InputError.self) { try plan(trunk + wide) { $0.lastLayer = .projection } }
        }

        @Test func parallelConvolutionsAreUnwrapped() throws {
            let config = NetworkConfig(.alexnet, classes: 1000)
            let plan = try plan(
                Self.shapes(config) { $0.replacingOccurrences(of: "features.", with: "features.module.") })
            #expect(plan.config == config && plan.missing.isEmpty && plan.unexpected.isEmpty && plan.prefix.isEmpty)
        }

        @Test func oneTensorHasOneName() throws {
            let error = #expect(throws: InputError.self) {
                try plan([("features.0.weight", [1]), ("features.module.0.weight", [1])])
            }
            #expect(error?.problem.contains("features.module.0.weight") == true)
        }

        @Test func incompleteNetworksAreRefusedByWhatTheyLack() throws {
            try withTemporaryFolder { folder in
                func error(_ shapes: Shapes, _ change: (inout WeightImport.Options) -> Void = { _ in }) throws
                    -> InputError?
                {
                    let plan = try plan(shapes, change)
                    let description = WeightDescription(
                        config: plan.config, normalization: .imagenet, imageSize: 224, objective: "unknown")
                    return #expect(throws: InputError.self) { try plan.write(description, to: "\(folder)/w") }
                }
                let whole = Self.shapes(Self.small)
                let cut = whole.filter { $0.name != "layer3.0.bn1.running_var" }
                #expect(try error(cut)?.problem.contains("1 tensor is missing: layer3.0.bn1.running_var") == true)
                let other = whole.map { $0.name == "layer2.0.conv1.weight" ? ($0.name, [128, 64, 1, 1]) : $0 }
                #expect(
                    try error(other)?.problem.contains("layer2.0.conv1.weight has the shape [128, 64, 1, 1]") == true)
                #expect(
                    try error(whole) { $0.architecture = .resnet34 }?.problem.contains("layer1.2.conv1.weight") == true)
                #expect(
                    try error(whole) { $0.stem = .imagenet }?.problem.contains("conv1.weight has the shape") == true)
                let written = try Files.list(folder)
                #expect(written.isEmpty)
            }
        }

        @Test func whatIsNoKnownNetworkIsRefused() throws {
            // VGG11 has the names of VGG16, but not its last convolutions.
            let trunk = Self.shapes(NetworkConfig(.vgg16)).filter {
                $0.name.hasPrefix("features") && !$0.name.hasPrefix("features.28.")
            }
            #expect(#expect(throws: InputError.self) { try plan(trunk) }?.problem.contains("AlexNet or VGG") == true)
            // A trunk alone serves detection as it is, but is no complete network.
            #expect(
                try plan(Self.shapes(NetworkConfig(.alexnet)).filter { $0.name.hasPrefix("features") }).missing.first
                    == "classifier.1.weight")
            #expect(#expect(throws: InputError.self) { try plan([("a", [3])]) }?.problem.contains("(a)") == true)
            #expect(throws: InputError.self) {
                try plan(Self.shapes(NetworkConfig(.alexnet))) { $0.stem = .cifar }
            }
        }

        @Test func weightsOfIntegersAreRefused() throws {
            let data = TorchWriter.shapes(Self.shapes(Self.small), storage: "LongStorage", width: 8)
            let plan = try WeightImport(ForeignWeights(data, path: "w.pth"))
            #expect(plan.mismatched.first == "conv1.weight is int64, expected float32" && plan.loaded.isEmpty)
        }

        /// Values of a whole network, from single and half precision, through to the logits.
        @Test(arguments: [false, true])
        func valuesArriveAsTheyWere(_ isHalf: Bool) throws {
            try withTemporaryFolder { folder in
                let scope = Scope(seed: 1)
                let network = Self.small.makeNetwork(scope)
                Formula.fill(scope.parameters, gain: 2)
                var pickle = PickleBytes()
                var storages: [String: Data] = [:]
                pickle.add("}U\u{0A}state_dict}(")
                for (index, entry) in scope.parameters.entries.enumerated() {
                    let isFloat = entry.tensor.dtype == .float32
                    if isHalf, isFloat {
                        withoutGradients { _ = entry.tensor.copy_(entry.tensor.to(dtype: .bfloat16)) }
                    }
                    let stored = isHalf && isFloat ? entry.tensor.detach().to(dtype: .bfloat16) : entry.tensor.detach()
                    pickle.text("module." + entry.name)
                    pickle.tensor(
                        key: "\(index)",
                        storage: isFloat ? (isHalf ? "BFloat16Storage" : "FloatStorage") : "LongStorage",
                        count: stored.count, shape: stored.shape)
                    storages["\(index)"] = stored.withBytes { Data($0) }
                }
                pickle.add("us.")
                let source = try ForeignWeights(TorchWriter.file(pickle, storages), path: "w.pth")
                let plan = try WeightImport(source)
                #expect(plan.counters == 0 && plan.loaded.count == 122)
                let description = WeightDescription(
                    config: plan.config, normalization: .cifar10, imageSize: 32, objective: "supervised")
                let path = "\(folder)/w.safetensors"
                try plan.write(description, to: path)

                let imported = try PretrainedNetwork(path: path)
                #expect(imported.description == description)
                let x = Formula.tensor([2, 3, 32, 32], ordinal: Formula.imageOrdinal)
                let outputs = withoutGradients {
                    [network, imported.network].map { $0.logits(x, mode: .evaluate).floats }
                }
                #expect(outputs[0] == outputs[1])

                // The same from the safetensors file just written.
                let again = try WeightImport(ForeignWeights(path: path))
                #expect(again.config == Self.small && again.loaded.count == 122)
            }
        }

        // MARK: Weights that are used as they are

        /// A whole network as `torch.save` would write it, its names changed, its values too if wanted.
        private func torchFile(
            _ config: NetworkConfig, prefix: String = "", without: (String) -> Bool = { _ in false },
            change: (Parameters) -> Void = { _ in }
        ) -> Data {
            let scope = Scope(seed: 1)
            let network = config.makeNetwork(scope)
            Formula.fill(scope.parameters, gain: 2)
            withoutGradients { change(scope.parameters) }
            var pickle = PickleBytes()
            var storages: [String: Data] = [:]
            pickle.add("}(")
            pickle.text("epoch")
            pickle.integer(3)
            pickle.text("state_dict")
            pickle.add("}(")
            for (index, entry) in scope.parameters.entries.enumerated() where !without(entry.name) {
                pickle.text(prefix + entry.name)
                pickle.tensor(
                    key: "\(index)", storage: entry.tensor.dtype == .float32 ? "FloatStorage" : "LongStorage",
                    count: entry.tensor.count, shape: entry.tensor.shape)
                storages["\(index)"] = entry.tensor.detach().withBytes { Data($0) }
            }
            pickle.add("uu.")
            return withExtendedLifetime(network) { TorchWriter.file(pickle, storages) }
        }

        @Test func filesOfPyTorchAreImportedWhenTheyAreOpened() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/w.pth"
                try Files.writeAtomically(torchFile(Self.small, prefix: "module."), to: path)
                let network = try PretrainedNetwork(path: path)
                #expect(network.description.config == Self.small && network.description.imageSize == 32)
                #expect(network.description.normalization == .cifar10)
                let note = try #require(network.importNote)
                #expect(note.hasPrefix("\(path): resnet18 with a CIFAR stem and 10 classes"), "\(note)")
                #expect(note.contains("module. taken off") && note.contains("left out: epoch"), "\(note)")

                // The same as through a file.
                let plan = try WeightImport(ForeignWeights(path: path))
                try plan.write(plan.description(), to: "\(folder)/w.safetensors")
                let other = try PretrainedNetwork(path: "\(folder)/w.safetensors")
                #expect(other.importNote == nil && other.description == network.description)
                let x = Formula.tensor([1, 3, 32, 32], ordinal: Formula.imageOrdinal)
                let outputs = withoutGradients {
                    [network, other].map { $0.network.logits(x, mode: .evaluate).floats }
                }
                #expect(outputs[0] == outputs[1])
            }
        }

        @Test func projectionsAreImportedWhenTheyAreOpened() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/w.pth"
                try Files.writeAtomically(torchFile(NetworkConfig(.resnet18, stem: .cifar, classes: 128)), to: path)
                let network = try PretrainedNetwork(path: path)
                #expect(network.defaultLayer == PretrainedNetwork.embeddingLayer)
                #expect(network.importNote?.contains("a projection to 128 dimensions") == true)
            }
        }

        /// Detection needs no more than convolutions; what needs more says what is missing.
        @Test func trunksAloneAreOpened() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/w.pth"
                try Files.writeAtomically(
                    torchFile(NetworkConfig(.alexnet)) { $0.hasPrefix("classifier.") }, to: path)
                let opened = try WeightFile.open(path)
                #expect(opened.description.config == NetworkConfig(.alexnet) && opened.file.entries.count == 10)
                let error = #expect(throws: InputError.self) { try PretrainedNetwork(path: path) }
                #expect(error?.problem.contains("classifier.1.weight is missing") == true)
            }
        }

        @Test func prefixesAreTakenOffSafetensorsToo() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/w.safetensors"
                let scope = Scope(seed: 1)
                let network = Self.small.makeNetwork(scope)
                let tensors = withExtendedLifetime(network) {
                    scope.parameters.entries.map { ("backbone." + $0.name, $0.tensor) }
                }
                try SafetensorsFile.write(tensors, to: path)
                let opened = try WeightFile.open(path)
                #expect(opened.description.config == Self.small && opened.note?.contains("backbone. taken off") == true)
            }
        }

        @Test func whatCannotBeImportedSaysWhichCommandSaysMore() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/w.pth"
                try Files.writeAtomically(TorchWriter.shapes([("conv1.weight", [2])]), to: path)
                let error = #expect(throws: InputError.self) { try WeightFile.open(path) }
                #expect(error?.problem == "is a PyTorch file, but holds none of the known networks (conv1.weight)")
                #expect(error?.remedy.hasSuffix("detect-cli weights import \(path) --out w.safetensors") == true)
                // Where no network is looked for, it is no more than a file of another kind.
                let file = #expect(throws: InputError.self) { try SafetensorsFile(path: path) }
                #expect(file?.problem == "is a PyTorch file, not a safetensors file")
                try Files.writeAtomically("<!DOCTYPE html><p>", to: path)
                let page = #expect(throws: InputError.self) { try WeightFile.open(path) }
                #expect(page?.problem.contains("is a web page (it begins with <!DOCTYPE html><p>)") == true)
            }
        }

        /// What each way of loading says of a training that diverged.
        @Test(arguments: [
            (
                "layer1.0.conv1.weight", Float.nan,
                "layer1.0.conv1.weight holds values that are not finite (1 of 36864: NaN)"
            ),
            ("fc.bias", .infinity, "fc.bias holds values that are not finite (1 of 10: infinite)"),
            ("bn1.running_var", -1, "bn1.running_var holds a negative variance (-1.0)"),
        ])
        func weightsThatDivergedAreRefused(_ name: String, _ value: Float, _ problem: String) throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/w.pth"
                let out = "\(folder)/w.safetensors"
                let data = torchFile(
                    Self.small,
                    change: { parameters in
                        let tensor = parameters[name]!
                        var values = tensor.floats
                        values[values.count / 2] = value
                        tensor.copy_(Tensor(values, shape: tensor.shape))
                    })
                try Files.writeAtomically(data, to: path)
                let plan = try WeightImport(ForeignWeights(path: path))
                let error = #expect(throws: InputError.self) { try plan.write(plan.description(), to: out) }
                #expect(error?.problem == problem && error?.subject == path)
                #expect(!Files.exists(out))
                #expect(#expect(throws: InputError.self) { try PretrainedNetwork(path: path) }?.problem == problem)

                // The same from a weight file of ours.
                let tensors = try plan.loaded.map { ($0.name, try plan.source.tensor($0.source)) }
                try SafetensorsFile.write(tensors, to: out)
                let loaded = #expect(throws: InputError.self) { try PretrainedNetwork(path: out) }
                #expect(loaded?.problem == problem && loaded?.subject == out)
            }
        }
    }
}
