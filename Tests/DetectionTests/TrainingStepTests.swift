import Backbone
import Boxes
import Detection
import Support
import TestSupport
import Testing
import Torch

extension DetectorSuites {
    /// One step of Fast R-CNN on ResNet-18 with frozen stages and batch norm, as PyTorch makes it (Golden/make_step.py).
    @Suite struct TrainingStepTests {
        @Test func aStepIsTorchs() throws {
            let golden = try Golden.read("step.json")
            let scope = Scope(seed: 0)
            let model = FastRCNN(
                scope, config: NetworkConfig(.resnet18, stem: .cifar), classCount: 3, regionSize: 4)
            Formula.fill(scope.parameters, gain: 2)
            let optimizer = goldenOptimizer(scope.parameters, model.network)
            let trained = scope.parameters.trainable
            #expect(Set(trained.map(\.name)) == Set(golden["trained"]?.arrayValue?.compactMap(\.stringValue) ?? []))

            let x = Formula.tensor([1, 3, 32, 40], ordinal: Formula.imageOrdinal)
            // First and last pixel in the script, half-open here.
            let boxes = [
                [0, 0, 39, 31], [4, 6, 21, 30], [10, 3, 33, 12], [20, 16, 39, 31], [2, 2, 9, 9], [30, 0, 38, 20],
            ].map { (corners: [Double]) in
                Box(minX: corners[0], minY: corners[1], maxX: corners[2] + 1, maxY: corners[3] + 1)
            }
            let labels = [0, 2, 3, 1, 0, 2]
            let isObject = Tensor(labels.map { $0 > 0 ? Float(1) : 0 }, shape: [6, 1])
            let targets = Formula.tensor([6, 4], ordinal: Formula.imageOrdinal + 1) * 2 * isObject
            let (logits, deltas) = model.classify(
                model.pool(model.featureMap(x, mode: .evaluate), boxes), mode: .evaluate)
            let losses = FastRCNN.losses(logits: logits, deltas: deltas, labels: Tensor(labels), targets: targets)
            for (loss, name) in [(losses.classification, "classification"), (losses.regression, "regression")] {
                let expected = try #require(golden[name]?.doubleValue)
                #expect((loss.item - expected).magnitude < 1e-5 * expected, "\(name)")
            }
            (losses.classification + losses.regression).backward()
            for member in try #require(golden["gradients"]?.members) {
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
}
