import Backbone
import Boxes
import Datasets
import Detection
import Imaging
import Support
import TestSupport
import Testing
import Torch
import Training

@Suite(.tags(.unit), .tiered) struct RegionProposalLossTests {
    private func targets(_ golden: JSON) -> [AnchorTarget] {
        let objects = golden["objects"]?.arrayValue?.map(\.doubles) ?? []
        return (golden["drawn"]?.ints ?? []).enumerated().map { position, anchor in
            let corners = position < objects.count ? objects[position] : nil
            return AnchorTarget(
                anchor: anchor,
                object: corners.map { Box(minX: $0[0], minY: $0[1], maxX: $0[2], maxY: $0[3]) })
        }
    }

    @Test func valuesAndGradientsAreTorchs() throws {
        let golden = try #require(try Golden.read("faster.json")["losses"])
        let logits = Tensor(golden["logits"]?.floats ?? [])
        let deltas = Tensor(golden["deltas"]?.floats ?? [], shape: [72, 4])
        logits.requiresGradient = true
        deltas.requiresGradient = true
        let output = RegionProposalNetwork.Output(
            anchors: AnchorGenerator(stride: 16, scales: [2, 4]).anchors(height: 3, width: 4), logits: logits,
            deltas: deltas)
        let losses = RegionProposalNetwork.losses(output, targets(golden), beta: 1.0 / 9)
        #expect(isClose([losses.objectness.item], [golden["objectness"]?.doubleValue ?? 0], 1e-5))
        #expect(isClose([losses.regression.item], [golden["regression"]?.doubleValue ?? 0], 1e-5))
        (losses.objectness + losses.regression).backward()
        #expect(isClose(try #require(logits.gradient).doubles, golden["logits_gradient"]?.doubles ?? [], 1e-4))
        #expect(isClose(try #require(deltas.gradient).doubles, golden["deltas_gradient"]?.doubles ?? [], 1e-4))
    }

    // Two anchors of side 10, logits 0: ln 2. The first is to move by a tenth (β = 1/9: .1 < 1/9, so .5·9·.01 = .045)
    // and to double its width (ln 2 − 1/18); two anchors share it.
    @Test func byHand() {
        let anchors = [0.0, 10].map { Box(minX: $0, minY: 0, maxX: $0 + 10, maxY: 10) }
        let output = RegionProposalNetwork.Output(
            anchors: anchors, logits: Tensor.zeros([2]), deltas: Tensor.zeros([2, 4]))
        let object = Box(minX: -4, minY: 0, maxX: 16, maxY: 10)
        let losses = RegionProposalNetwork.losses(
            output, [AnchorTarget(anchor: 0, object: object), AnchorTarget(anchor: 1, object: nil)], beta: 1.0 / 9)
        #expect(abs(losses.objectness.item - 0.6931472) < 1e-6)
        let expected: Double = (0.045 + 0.6931472 - 1.0 / 18) / 2
        #expect(abs(losses.regression.item - expected) < 1e-6)
        let none = RegionProposalNetwork.losses(output, [], beta: 1)
        #expect(none.objectness.item == 0 && none.regression.item == 0)
        let negatives = RegionProposalNetwork.losses(output, [AnchorTarget(anchor: 1, object: nil)], beta: 1)
        #expect(negatives.regression.item == 0)
    }

    // Central differences in float32 of a smooth point: good to 1e-2 of the slope.
    @Test func gradientsMatchFiniteDifferences() throws {
        let golden = try #require(try Golden.read("faster.json")["losses"])
        let (logits, deltas) = (golden["logits"]?.floats ?? [], golden["deltas"]?.floats ?? [])
        func loss(_ logits: Tensor, _ deltas: Tensor) -> Tensor {
            let output = RegionProposalNetwork.Output(
                anchors: AnchorGenerator(stride: 16, scales: [2, 4]).anchors(height: 3, width: 4), logits: logits,
                deltas: deltas)
            let losses = RegionProposalNetwork.losses(output, targets(golden), beta: 1.0 / 9)
            return losses.objectness + losses.regression
        }
        let (x, d) = (Tensor(logits), Tensor(deltas, shape: [72, 4]))
        x.requiresGradient = true
        d.requiresGradient = true
        loss(x, d).backward()
        let (slopes, deltaSlopes) = (try #require(x.gradient).doubles, try #require(d.gradient).doubles)
        for position in [3, 40, 8, 5] {
            var (low, high) = (logits, logits)
            low[position] -= 0.01
            high[position] += 0.01
            let slope = (loss(Tensor(high), d).item - loss(Tensor(low), d).item) / 0.02
            #expect(abs(slope - slopes[position]) < 1e-2 * max(0.01, abs(slope)))
        }
        for position in [12, 13, 160, 163, 32] {
            var (low, high) = (deltas, deltas)
            low[position] -= 0.002
            high[position] += 0.002
            let slope =
                (loss(x, Tensor(high, shape: [72, 4])).item - loss(x, Tensor(low, shape: [72, 4])).item) / 0.004
            #expect(abs(slope - deltaSlopes[position]) < 1e-2 * max(0.02, abs(slope)))
        }
    }

    /// One joint step on ResNet-18 with frozen stages and batch norm, as PyTorch makes it (Golden/make_faster.py).
    @Test func aStepIsTorchs() throws {
        let golden = try #require(try Golden.read("faster.json")["step"])
        let scope = Scope(seed: 0)
        var config = smallDetector(classes: ["a", "b", "c"])
        config.regionSize = 4
        config.regionProposals = RegionProposalConfig()
        config.regionProposals?.scales = [2, 4]
        config.regionProposals?.channels = 32
        let model = DetectorModel(scope, config)
        let proposer = try #require(model.proposer)
        Formula.fill(scope.parameters, gain: 2)
        let optimizer = goldenOptimizer(scope.parameters, model.fastRCNN.network)
        let trained = scope.parameters.trainable
        #expect(Set(trained.map(\.name)) == Set(golden["trained"]?.arrayValue?.compactMap(\.stringValue) ?? []))

        let x = Formula.tensor([1, 3, 32, 40], ordinal: Formula.imageOrdinal)
        let boxes = [[0, 0, 40, 32], [4, 6, 22, 31], [10, 3, 34, 13], [20, 16, 40, 32]].map { (c: [Double]) in
            Box(minX: c[0], minY: c[1], maxX: c[2], maxY: c[3])
        }
        let labels = [0, 2, 3, 1]
        let isObject = Tensor(labels.map { $0 > 0 ? Float(1) : 0 }, shape: [4, 1])
        let wanted = Formula.tensor([4, 4], ordinal: Formula.imageOrdinal + 1) * 2 * isObject
        let map = model.fastRCNN.featureMap(x, mode: .evaluate)
        let rpn = RegionProposalNetwork.losses(proposer(map), targets(golden), beta: 1.0 / 9)
        let (logits, deltas) = model.fastRCNN.classify(model.fastRCNN.pool(map, boxes), mode: .evaluate)
        let head = FastRCNN.losses(logits: logits, deltas: deltas, labels: Tensor(labels), targets: wanted)
        for (loss, name) in [
            (rpn.objectness, "objectness"), (rpn.regression, "rpn_box"), (head.classification, "classification"),
            (head.regression, "regression"),
        ] {
            let expected = try #require(golden[name]?.doubleValue)
            #expect((loss.item - expected).magnitude < 1e-5 * expected, "\(name)")
        }
        (rpn.objectness + rpn.regression + head.classification + head.regression).backward()
        let gradients = try #require(golden["gradients"]?.members)
        #expect(gradients.count == 9)
        for member in gradients {
            let gradient = try #require(scope.parameters[member.name]?.gradient)
            #expect(GoldenSummary.difference(gradient, member.value) == nil, "gradient of \(member.name)")
        }
        optimizer.step(learningRate: 0.001)
        for member in try #require(golden["after"]?.members) {
            let tensor = try #require(scope.parameters[member.name])
            #expect(GoldenSummary.difference(tensor, member.value) == nil, "\(member.name) after the step")
        }
    }
}

extension DetectorSuites {
    @Suite struct FasterRCNNTests {
        /// Anchors of 8 and 16 pixels on a map of stride 4.
        static func config() -> DetectorConfig {
            var config = smallDetector()
            config.regionSize = 4
            config.proposals = 20
            var proposing = RegionProposalConfig()
            proposing.scales = [2, 4]
            proposing.channels = 32
            proposing.minimumSide = 4
            config.regionProposals = proposing
            return config
        }

        static func options() -> FineTuneOptions {
            var options = FineTuneOptions(detector: config())
            options.iterations = 60
            options.milestones = [50]
            options.learningRate = 0.01
            options.batchNorm = .train
            options.sampler.regionsPerImage = 16
            options.sampler.backgroundThresholds = 0..<0.5
            options.proposing.sampler.anchorsPerImage = 32
            options.proposing.layer = ProposalLayer(candidates: 200, proposals: 40)
            return options
        }

        private func train(_ set: DetectionSet, steps: Range<Int>, _ task: FineTuning) throws -> [Double] {
            try steps.map { step in
                task.optimizer.clearGradients()
                let result = try task.forward(step: step)
                result.loss.loss.backward()
                task.optimizer.clipGradients(10)
                task.optimizer.step(learningRate: task.learningRate(atStep: step))
                return result.loss.loss.item
            }
        }

        @Test func itLearnsToProposeAndToDetect() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(6, in: "\(folder)/images")
                let set = try DetectionSet(
                    ids: images.ids, images: images.set().images, classes: ["square"], objects: images.objects)
                let task = try FineTuning(Self.options(), data: set, weights: nil)
                task.profile = StageClock()
                let names = try task.forward(step: 0).loss.values.map(\.0)
                #expect(
                    names == [
                        "classification_loss", "box_loss", "roi_accuracy", "rpn_objectness_loss", "rpn_box_loss",
                    ])
                let losses = try train(set, steps: 1..<60, task)
                #expect(task.profile?.milliseconds.map(\.name).contains("proposals") == true)
                let (first, last): (Double, Double) = (losses.prefix(6).reduce(0, +), losses.suffix(6).reduce(0, +))
                #expect(last < 0.5 * first, "from \(first) to \(last)")
                let detector = try task.detector()
                detector.filter.scoreThreshold = 0.3
                var found = 0
                for i in 0..<6 {
                    let image = try Image.decode(set.images.data(i), name: "\(i)")
                    let truth = images.objects[i][0].box
                    let regions = detector.regionProposals(image, limit: 20)
                    #expect(regions.contains { $0.iou(truth) > 0.5 }, "no proposal on the square of image \(i)")
                    if let best = detector.detect(image).first, best.box.iou(truth) > 0.5 { found += 1 }
                }
                #expect(found >= 5)
            }
        }

        @Test func theFileHoldsTheWholeDetector() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(2, in: "\(folder)/images")
                let set = try DetectionSet(
                    ids: images.ids, images: images.set().images, classes: ["square"], objects: images.objects)
                let task = try FineTuning(Self.options(), data: set, weights: nil)
                try task.writeModel(to: "\(folder)/model.safetensors")
                let detector = try Detector(run: folder)
                #expect(detector.config == Self.config() && detector.config.kind == .faster)
                let image = try Image.decode(set.images.data(0), name: "0")
                let own = try task.detector()
                #expect(detector.fingerprint == own.fingerprint)
                let proposals = detector.regionProposals(image, limit: 7)
                #expect(proposals == own.regionProposals(image, limit: 7) && proposals.count == 7)
                let whole = Box(minX: 0, minY: 0, maxX: 64, maxY: 48)
                #expect(proposals.allSatisfy { $0.intersection(whole) == $0 && $0.width >= 3.9 && $0.height >= 3.9 })
                detector.filter.scoreThreshold = 0
                // Regions that are given are not looked at.
                #expect(detector.detect(image) == detector.detect(image, proposals: [whole]))
                // Smaller than any anchor, and than a cell.
                _ = detector.detect(Image(size: ImageSize(width: 1, height: 1)))
                let names = try SafetensorsFile(path: "\(folder)/model.safetensors").entries.map(\.name)
                for name in ["rpn.head.conv.0.0.weight", "rpn.head.cls_logits.bias", "rpn.head.bbox_pred.weight"] {
                    #expect(names.contains(name))
                }
            }
        }

        @Test func aStepFollowsFromSeedAndPlace() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(3, in: "\(folder)/images")
                let set = try DetectionSet(
                    ids: images.ids, images: images.set().images, classes: ["square"], objects: images.objects)
                var options = Self.options()
                options.shortSides = [24, 32, 40]
                let losses = try [0, 3].map { workers in
                    options.workers = workers
                    let task = try FineTuning(options, data: set, weights: nil)
                    return try train(set, steps: 0..<4, task)
                }
                #expect(losses[0] == losses[1])
                options.seed = 1
                #expect(try train(set, steps: 0..<4, FineTuning(options, data: set, weights: nil)) != losses[0])
            }
        }

        @Test func imagesWithoutObjectsTeachBackground() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(2, in: "\(folder)/images")
                let set = try DetectionSet(
                    ids: images.ids, images: images.set().images, classes: ["square"], objects: [[], images.objects[1]])
                let task = try FineTuning(Self.options(), data: set, weights: nil)
                #expect(try train(set, steps: 0..<3, task).allSatisfy(\.isFinite))
            }
        }

        @Test func theExtraNormIsTrainedAndKept() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(2, in: "\(folder)/images")
                let set = try DetectionSet(
                    ids: images.ids, images: images.set().images, classes: ["square"], objects: images.objects)
                var options = Self.options()
                options.detector.network.regionNorm = true
                let scope = Scope(seed: 5)
                _ = NetworkConfig(.resnet18, stem: .cifar).makeNetwork(scope)
                let weights = Dictionary(
                    uniqueKeysWithValues: scope.parameters.entries.map { ($0.name, $0.tensor) })
                // The weights know nothing of it.
                let task = try FineTuning(options, data: set, weights: weights)
                let norm = try #require(task.parameters["backbone.norm.weight"])
                #expect(norm.doubles.allSatisfy { $0 == 1 })
                _ = try train(set, steps: 0..<2, task)
                #expect(norm.doubles.contains { $0 != 1 })
                try task.writeModel(to: "\(folder)/model.safetensors")
                let detector = try Detector(run: folder)
                #expect(detector.config.network.regionNorm)
                let image = try Image.decode(set.images.data(0), name: "0")
                #expect(try detector.detect(image) == task.detector().detect(image))
            }
        }

        @Test func recipesAreThePublishedOnes() {
            let detector = DetectorConfig(
                network: NetworkConfig(.resnet50), normalization: .imagenet, classes: ["a"])
            let fast = DetectionRecipe.voc07.options(detector, .fast, isPretrained: true)
            #expect(fast.iterations == 40_000 && fast.learningRate == 0.001 && fast.sampler.regionsPerImage == 64)
            #expect(fast.detector.regionProposals == nil && fast.detector.proposals == 2000)
            let faster = DetectionRecipe.voc07.options(detector, .faster, isPretrained: true)
            #expect(faster.iterations == 70_000 && faster.milestones == [50_000] && faster.frozenStages == 2)
            #expect(faster.detector.regionSize == 14 && faster.detector.proposals == 300)
            #expect(faster.sampler.regionsPerImage == 128 && faster.sampler.backgroundThresholds == 0..<0.5)
            #expect(faster.proposing.layer == ProposalLayer(candidates: 12_000, proposals: 2000))
            #expect(faster.proposing.beta == 1.0 / 9 && faster.batchNorm == .frozen)
            let moco = DetectionRecipe.c4MoCo.options(detector, .faster, isPretrained: true)
            #expect(moco.iterations == 24_000 && moco.milestones == [18_000, 22_000] && moco.warmUpSteps == 100)
            #expect(moco.learningRate == 0.02 && moco.imagesPerStep == 16 && moco.weightDecay == 1e-4)
            #expect(moco.shortSides == [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800])
            #expect(moco.detector.network.regionNorm && moco.batchNorm == .train && moco.frozenStages == 0)
            #expect(DetectionRecipe.c4MoCo.filter.nmsThreshold == 0.5)
            // A quarter of the images a step: a quarter of the rate, four times the steps.
            let small = DetectionRecipe.c4MoCo.options(detector, .faster, isPretrained: true, imagesPerStep: 4)
            #expect(small.learningRate == 0.005 && small.iterations == 96_000 && small.milestones == [72_000, 88_000])
            let vgg = DetectorConfig(network: NetworkConfig(.vgg16), normalization: .imagenet, classes: ["a"])
            #expect(DetectionRecipe.voc07.options(vgg, .faster, isPretrained: true).detector.regionSize == nil)
        }
    }
}
