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

extension TrainingSuites {
    @Suite struct ResumeTests {
        /// Runs to the end or to `stopAfter`, as a process of its own would.
        private func run(
            _ options: PretrainOptions, _ data: ImageFolder, in folder: String, resume: Bool = false,
            stopAfter: Int? = nil, capturesSteps: Bool = false, gradientClip: Double? = nil
        ) throws -> RunState {
            let task = try Pretraining(options, data: data)
            let run = try RunFolder(folder, resume: resume, config: options.json, mayDiffer: PretrainOptions.mayDiffer)
            let loop = TrainingLoop(
                task, folder: run,
                options: LoopOptions(
                    title: "test", gradientClip: gradientClip, logEvery: 2, checkpointEvery: 1000, progress: .quiet,
                    capturesSteps: capturesSteps, stopAfter: stopAfter))
            if stopAfter == nil {
                try loop.run()
            } else {
                #expect(throws: InterruptedError.self) { try loop.run() }
            }
            return RunState(task)
        }

        /// The log without the one thing that depends on the machine.
        private func metrics(_ folder: String) throws -> [JSON] {
            try MetricsLog.read("\(folder)/metrics.jsonl").map { line in
                .object((line.members ?? []).filter { $0.name != "images_per_second" })
            }
        }

        // Stopped after 5 of 9 steps: in the second of three epochs, and between two lines of the log.
        @Test(arguments: [InstanceLossKind.nce, .softmax])
        func aResumedRunEndsWithTheSameBits(loss: InstanceLossKind) throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: "\(folder.path)/images")
            var options = smallOptions(loss: loss)
            let whole = try run(options, data, in: "\(folder.path)/whole")
            let half = try run(options, data, in: "\(folder.path)/parts", stopAfter: 5)
            #expect(half != whole)
            options.workers = 1
            let resumed = try run(options, data, in: "\(folder.path)/parts", resume: true)
            #expect(resumed.differences(whole) == [])
            #expect(whole.names.contains("task.bank") && whole.names.contains("velocity.conv1.weight"))
            let log = try metrics("\(folder.path)/whole")
            #expect(log.map { $0["step"]?.intValue } == [2, 4, 6, 8, 9])
            #expect(log.allSatisfy { $0["loss"]?.doubleValue != nil && $0["positive_similarity"] != nil })
            #expect(log.allSatisfy { ($0["z"] != nil) == (loss == .nce) })
            #expect(try metrics("\(folder.path)/parts") == log)
        }

        /// A run that replays a captured step is the run that makes each step anew: with and without noise, a Z that
        /// moves or that settles late, falling learning rates, and resumed in between.
        @Test(arguments: CapturedRun.all)
        func aCapturedStepIsAStep(captured: CapturedRun) throws { try compare(captured) }

        @Test(arguments: CapturedRun.colors)
        func aCapturedStepOfColorsIsAStep(captured: CapturedRun) throws { try compare(captured) }

        @Test(arguments: CapturedRun.adversarial)
        func aCapturedStepOfTwoLossesIsAStep(captured: CapturedRun) throws { try compare(captured) }

        private func compare(_ captured: CapturedRun) throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: "\(folder.path)/images")
            let options = captured.options
            let plain = try run(options, data, in: "\(folder.path)/plain")
            let whole = try run(options, data, in: "\(folder.path)/whole", capturesSteps: true)
            #expect(whole.differences(plain) == [])
            _ = try run(options, data, in: "\(folder.path)/parts", stopAfter: 5, capturesSteps: true)
            let resumed = try run(options, data, in: "\(folder.path)/parts", resume: true, capturesSteps: true)
            #expect(resumed.differences(plain) == [])
            let log = try metrics("\(folder.path)/plain")
            #expect(try metrics("\(folder.path)/whole") == log)
            #expect(try metrics("\(folder.path)/parts") == log)
        }

        struct CapturedRun: CustomTestStringConvertible, Sendable {
            var testDescription: String
            var options: PretrainOptions

            init(_ name: String, _ objective: MethodName = .instance, _ change: (inout PretrainOptions) -> Void) {
                testDescription = name
                options = smallOptions(objective)
                options.augmentsOnDevice = true
                change(&options)
            }

            private static func excludingPositives(_ own: any MethodSettings) -> any MethodSettings {
                guard var own = own as? MoCoSettings else { return own }
                own.excludesPositive = true
                return own
            }

            private static func puzzles(_ own: any MethodSettings) -> any MethodSettings {
                guard var own = own as? JigsawSettings else { return own }
                (own.permutationKind, own.dropout) = (.greedy, 0.5)
                return own
            }

            private static func drawnPairs(_ own: any MethodSettings) -> any MethodSettings {
                guard var own = own as? ContextSettings else { return own }
                (own.pairs, own.dropout) = (.drawn, 0)
                return own
            }

            private static func triplets(_ own: any MethodSettings) -> any MethodSettings {
                guard var own = own as? ExemplarSettings else { return own }
                (own.form, own.viewCount, own.dimension) = (.triplets, 3, 16)
                return own
            }

            static let all = [
                CapturedRun("the paper's") { _ in },
                CapturedRun("Z of five batches, bfloat16") {
                    $0.recipe.instance.partition = .frozen(batches: 5)
                    $0.precision = .bf16
                },
                CapturedRun("moving Z, shared noise, proximal term") {
                    $0.recipe.instance.partition = .movingAverage(decay: 0.9)
                    $0.recipe.instance.negativesMode = .shared
                    $0.recipe.instance.excludesPositive = true
                    $0.recipe.instance.proximal = 0.1
                },
                CapturedRun("softmax") { $0.recipe.instance.loss = .softmax },
                CapturedRun("supervised", .supervised) { _ in },
                CapturedRun("parametric", .parametric) { _ in },
                CapturedRun("MoCo", .mocoV1) { $0.recipe.own = excludingPositives($0.recipe.own) },
                CapturedRun("MoCo v2, blurred, bfloat16", .mocoV2) {
                    $0.recipe.augmentation.blur = 0.5
                    $0.precision = .bf16
                },
                CapturedRun("SimCLR, rates by layer", .simclr) { _ in },
                CapturedRun("BYOL, inverted views", .byol) {
                    $0.recipe.augmentation.blur = 1
                    $0.recipe.augmentation.solarize = 0.5
                },
                CapturedRun("SimSiam", .simsiam) { _ in },
                CapturedRun("rotation", .rotation) { $0.architecture = .resnet20 },
                CapturedRun("jigsaw", .jigsaw) { $0.architecture = .resnet20 },
                CapturedRun("jigsaw by greedy orders, with dropout", .jigsaw) {
                    $0.architecture = .resnet20
                    $0.recipe.own = puzzles($0.recipe.own)
                },
                CapturedRun("context, with dropout", .context) { $0.architecture = .resnet20 },
                CapturedRun("context, drawn pairs", .context) {
                    $0.architecture = .resnet20
                    $0.recipe.own = drawnPairs($0.recipe.own)
                },
                CapturedRun("exemplars", .exemplar) { $0.architecture = .resnet20 },
                CapturedRun("exemplars by triplets", .exemplar) {
                    $0.architecture = .resnet20
                    $0.recipe.own = triplets($0.recipe.own)
                },
            ]

            /// Of methods with two losses.
            static let adversarial = [
                CapturedRun("BiGAN", .bigan) { $0.architecture = .resnet20 },
                CapturedRun("BiGAN of reduced images, bfloat16", .bigan) {
                    $0.architecture = .resnet20
                    $0.recipe.imageSize = 24
                    $0.precision = .bf16
                    guard var own = $0.recipe.own as? BiGANSettings else { return }
                    own.generatedSize = 16
                    $0.recipe.own = own
                },
            ]

            /// Of methods that learn from Lab.
            static let colors = [
                CapturedRun("CMC, Z of five batches", .cmc) {
                    $0.architecture = .resnet20
                    guard var own = $0.recipe.own as? CMCSettings else { return }
                    own.instance.partition = .frozen(batches: 5)
                    $0.recipe.own = own
                },
                CapturedRun("colorization, bfloat16", .colorization) {
                    $0.architecture = .resnet20
                    $0.precision = .bf16
                },
                CapturedRun("split-brain", .splitBrain) { $0.architecture = .resnet20 },
            ]
        }

        /// The clipping factor of a captured step stays on the device: another rounding than the host's, in every step.
        @Test func aClippedCapturedRunIsResumed() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: "\(folder.path)/images")
            let options = smallOptions(.supervised)
            let whole = try run(options, data, in: "\(folder.path)/whole", capturesSteps: true, gradientClip: 0.1)
            #expect(try whole != run(options, data, in: "\(folder.path)/free", capturesSteps: true))
            _ = try run(
                options, data, in: "\(folder.path)/parts", stopAfter: 5, capturesSteps: true, gradientClip: 0.1)
            let resumed = try run(
                options, data, in: "\(folder.path)/parts", resume: true, capturesSteps: true, gradientClip: 0.1)
            #expect(resumed.differences(whole) == [])
        }

        /// A batch that lacks an image is no replay of a whole one; in each of three epochs it is another step.
        @Test func batchesThatLackImagesAreStepsOfTheirOwn() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(40, in: "\(folder.path)/images")
            try Data("broken".utf8).write(to: URL(fileURLWithPath: data.path(17)))
            var options = smallOptions()
            options.augmentsOnDevice = true
            options.onBadImage = .skip { _ in }
            let plain = try run(options, data, in: "\(folder.path)/plain")
            let captured = try run(options, data, in: "\(folder.path)/captured", capturesSteps: true)
            #expect(captured.differences(plain) == [])
        }

        /// Saves a run of one step under a configuration that says nothing, so that only the checkpoint can refuse.
        private func checkpoint(_ options: PretrainOptions, _ data: ImageFolder, in folder: String) throws {
            let run = try RunFolder(folder, resume: false, config: [:])
            let loop = TrainingLoop(
                try Pretraining(options, data: data), folder: run,
                options: LoopOptions(title: "test", logEvery: 1, checkpointEvery: 1000, progress: .quiet, stopAfter: 1))
            #expect(throws: InterruptedError.self) { try loop.run() }
        }

        private func refusal(_ options: PretrainOptions, _ data: ImageFolder, in folder: String) throws -> InputError? {
            let task = try Pretraining(options, data: data)
            let run = try RunFolder(folder, resume: true, config: [:])
            let options = LoopOptions(title: "test", logEvery: 1, checkpointEvery: 1000, progress: .quiet)
            return #expect(throws: InputError.self) { try TrainingLoop(task, folder: run, options: options).run() }
        }

        @Test func checkpointsOfOtherRunsAreRefused() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: "\(folder.path)/images")
            let options = smallOptions()
            let path = "\(folder.path)/run"
            try checkpoint(options, data, in: path)
            let file = "\(path)/checkpoints/last.safetensors"

            var deeper = options
            deeper.architecture = .resnet34
            let architecture = try refusal(deeper, data, in: path)
            #expect(architecture?.subject == file)
            #expect(architecture?.problem.contains("layer1.2.conv1.weight is missing") == true)

            var wider = options
            wider.recipe.instance.dimension = 32
            let dimension = try refusal(wider, data, in: path)
            #expect(dimension?.problem.contains("projection.weight [16, 512], expected [32, 512]") == true)

            var shorter = options
            shorter.recipe.epochs = 0
            #expect(try refusal(shorter, data, in: path)?.problem == "belongs to no step of this run")

            let fewer = try makeSampleImages(16, in: "\(folder.path)/fewer")
            let images = try refusal(options, fewer, in: path)
            #expect(images?.problem.contains("another number of images") == true)

            let bytes = try Files.read(file)
            try Files.writeAtomically(bytes.prefix(bytes.count / 2), to: file)
            #expect(try refusal(options, data, in: path)?.subject == file)
        }

        @Test func anotherConfigurationIsRefused() throws {
            let folder = try TemporaryFolder()
            let path = "\(folder.path)/run"
            let options = smallOptions()
            _ = try RunFolder(path, resume: false, config: options.json, mayDiffer: PretrainOptions.mayDiffer)
            for (change, field) in [
                ({ $0.recipe.instance.temperature = 0.2 }, "temperature"), ({ $0.architecture = .resnet50 }, "arch"),
                ({ $0.recipe.instance.proximal = 1 }, "proximal"), ({ $0.recipe.instance.loss = .softmax }, "loss"),
                ({ $0.seed = 1 }, "seed"),
            ] as [((inout PretrainOptions) -> Void, String)] {
                var other = options
                change(&other)
                let error = #expect(throws: InputError.self) {
                    try RunFolder(path, resume: true, config: other.json, mayDiffer: PretrainOptions.mayDiffer)
                }
                #expect(error?.problem.hasPrefix("was started with \(field) =") == true)
            }
        }
    }
}
