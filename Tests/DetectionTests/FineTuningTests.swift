import Backbone
import Boxes
import Detection
import Foundation
import Imaging
import Proposals
import Support
import TestSupport
import Testing
import Torch
import Training

extension DetectorSuites {
    @Suite struct FineTuningTests {
        private func smallOptions(_ detector: DetectorConfig = smallDetector()) -> FineTuneOptions {
            var options = FineTuneOptions(detector: detector)
            options.iterations = 5
            options.imagesPerStep = 2
            options.sampler.regionsPerImage = 4
            options.learningRate = 0.01
            options.batchNorm = .train
            return options
        }

        private func makeStep(_ task: FineTuning, _ step: Int) throws -> Double {
            task.optimizer.clearGradients()
            let result = try task.forward(step: step)
            result.loss.loss.backward()
            task.optimizer.step(learningRate: task.learningRate(atStep: step))
            result.loss.afterUpdate()
            return result.loss.loss.item
        }

        private func bytes(_ tensor: Tensor) -> Data { tensor.detach().withBytes { Data($0) } }

        /// Names of the tensors that two steps change.
        private func changes(_ options: FineTuneOptions, _ set: DetectionSet) throws -> (
            task: FineTuning, names: Set<String>
        ) {
            let task = try FineTuning(options, data: set, weights: nil)
            let before = task.parameters.entries.map { bytes($0.tensor) }
            for step in 0..<2 { _ = try makeStep(task, step) }
            let names = zip(task.parameters.entries, before).filter { bytes($0.tensor) != $1 }.map(\.0.name)
            return (task, Set(names))
        }

        private func isNorm(_ name: String) -> Bool {
            name.contains(".bn1.") || name.contains(".bn2.") || name.contains(".downsample.1.")
        }

        @Test func frozenLayersStayAsTheyAre() throws {
            try withTemporaryFolder { folder in
                let set = try SquareImages(4, in: "\(folder)/images").set()
                var options = smallOptions()
                options.batchNorm = .frozen
                options.frozenStages = 2
                let (task, changed) = try changes(options, set)
                let trainable = Set(task.parameters.trainable.map(\.name))
                let expected = task.parameters.entries.map(\.name).filter {
                    !isNorm($0) && !$0.hasPrefix("backbone.conv1") && !$0.hasPrefix("backbone.layer1.")
                }
                #expect(trainable == Set(expected))
                #expect(trainable.count == 19)  // 15 convolutions of layers 2 to 4, two linear layers
                #expect(changed == trainable)
            }
        }

        @Test func frozenStagesComputeWhatTheyWould() throws {
            try withTemporaryFolder { folder in
                let set = try SquareImages(4, in: "\(folder)/images").set()
                let losses = try [0, 2].map { stages in
                    var options = smallOptions()
                    options.batchNorm = .frozen
                    options.frozenStages = stages
                    let task = try FineTuning(options, data: set, weights: nil)
                    task.profile = StageClock()
                    let loss = try task.forward(step: 0).loss.loss.item
                    task.profile?.step()
                    let stagesMeasured = task.profile?.milliseconds.map(\.name)
                    #expect(stagesMeasured == ["wait for images", "backbone", "roi", "head", "loss"])
                    return loss
                }
                #expect((losses[0] - losses[1]).magnitude < 1e-5 * losses[0])
            }
        }

        @Test func fullyConnectedLayersMayBeMissing() throws {
            try withTemporaryFolder { folder in
                let set = try SquareImages(2, in: "\(folder)/images").set()
                let scope = Scope(seed: 1)
                _ = NetworkConfig(.alexnet).makeNetwork(scope)
                let weights = Dictionary(
                    uniqueKeysWithValues: scope.parameters.entries.filter { $0.name.hasPrefix("features.") }.map {
                        ($0.name, $0.tensor)
                    })
                var detector = smallDetector()
                detector.network = NetworkConfig(.alexnet)
                detector.shortSide = 64
                let task = try FineTuning(smallOptions(detector), data: set, weights: weights)
                #expect(
                    task.initializedLayers == [
                        "backbone.classifier.1.weight", "backbone.classifier.1.bias", "backbone.classifier.4.weight",
                        "backbone.classifier.4.bias",
                    ])
            }
        }

        @Test func batchNormIsTrainedWhenAskedFor() throws {
            try withTemporaryFolder { folder in
                let set = try SquareImages(4, in: "\(folder)/images").set()
                let (task, changed) = try changes(smallOptions(), set)
                #expect(changed == Set(task.parameters.entries.map(\.name)))
                let norms = task.optimizer.groups.filter { $0.entries.contains { isNorm($0.name) } }
                #expect(norms.count == 1 && norms[0].weightDecay == 0 && norms[0].learningRateScale == 1)
                #expect(norms[0].entries.allSatisfy { isNorm($0.name) } && norms[0].entries.count == 40)
                let biases = task.optimizer.groups.filter { $0.learningRateScale == 2 }
                #expect(biases.count == 1 && biases[0].weightDecay == 0)
                #expect(
                    biases[0].entries.map(\.name) == ["box_predictor.cls_score.bias", "box_predictor.bbox_pred.bias"])
                let weights = task.optimizer.groups.filter { $0.weightDecay > 0 }
                #expect(weights.count == 1 && weights[0].weightDecay == 0.0005 && weights[0].learningRateScale == 1)
                #expect(weights[0].entries.count == 22)
            }
        }

        @Test func statisticsAreMeasuredOnTheProposals() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(4, in: "\(folder)/images")
                let task = try FineTuning(smallOptions(), data: images.set(), weights: nil)
                let deltas = zip(images.proposals, images.objects).flatMap { proposals, objects in
                    proposals.filter { $0.iou(objects[0].box) >= 0.5 }.map {
                        (classIndex: 0, delta: BoxDelta(from: $0, to: objects[0].box))
                    }
                }
                let expected = BoxTargetStatistics(classCount: 1, deltas: deltas)
                #expect(deltas.count >= 10)
                // Proposal files hold float32.
                #expect(isClose(task.statistics.mean, expected.mean, 1e-4))
                #expect(isClose(task.statistics.deviation, expected.deviation, 1e-4))
            }
        }

        @Test func theBackboneComesFromTheWeights() throws {
            try withTemporaryFolder { folder in
                let set = try SquareImages(2, in: "\(folder)/images").set()
                let scope = Scope(seed: 77)
                _ = NetworkConfig(.resnet18, stem: .cifar, classes: 10).makeNetwork(scope)
                var weights = Dictionary(uniqueKeysWithValues: scope.parameters.entries.map { ($0.name, $0.tensor) })
                let task = try FineTuning(smallOptions(), data: set, weights: weights, weightPath: "w.safetensors")
                for entry in scope.parameters.entries where !entry.name.hasPrefix("fc.") {
                    let own = try #require(task.parameters["backbone.\(entry.name)"])
                    #expect(bytes(own) == bytes(entry.tensor))
                }
                #expect(task.initialization?.unexpected == ["backbone.fc.bias", "backbone.fc.weight"])
                weights["layer3.0.conv1.weight"] = nil
                let missing = #expect(throws: InputError.self) {
                    try FineTuning(smallOptions(), data: set, weights: weights, weightPath: "w.safetensors")
                }
                #expect(missing?.subject == "w.safetensors")
                #expect(missing?.problem.contains("backbone.layer3.0.conv1.weight") == true)
                weights["layer3.0.conv1.weight"] = Tensor.zeros([256, 128, 1, 1])
                #expect(throws: InputError.self) {
                    try FineTuning(smallOptions(), data: set, weights: weights, weightPath: "w.safetensors")
                }
            }
        }

        @Test func setsWithoutAnythingToLearnAreRefused() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(2, in: "\(folder)/images")
                let difficult = images.objects.map {
                    $0.map { LabeledBox(box: $0.box, classIndex: 0, isDifficult: true) }
                }
                let set = try images.set(objects: difficult)
                let error = #expect(throws: InputError.self) { try FineTuning(smallOptions(), data: set, weights: nil) }
                #expect(error?.problem.contains("no objects") == true)
                var options = smallOptions()
                options.trainsOnDifficult = true
                #expect(throws: Never.self) { try FineTuning(options, data: set, weights: nil) }

                let other = try ProposalFile.Writer(
                    path: "\(folder)/other.bin", header: .init(method: "m", options: [:], seed: 0, imageIDs: ["0"]))
                try other.append([], for: "0")
                try other.finish()
                let file = try ProposalFile(contentsOf: "\(folder)/other.bin")
                let missing = #expect(throws: InputError.self) {
                    try DetectionSet(
                        ids: images.ids, images: set.images, classes: ["square"], objects: images.objects,
                        proposals: file, proposalPath: "other.bin")
                }
                #expect(missing?.subject == "other.bin" && missing?.problem == "has no proposals for image 1")
            }
        }

        // One image has nothing on it at all, the other no proposals: every step still has regions.
        @Test func imagesWithoutRegionsDoNotStopARun() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(2, in: "\(folder)/images")
                var options = smallOptions()
                options.imagesPerStep = 1
                options.batchNorm = .frozen
                options.workers = 0
                let set = try images.set(proposals: [[], []], objects: [images.objects[0], []])
                let task = try FineTuning(options, data: set, weights: nil)
                for step in 0..<4 { #expect(try makeStep(task, step).isFinite) }
            }
        }

        /// Runs to the end or to `stopAfter`, as a process of its own would.
        private func run(
            _ options: FineTuneOptions, _ set: DetectionSet, in folder: String, resume: Bool = false,
            stopAfter: Int? = nil
        ) throws -> FineTuning {
            let task = try FineTuning(options, data: set, weights: nil)
            let run = try RunFolder(folder, resume: resume, config: options.json, mayDiffer: FineTuneOptions.mayDiffer)
            let loop = TrainingLoop(
                task, folder: run,
                options: LoopOptions(
                    title: "test", gradientClip: options.gradientClip, logEvery: 2, checkpointEvery: 1000,
                    progress: .quiet, stopAfter: stopAfter))
            if stopAfter == nil {
                try loop.run()
            } else {
                #expect(throws: InterruptedError.self) { try loop.run() }
            }
            return task
        }

        // Four of twelve samples a step: the run stops after two steps of the first epoch and ends in the second.
        @Test func aResumedRunEndsWithTheSameBits() throws {
            try withTemporaryFolder { folder in
                let set = try SquareImages(6, in: "\(folder)/images").set()
                var options = smallOptions()
                options.imagesPerStep = 4
                options.gradientClip = 1
                let whole = try run(options, set, in: "\(folder)/whole")
                #expect(whole.stepsPerEpoch == 3)
                _ = try run(options, set, in: "\(folder)/parts", stopAfter: 2)
                options.workers = 1
                let resumed = try run(options, set, in: "\(folder)/parts", resume: true)
                let different = zip(whole.parameters.entries, resumed.parameters.entries).filter {
                    bytes($0.tensor) != bytes($1.tensor)
                }
                #expect(different.map(\.0.name) == [])
                #expect(
                    zip(whole.optimizer.state, resumed.optimizer.state).allSatisfy {
                        bytes($0.tensor) == bytes($1.tensor)
                    })
                let logs = try ["whole", "parts"].map { name in
                    try MetricsLog.read("\(folder)/\(name)/metrics.jsonl").map { line in
                        (line.members ?? []).filter { $0.name != "images_per_second" }
                    }
                }
                #expect(logs[0] == logs[1] && logs[0].count == 3)
            }
        }

        // From random weights in seconds, so the task is made easy: background is what hardly touches the square.
        // Eight of eight squares are found where this was written; other processors round differently.
        @Test func aRedSquareIsLearnt() throws {
            try withTemporaryFolder { folder in
                let images = try SquareImages(8, in: "\(folder)/images")
                var options = smallOptions()
                options.detector.shortSide = 24
                options.iterations = 70
                options.milestones = [60]
                options.sampler.foregroundFraction = 0.5
                options.sampler.backgroundThresholds = 0..<0.3
                options.gradientClip = 10
                let task = try run(options, images.set(), in: "\(folder)/run")
                let log = try MetricsLog.read("\(folder)/run/metrics.jsonl").compactMap { $0["loss"]?.doubleValue }
                let (first, last) = (log.prefix(5).reduce(0, +) / 5, log.suffix(5).reduce(0, +) / 5)
                #expect(last < 0.5 * first)

                try task.writeModel(to: "\(folder)/model.safetensors")
                let detector = try Detector(path: "\(folder)/model.safetensors")
                // Pictures it has not seen.
                let others = try SquareImages(8, in: "\(folder)/others", seed: 1)
                let detections = try DetectionTest(others.set()).run(detector)
                let found = zip(detections, others.objects).count { found, objects in
                    (found.first?.box.iou(objects[0].box) ?? 0) > 0.5
                }
                #expect(found >= 6)
            }
        }

        @Test func theConfigurationHoldsWhatIsTrainedOn() {
            var options = smallOptions()
            let before = options.json
            #expect(
                before["rois_per_image"] == 4 && before["foreground_iou"] == 0.5
                    && before["background_iou"] == [0.1, 0.5])
            options.sampler.backgroundThresholds = 0..<0.5
            #expect(options.json != before)
        }
    }
}
