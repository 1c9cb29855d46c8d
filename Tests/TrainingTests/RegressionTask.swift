import Foundation
import Support
import Torch
import Training

/// A small network with dropout that learns the sum of four numbers.
final class RegressionTask: TrainingTask {
    let parameters: Parameters
    let optimizer: any Optimizer
    let totalSteps: Int
    let stepsPerEpoch = 4
    /// The step whose loss is not a number.
    var poisonedStep: Int?
    /// Whether checkpoints hold the state of the generator that dropout draws from.
    var keepsGenerator = true
    /// Steps asked for, in order.
    private(set) var steps: [Int] = []
    private(set) var finished: [Int] = []

    private let hidden: Linear
    private let dropout: Dropout
    private let output: Linear
    private let generator: Generator

    init(steps: Int = 12, width: Int = 8) {
        totalSteps = steps
        let scope = Scope(seed: 1)
        hidden = Linear(scope / "hidden", in: 4, out: width)
        dropout = Dropout(0.5, generator: scope.generator)
        output = Linear(scope / "output", in: width, out: 1)
        parameters = scope.parameters
        generator = scope.generator
        optimizer = SGD([ParameterGroup(parameters.trainable, weightDecay: 1e-4)], momentum: 0.9)
    }

    func learningRate(atStep step: Int) -> Double { step < 8 ? 0.02 : 0.002 }

    func forward(step: Int) -> StepResult {
        steps.append(step)
        var random = RandomStream(9, UInt64(step))
        let x = Tensor((0..<40).map { _ in Float(random.uniform(-1, 1)) }, shape: [10, 4])
        var y = output(dropout(hidden(x).relu(), mode: .train)).squeeze(1)
        if step == poisonedStep { y = y * .nan }
        let loss = (y - x.sum([1])).square().mean()
        return StepResult(
            StepLoss(loss, values: [("half", loss * 0.5)]) { [self] in finished.append(step) }, images: 10
        ) {
            (0..<10).map { "image\(step)-\($0).jpg" }
        }
    }

    var extraState: Checkpoint {
        Checkpoint(tensors: keepsGenerator ? [("generator", generator.state)] : [], state: ["note": "x"])
    }

    func restore(extraState: Checkpoint) throws {
        for (name, tensor) in extraState.tensors where name == "generator" { try generator.restore(tensor) }
    }

    /// Every bit of parameters and velocities.
    var bytes: [Data] {
        (parameters.entries.map { $0.tensor.detach() } + optimizer.state.map(\.tensor)).map {
            $0.withBytes { Data($0) }
        }
    }
}
