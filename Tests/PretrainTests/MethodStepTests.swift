import Backbone
import Datasets
import Imaging
import Pretrain
import Support
import TestSupport
import Testing
import Torch
import Training

/// One step of each method with several views, colours or a task of its own, against plain PyTorch (`Golden/make_methods.py`).
extension TrainingSuites {
    @Suite struct MethodStepTests {
        private static let batch = 8
        private static let side = 16

        private func task(_ method: MethodName, _ folder: String) throws -> Pretraining {
            var options = PretrainOptions(.resnet20, method, recipe: .cifar10)
            options.recipe.batch = Self.batch
            options.recipe.imageSize = Self.side
            options.recipe.optimization = Optimization(learningRate: 0.1, weightDecay: 1e-3)
            switch method {
            case .mocoV1, .mocoV2:
                var own = MoCoSettings()
                (own.dimension, own.queue, own.momentum, own.temperature, own.groups) = (16, 32, 0.75, 0.2, 2)
                options.recipe.own = own
            case .simclr:
                var own = SimCLRSettings()
                (own.dimension, own.temperature) = (16, 0.5)
                options.recipe.own = own
            case .byol:
                var own = BYOLSettings()
                (own.dimension, own.hidden, own.momentum) = (16, 24, 0.75)
                options.recipe.own = own
            case .simsiam:
                var own = SimSiamSettings()
                (own.dimension, own.hidden, own.projectionLayers) = (16, 24, 2)
                options.recipe.own = own
            case .rotation: options.recipe.batch = 2
            case .jigsaw:
                var own = JigsawSettings()
                (own.permutationCount, own.tileDimension, own.patches.side) = (64, 16, 8)
                options.recipe.own = own
                (options.recipe.batch, options.recipe.imageSize) = (2, 48)
            case .context:
                var own = ContextSettings()
                (own.hidden, own.dropout, own.patches.side) = (24, 0, 8)
                options.recipe.own = own
                (options.recipe.batch, options.recipe.imageSize) = (2, 48)
            case .cmc:
                var own = CMCSettings()
                (own.instance.dimension, own.instance.negatives, own.instance.loss) = (16, 3, .nce)
                own.instance.temperature = 0.2
                options.recipe.own = own
            case .bigan:
                var own = BiGANSettings()
                (own.latent, own.width) = (6, 8)
                options.recipe.own = own
                let betas = BiGAN.recipe(.cifar10).optimization
                options.recipe.optimization.rule = .adam
                (options.recipe.optimization.beta1, options.recipe.optimization.beta2) = (betas.beta1, betas.beta2)
            case .instance, .parametric, .supervised, .exemplar, .colorization, .splitBrain: break
            }
            return try Pretraining(options, data: try makeSampleImages(Self.batch, in: folder))
        }

        /// Few images where each becomes many, so that none is convolved by minimal filtering.
        private func tileInputs(_ task: Pretraining) -> any TensorGroup {
            let (views, side, choices) =
                task.options.method == .rotation ? (1, Self.side, []) : (9, 8, [5, 40])
            let images = Tensor.cat(
                (0..<views).map { Formula.tensor([2, 3, side, side], ordinal: Formula.imageOrdinal + $0) })
            let batch = HostBatch(
                pixels: [UInt8](repeating: 0, count: 2 * views * side * side * 3),
                size: ImageSize(width: side, height: side), viewCount: views, indices: [0, 1], labels: [-1, -1],
                choices: choices)
            return task.method.inputs(images, of: batch, step: 0)
        }

        private func inputs(_ task: Pretraining) -> any TensorGroup {
            let shape = [Self.batch, 3, Self.side, Self.side]
            let views = [.exemplar, .bigan].contains(task.options.method) || task.method.parts != nil ? 1 : 2
            switch task.options.method {
            case .rotation, .jigsaw, .context: return tileInputs(task)
            default: break
            }
            let images = Tensor.cat((0..<views).map { Formula.tensor(shape, ordinal: Formula.imageOrdinal + $0) })
            if task.method is MoCo {
                let order = [3, 6, 1, 0, 7, 2, 5, 4]
                let inverse = order.indices.map { order.firstIndex(of: $0)! }
                return MoCo.Inputs(
                    views: TwoViews(images), indices: Tensor(Array(0..<Self.batch)), shuffle: Tensor(order),
                    unshuffle: Tensor(inverse))
            }
            if task.method is BiGAN {
                return BiGAN.Inputs(
                    images: images, reduced: nil,
                    codes: Formula.tensor([Self.batch, 6], ordinal: Formula.imageOrdinal + 8))
            }
            if task.method is CMC {
                let noise = [3, 0, 7, 5, 5, 1, 2, 6, 4, 4, 0, 1, 7, 3, 2, 6, 1, 0, 2, 5, 7, 3, 4, 6]
                return CMC.Inputs(
                    lightness: images.narrow(1, 0, 1), colors: images.narrow(1, 1, 2),
                    indices: Tensor(Array(0..<Self.batch)),
                    noise: NoiseImages(Tensor(noise, shape: [Self.batch, 3])))
            }
            let size = ImageSize(width: Self.side, height: Self.side)
            let batch = HostBatch(
                pixels: [UInt8](repeating: 0, count: views * Self.batch * size.pixelCount * 3), size: size,
                viewCount: views,
                indices: Array(0..<Self.batch), labels: [Int](repeating: -1, count: Self.batch))
            return task.method.inputs(images, of: batch, step: 0)
        }

        /// Losses to 1e-5, gradients and what the step leaves behind to 1e-4 of their size.
        @Test(arguments: [
            MethodName.mocoV1, .mocoV2, .simclr, .byol, .simsiam, .rotation, .jigsaw, .context, .exemplar, .cmc,
            .colorization, .splitBrain, .bigan,
        ])
        func aStepIsTorchs(method: MethodName) throws {
            let golden = try #require(try Golden.read("methods.json")[method.rawValue])
            let folder = try TemporaryFolder()
            let task = try task(method, folder.path)
            Formula.fill(task.parameters, gain: 1)
            task.method.networkWasLoaded()
            // The slower encoder has fallen behind.
            for (name, tensor) in task.method.state.tensors where name.hasPrefix("momentum.") {
                if !name.contains("running_"), tensor.dtype == .float32 { tensor.mul_(0.9) }
            }
            if let moco = task.method as? MoCo {
                let rows = Formula.tensor([32, 16], ordinal: Formula.imageOrdinal + 5)
                moco.queue.rows.copy_(rows.l2Normalized())
            }
            if let cmc = task.method as? CMC {
                for (view, bank) in cmc.banks.enumerated() {
                    let rows = Formula.tensor([Self.batch, 16], ordinal: Formula.imageOrdinal + 5 + view)
                    bank.rows.copy_(rows.l2Normalized())
                }
            }
            if let colorization = task.method as? Colorization {
                let weights = Formula.tensor([313], ordinal: Formula.imageOrdinal + 7)
                colorization.classWeights.copy_(weights + 1.5)
            }
            let step = task.forward(inputs(task))
            #expect(abs(step.loss.item - (golden["loss"]?.doubleValue ?? .nan)) < 1e-5)
            for name in ["discriminator_loss", "real_score", "generated_score"] {
                guard let expected = golden[name]?.doubleValue else { continue }
                let own = try #require(step.values.first { $0.name == name }).value.item
                #expect(abs(own - expected) < 1e-5, "\(name)")
            }
            if let accuracy = golden["accuracy"]?.doubleValue {
                #expect(step.values.first { $0.name == "task_accuracy" }?.value.item == accuracy)
            }
            // Sixteen views at once are convolved by minimal filtering. By its rounding one of a million activations falls on the
            // other side of a ReLU, which is a hundredth of a gradient that few places add up to.
            let tolerance = method == .simclr && Capability.here.kernels != .plain ? 2e-2 : 1e-4
            task.optimizer.clearGradients()
            step.backward(task.optimizer)
            for member in golden["gradients"]?.members ?? [] {
                let gradient = try #require(task.parameters[member.name]?.gradient)
                #expect(
                    GoldenSummary.difference(gradient, member.value, tolerance: tolerance) == nil,
                    "gradient of \(member.name)")
            }
            // Adam's first step is as long as the rate, whatever the gradient.
            task.optimizer.step(learningRate: method == .bigan ? 0.01 : 0.1)
            step.afterUpdate()
            for member in golden["after"]?.members ?? [] {
                let tensor = try #require(task.parameters[member.name])
                #expect(
                    GoldenSummary.difference(tensor, member.value, tolerance: tolerance) == nil,
                    "\(member.name) after the step")
            }
            if let queue = golden["queue"] {
                let moco = try #require(task.method as? MoCo)
                #expect(GoldenSummary.difference(moco.queue.rows, queue) == nil)
            }
            if let cmc = task.method as? CMC {
                for (name, bank) in zip(["bank_l", "bank_ab"], cmc.banks) {
                    #expect(GoldenSummary.difference(bank.rows, try #require(golden[name])) == nil, "\(name)")
                }
                for (name, z) in step.values where name.hasPrefix("z_") {
                    let expected = try #require(golden[name]?.doubleValue)
                    #expect(abs(z.item - expected) < 1e-5 * expected)
                }
            }
            if let momentum = golden["momentum"] {
                let own = try #require(task.method.state["momentum.layer2.0.conv1.weight"])
                #expect(GoldenSummary.difference(own, momentum) == nil)
            }
        }

        @Test func theSlowerEncoderStartsEqualAndIsNotTrained() throws {
            let folder = try TemporaryFolder()
            for method in [MethodName.mocoV2, .byol] {
                let task = try task(method, folder.path + method.rawValue)
                for (name, tensor) in task.method.state.tensors where name.hasPrefix("momentum.") {
                    let leader = try #require(task.parameters[String(name.dropFirst("momentum.".count))])
                    #expect(tensor.doubles == leader.doubles && !tensor.requiresGradient, "\(name)")
                }
                #expect(!task.exported.contains { $0.name.hasPrefix("head.") || $0.name.hasPrefix("predictor.") })
                #expect(task.exported.contains { $0.name == "conv1.weight" })
            }
        }

        /// τ = 1 − (1 − τ₀)·(cos(πt/T) + 1)/2: .996, .998 and 1 at the beginning, the middle and the end.
        @Test func theShareOfTheOldWeightsRises() throws {
            let folder = try TemporaryFolder()
            var options = PretrainOptions(.resnet20, .byol, recipe: .cifar10)
            options.recipe.batch = 4
            options.recipe.epochs = 5
            var own = BYOLSettings()
            own.momentum = 0.996
            options.recipe.own = own
            let task = try Pretraining(options, data: try makeSampleImages(8, in: folder.path))
            let byol = try #require(task.method as? BYOL)
            for (step, expected) in [(0, 0.996), (5, 0.998), (10, 1)] {
                #expect(abs(byol.momentum(atStep: step) - expected) < 1e-12)
            }
        }

        @Test func whatDoesNotFitIsRefused() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            func problem(_ change: (inout MoCoSettings) -> Void) -> String? {
                var options = PretrainOptions(.resnet20, .mocoV1, recipe: .cifar10)
                options.recipe.batch = 8
                var own = MoCoSettings()
                own.queue = 16
                change(&own)
                options.recipe.own = own
                let error = #expect(throws: InputError.self) { try Pretraining(options, data: data) }
                return error?.description
            }
            #expect(problem { $0.queue = 20 }?.contains("no multiple of 8") == true)
            #expect(problem { $0.groups = 3 }?.contains("does not split into 3 groups") == true)
        }

        /// Without a predictor, or with gradients through the target, self-prediction collapses; here the pieces are in place.
        @Test func thePredictorsRateStays() throws {
            let folder = try TemporaryFolder()
            let task = try task(.simsiam, folder.path)
            let fixed = task.optimizer.groups.filter { $0.fixedRate != nil }.flatMap(\.entries).map(\.name)
            #expect(!fixed.isEmpty && fixed.allSatisfy { $0.hasPrefix("predictor.") })
            let before = try #require(task.parameters["predictor.0.weight"]).floats
            let network = try #require(task.parameters["conv1.weight"]).floats
            task.forward(inputs(task)).loss.backward()
            task.optimizer.step(learningRate: 0)
            #expect(try #require(task.parameters["predictor.0.weight"]).floats != before)
            #expect(try #require(task.parameters["conv1.weight"]).floats == network)
        }
    }
}
