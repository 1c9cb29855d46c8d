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

/// ResNet-18 on 16×16 pixels: three steps an epoch with 24 images.
func smallOptions(_ method: MethodName = .instance, loss: InstanceLossKind = .nce) -> PretrainOptions {
    var recipe = method.method.recipe(.cifar10)
    recipe.batch = 8
    recipe.epochs = 3
    recipe.optimization.milestones = [2]
    recipe.imageSize = 16
    recipe.augmentation.flip = 0.5
    switch method {
    case .instance:
        recipe.instance.dimension = 16
        recipe.instance.negatives = 8
        recipe.instance.loss = loss
    case .parametric, .supervised: break
    case .mocoV1, .mocoV2:
        var own = MoCoSettings()
        (own.dimension, own.queue, own.groups, own.momentum) = (16, 16, 2, 0.9)
        recipe.own = own
    case .simclr:
        var own = SimCLRSettings()
        own.dimension = 16
        recipe.own = own
    case .byol:
        var own = BYOLSettings()
        (own.dimension, own.hidden, own.momentum) = (16, 32, 0.9)
        recipe.own = own
    case .simsiam:
        var own = SimSiamSettings()
        (own.dimension, own.hidden) = (16, 8)
        recipe.own = own
    case .rotation, .exemplar, .colorization, .splitBrain: break
    case .jigsaw:
        var own = JigsawSettings()
        (own.permutationCount, own.tileDimension) = (8, 16)
        recipe.own = own
        recipe.imageSize = 24
    case .context:
        var own = ContextSettings()
        own.hidden = 16
        recipe.own = own
        recipe.imageSize = 24
    case .cmc:
        var own = CMCSettings()
        (own.instance.dimension, own.instance.negatives, own.instance.loss) = (16, 8, loss)
        recipe.own = own
    case .bigan:
        var own = BiGANSettings()
        (own.latent, own.width) = (8, 16)
        recipe.own = own
    }
    return PretrainOptions(architecture: .resnet18, method: method, recipe: recipe)
}

/// One step as the loop makes it.
func makeStep(_ task: some TrainingTask, _ step: Int) throws -> Double {
    task.optimizer.clearGradients()
    let result = try task.forward(step: step)
    result.loss.backward(task.optimizer)
    task.optimizer.step(learningRate: task.learningRate(atStep: step))
    result.loss.afterUpdate()
    return result.loss.loss.item
}

extension TrainingSuites {
    @Suite struct PretrainingTests {
        @Test func lengthAndRateOfARun() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(26, in: folder.path)
            let task = try Pretraining(smallOptions(), data: data)
            // Two images are left over in each epoch.
            #expect(task.stepsPerEpoch == 3 && task.totalSteps == 9)
            #expect(task.learningRate(atStep: 5) == 0.03)
            #expect(abs(task.learningRate(atStep: 6) - 0.003) < 1e-12)
            #expect(task.parameters["projection.weight"]?.shape == [16, 512])
            #expect(task.parameters["fc.weight"] == nil)
        }

        @Test func supervisionNeedsLabels() throws {
            let folder = try TemporaryFolder()
            let data = try makeUnlabelledImages(8, in: folder.path)
            let error = #expect(throws: InputError.self) { try Pretraining(smallOptions(.supervised), data: data) }
            #expect(error?.subject == folder.path)
            #expect(error?.problem.contains("no class labels") == true)
            #expect(throws: Never.self) { try Pretraining(smallOptions(.parametric), data: data) }
        }

        @Test func aBatchNeedsItsImages() throws {
            let folder = try TemporaryFolder()
            let data = try makeUnlabelledImages(7, in: folder.path)
            let error = #expect(throws: InputError.self) { try Pretraining(smallOptions(), data: data) }
            #expect(error?.subject == folder.path)
            #expect(error?.problem == "has only 7 images for batches of 8")
        }

        @Test func onlyTheImagesOfAStepChangeInTheBank() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            let task = try Pretraining(smallOptions(), data: data)
            let bank = try #require((task.method as? InstanceDiscrimination)?.bank)
            let before = bank.rows.floats
            _ = try makeStep(task, 0)
            let after = bank.rows.floats
            let seen = Set(EpochSampler(count: 24, seed: 0, epoch: 0).order.prefix(8))
            for row in 0..<24 {
                let isSame = before[row * 16..<row * 16 + 16] == after[row * 16..<row * 16 + 16]
                #expect(isSame == !seen.contains(row))
            }
            #expect(bank.rows.norm([1]).doubles.allSatisfy { abs($0 - 1) < 1e-5 })
        }

        // ‖f - v‖² = 2 - 2·fᵀv for unit vectors, and fᵀv is what the step reports.
        @Test func theProximalTermIsAdded() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            var options = smallOptions()
            let plain = try Pretraining(options, data: data).forward(step: 0)
            options.recipe.instance.proximal = 30
            let proximal = try Pretraining(options, data: data).forward(step: 0)
            let similarity = try #require(plain.loss.values.first { $0.name == "positive_similarity" }?.value.item)
            let expected = plain.loss.loss.item + 30 * (2 - 2 * similarity)
            #expect(abs(proximal.loss.loss.item - expected) < 1e-5 * expected)
        }

        // An untrained classifier over n classes of about equal logits has a loss of about ln n.
        @Test(arguments: [(MethodName.parametric, 24), (.supervised, 2)])
        func classifiersHaveAClassForEach(objective: MethodName, classes: Int) throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            let task = try Pretraining(smallOptions(objective), data: data)
            if case .none = task.method.probe {} else { Issue.record("labels leave no memory bank") }
            #expect(task.parameters["fc.weight"]?.shape == [classes, 512])
            #expect(task.parameters["projection.weight"] == nil)
            let loss = try makeStep(task, 0)
            #expect(abs(loss - log(Double(classes))) < 1)
            #expect(task.description(details: [:]).config.classes == classes)
        }

        @Test func workersChangeNothing() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            let states = try [0, 1, 2].map { workers in
                var options = smallOptions()
                options.workers = workers
                let task = try Pretraining(options, data: data)
                for step in 0..<4 { _ = try makeStep(task, step) }
                return RunState(task)
            }
            #expect(states[0] == states[1])
            #expect(states[1] == states[2])
        }

        @Test func theNamesOfAStepAreItsImages() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            let names = try Pretraining(smallOptions(), data: data).forward(step: 0).imageNames()
            #expect(names == EpochSampler(count: 24, seed: 0, epoch: 0).order.prefix(8).map(data.path))
        }
    }
}

/// Every bit that a resumed run has to have like an uninterrupted one.
struct RunState: Equatable {
    private var bytes: [String: Data] = [:]

    init(_ task: some TrainingTask) {
        for entry in task.parameters.entries {
            bytes["model.\(entry.name)"] = entry.tensor.detach().withBytes { Data($0) }
        }
        for (name, tensor) in task.optimizer.state {
            bytes["\(task.optimizer.stateName).\(name)"] = tensor.withBytes { Data($0) }
        }
        let extra = task.extraState
        for (name, tensor) in extra.tensors { bytes["task.\(name)"] = tensor.withBytes { Data($0) } }
        bytes["state"] = Data(extra.state.line.utf8)
    }

    var names: [String] { bytes.keys.sorted() }

    /// Names of the parts that differ.
    func differences(_ other: RunState) -> [String] {
        Set(bytes.keys).union(other.bytes.keys).filter { bytes[$0] != other.bytes[$0] }.sorted()
    }
}
