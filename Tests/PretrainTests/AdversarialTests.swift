import Backbone
import Datasets
import Foundation
import Imaging
import Pretrain
import Support
import TestSupport
import Testing
import Torch
import Training

@Suite(.tags(.unit), .tiered) struct PairLossTests {
    /// D gives the real pairs .8 and .5, the generated ones .4 and .1.
    @Test func byHand() {
        let logits = [0.8, 0.5, 0.4, 0.1].map { log($0 / (1 - $0)) }
        let losses = PairLosses(Tensor(logits))
        #expect(abs(losses.discriminator.item + (log(0.8) + log(0.5) + log(0.6) + log(0.9)) / 4) < 1e-9)
        #expect(abs(losses.others.item + (log(0.2) + log(0.5) + log(0.4) + log(0.1)) / 4) < 1e-9)
        #expect(abs(losses.realScore.item - 0.65) < 1e-9 && abs(losses.generatedScore.item - 0.25) < 1e-9)
        // The game is not one of zero sum.
        #expect(abs(losses.discriminator.item + losses.others.item) > 1)
    }

    @Test func whoKnowsNothingLosesTheLogarithmOfTwo() {
        let losses = PairLosses(Tensor.zeros([6], dtype: .float64))
        #expect(abs(losses.discriminator.item - 0.6931) < 1e-4 && abs(losses.others.item - 0.6931) < 1e-4)
    }

    @Test func gradientsAreTheDifferences() {
        let values = [0.3, -1.2, 2, 0.1, -0.7, 1.4]
        for loss in [{ PairLosses($0).discriminator }, { PairLosses($0).others }] as [(Tensor) -> Tensor] {
            let x = Tensor(values)
            x.requiresGradient = true
            loss(x).backward()
            for (index, gradient) in x.gradient!.doubles.enumerated() {
                let ends = [1e-5, -1e-5].map { step -> Double in
                    var moved = values
                    moved[index] += step
                    return loss(Tensor(moved)).item
                }
                #expect(abs((ends[0] - ends[1]) / 2e-5 - gradient) < 1e-9)
            }
        }
    }
}

extension TrainingSuites {
    @Suite struct AdversarialTests {
        private func makeTask(_ folder: String, _ change: (inout PretrainOptions) -> Void = { _ in }) throws
            -> Pretraining
        {
            var options = smallOptions(.bigan)
            options.architecture = .resnet20
            change(&options)
            return try Pretraining(options, data: try makeSampleImages(24, in: folder))
        }

        private func values(_ loss: StepLoss) -> [String: Double] {
            Dictionary(uniqueKeysWithValues: ([("loss", loss.loss)] + loss.values).map { ($0.0, $0.1.item) })
        }

        /// The discriminator's last layer is zero at first: ½ for every pair, and ln 2 for everybody.
        @Test func itBeginsUndecided() throws {
            let folder = try TemporaryFolder()
            let task = try makeTask(folder.path)
            let first = values(try task.forward(step: 0).loss)
            #expect(first.count == 4)
            for name in ["loss", "discriminator_loss"] { #expect(abs((first[name] ?? 0) - 0.6931) < 1e-4, "\(name)") }
            for name in ["real_score", "generated_score"] { #expect(first[name] == 0.5, "\(name)") }
            let layer = try #require(task.parameters["discriminator.2.linear.weight"])
            #expect(layer.doubles.allSatisfy { $0 == 0 })
        }

        private func snapshot(_ task: Pretraining) -> [String: [Float]] {
            Dictionary(uniqueKeysWithValues: task.parameters.trainable.map { ($0.name, $0.tensor.detach().floats) })
        }

        /// After a step on one loss only its own tensors have changed; both steps together are the step.
        @Test func eachLossMovesItsOwn() throws {
            let folder = try TemporaryFolder()
            func moved(_ losses: (StepLoss) -> StepLoss) throws -> (names: Set<String>, after: [String: [Float]]) {
                let task = try makeTask(folder.path)
                Formula.fill(task.parameters, gain: 1)
                let before = snapshot(task)
                let step = losses(try task.forward(step: 0).loss)
                step.backward(task.optimizer)
                task.optimizer.step(learningRate: 1e-3)
                let after = snapshot(task)
                return (Set(before.keys.filter { before[$0] != after[$0] }), after)
            }
            let constant = Tensor.zeros([]).detach()
            func leaf(_ value: Tensor) -> Tensor {
                value.requiresGradient = true
                return value * 1
            }
            let all = try moved { $0 }
            let others = try moved { StepLoss($0.loss, rivals: [.init(leaf(constant), moves: $0.rivals[0].prefixes)]) }
            let own = try moved { StepLoss(leaf(constant), rivals: $0.rivals) }
            #expect(!own.names.isEmpty && own.names.allSatisfy { $0.hasPrefix("discriminator.") })
            #expect(others.names.contains("conv1.weight") && others.names.contains("generator.1.conv.weight"))
            #expect(others.names.contains("head.weight"))
            #expect(!others.names.contains { $0.hasPrefix("discriminator.") })
            #expect(own.names.union(others.names) == all.names && all.names == Set(all.after.keys))
            for (name, values) in all.after {
                #expect(values == (own.names.contains(name) ? own : others).after[name], "\(name)")
            }
        }

        /// Normalised apart, what a kind of pair is judged does not depend on the other kind; in one batch it does.
        @Test func pairsNormalizedApartOrTogether() throws {
            let folder = try TemporaryFolder()
            func scores(_ norm: PairNorm, _ codes: Int) throws -> (real: Double, generated: Double) {
                let task = try makeTask(folder.path) {
                    guard var own = $0.recipe.own as? BiGANSettings else { return }
                    own.pairNorm = norm
                    $0.recipe.own = own
                }
                Formula.fill(task.parameters, gain: 1)
                let images = Formula.tensor([4, 3, 16, 16], ordinal: Formula.imageOrdinal)
                let step = task.forward(
                    BiGAN.Inputs(images: images, reduced: nil, codes: Formula.tensor([4, 8], ordinal: codes)))
                return (values(step)["real_score"]!, values(step)["generated_score"]!)
            }
            let (first, other) = (try scores(.separate, 1), try scores(.separate, 2))
            #expect(first.real == other.real && first.generated != other.generated)
            let (mixed, changed) = (try scores(.joint, 1), try scores(.joint, 2))
            #expect(mixed.real != changed.real && mixed.real != first.real)
        }

        /// z follows from seed, step and image, and is uniform.
        @Test func codesAreDrawnByStepAndImage() throws {
            let folder = try TemporaryFolder()
            let task = try makeTask(folder.path)
            func codes(_ step: Int, _ images: [Int]) throws -> [Float] {
                let batch = HostBatch(
                    pixels: [UInt8](repeating: 0, count: images.count * 16 * 16 * 3),
                    size: ImageSize(width: 16, height: 16), indices: images,
                    labels: [Int](repeating: -1, count: images.count))
                let inputs = task.method.inputs(Tensor.zeros([images.count, 3, 16, 16]), of: batch, step: step)
                return try #require(inputs as? BiGAN.Inputs).codes.floats
            }
            let (first, both) = (try codes(3, [5]), try codes(3, [7, 5]))
            #expect(Array(both[8...]) == first && Array(both[..<8]) != first)
            #expect(try codes(4, [5]) != first)
            let many = try codes(0, Array(0..<2000)).map(Double.init)
            #expect(many.allSatisfy { (-1..<1).contains($0) } && abs(many.reduce(0, +) / 16_000) < 0.02)
            #expect(abs(many.reduce(0) { $0 + $1 * $1 } / 16_000 - 1 / 3.0) < 0.02)
        }

        /// Images of 24 pixels for the encoder, of 16 for the discriminator; what cannot be generated is refused.
        @Test func sizesOfImages() throws {
            let folder = try TemporaryFolder()
            func sized(_ image: Int, _ generated: Int?, _ architecture: Architecture = .resnet20) throws -> Pretraining
            {
                try makeTask(folder.path) {
                    $0.architecture = architecture
                    if architecture == .alexnet { $0.recipe.stem = .imagenet }
                    $0.recipe.imageSize = image
                    guard var own = $0.recipe.own as? BiGANSettings else { return }
                    own.generatedSize = generated
                    $0.recipe.own = own
                }
            }
            let task = try sized(24, 16)
            let inputs = try #require(try task.inputs(step: 0).group as? BiGAN.Inputs)
            #expect(inputs.images.shape == [8, 3, 24, 24] && inputs.reduced?.shape == [8, 3, 16, 16])
            #expect(try makeStep(task, 0).isFinite)
            let whole = try sized(16, nil)
            #expect(try #require(try whole.inputs(step: 0).group as? BiGAN.Inputs).reduced == nil)
            for (image, generated, architecture, problem) in [
                (24, nil, .resnet20, "images of 24 pixels cannot be made by doubling a map of 4"),
                (24, 20, .resnet20, "images of 20 pixels cannot be made by doubling a map of 4"),
                (24, 32, .resnet20, "images of 24 pixels would be enlarged to 32"),
                (32, nil, .alexnet, "alexnet cannot take images of 32 pixels"),
            ] as [(Int, Int?, Architecture, String)] {
                let error = #expect(throws: InputError.self) { try sized(image, generated, architecture) }
                #expect(error?.problem == problem)
            }
        }

        /// Statistics are those of the weights as they are: measured twice they are the same, whatever they were before.
        @Test func statisticsAreMeasuredAnew() throws {
            let folder = try TemporaryFolder()
            let task = try makeTask(folder.path)
            for step in 0..<3 { _ = try makeStep(task, step) }
            func statistics(_ part: String = "") -> [String: [Float]] {
                let entries = task.parameters.entries.filter {
                    $0.isBuffer && $0.name.contains("running_") && $0.name.hasPrefix(part)
                }
                return Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.tensor.floats) })
            }
            let (lagging, weights, game) = (statistics(), snapshot(task), statistics("discriminator"))
            try task.remeasureStatistics()
            let measured = statistics()
            #expect(snapshot(task) == weights && statistics("discriminator") == game)
            #expect(measured["bn1.running_mean"] != lagging["bn1.running_mean"])
            withoutGradients {
                for entry in task.parameters.entries where entry.name.hasSuffix("running_mean") {
                    if !entry.name.hasPrefix("discriminator"), !entry.name.hasPrefix("generator") {
                        _ = entry.tensor.fill_(7)
                    }
                }
            }
            try task.remeasureStatistics()
            for (name, values) in measured { #expect(statistics()[name] == values, "\(name)") }
            // Of another method nothing is measured.
            let other = try Pretraining(smallOptions(.rotation), data: try makeSampleImages(24, in: folder.path))
            let before = RunState(other)
            try other.remeasureStatistics()
            #expect(RunState(other) == before)
        }

        /// AlexNet as published: leaky ReLU and batch norm while it trains; written out it is torchvision's, with plain ReLU, and
        /// says so.
        @Test func alexNetIsWrittenAsThePlainNetwork() throws {
            let folder = try TemporaryFolder()
            var options = PretrainOptions(.alexnet, .bigan, recipe: .imagenet)
            options.recipe.batch = 2
            options.recipe.own = smallOptions(.bigan).recipe.own
            let task = try Pretraining(options, data: try makeSampleImages(4, in: folder.path))
            // 3 × 3 cells of conv5 from 64 pixels.
            #expect(task.parameters["head.weight"]?.shape == [8, 256 * 9])
            #expect(try makeStep(task, 0).isFinite)
            try task.remeasureStatistics()
            let path = "\(folder.path)/w.safetensors"
            try WeightFile.write(task.exported, task.description(details: [:]), to: path)
            let written = try PretrainedNetwork(path: path)
            #expect(written.description.config == NetworkConfig(.alexnet))
            #expect(written.description.normalization.mean == [0.5, 0.5, 0.5])
            let details = written.description.details
            #expect(details["trained_leak"] == 0.2 && details["folded"] != nil && details["latent"] == 8)
            #expect(!task.exported.contains { $0.name.contains("discriminator") || $0.name.contains("generator") })
            let x = Formula.tensor([2, 3, 64, 64], ordinal: Formula.imageOrdinal)
            withoutGradients {
                let network = task.method.network
                // The first layer: x below 0 is a fifth of itself here, 0 there.
                let leaky = network.trunk(x, stages: 0..<1, mode: .evaluate)
                let plain = written.network.trunk(x, stages: 0..<1, mode: .evaluate)
                #expect(leaky.less(0).to(dtype: .int64).sum().intItem > 0)
                #expect(isClose(leaky.relu().doubles, plain.doubles, 1e-4))
            }
        }

        /// Real images as drawn, generated ones as large as the discriminator sees them.
        @Test func picturesOfBothDirections() throws {
            let folder = try TemporaryFolder()
            let task = try makeTask(folder.path) {
                $0.recipe.imageSize = 32
                var own = BiGANSettings()
                (own.latent, own.width, own.generatedSize) = (8, 16, 16)
                $0.recipe.own = own
            }
            let rows = try task.samples(of: 2)
            #expect(rows.map { $0.pictures.map(\.image.width) } == [[32, 16, 16], [32, 16, 16]])
            #expect(rows[0].pictures[2].image != rows[1].pictures[2].image)
            // A fresh generator is grey: half of 255, and not by half of it off.
            let levels = rows[0].pictures[2].image.pixels.map(Int.init)
            #expect(levels.allSatisfy { (100..<156).contains($0) })
        }
    }
}
