import Backbone
import Support
import TestSupport
import Testing
import Torch

extension NetworkTests {
    /// One step of SGD on ResNet-18 in training mode, as PyTorch makes it.
    @Test func trainingStepIsTorchs() throws {
        let golden = try Golden.read("training.json")
        let scope = Scope(seed: 0)
        let network = NetworkConfig(.resnet18, classes: 1000).makeNetwork(scope)
        Formula.fill(scope.parameters, gain: 2)
        let x = Formula.tensor([4, 3, 64, 64], ordinal: Formula.imageOrdinal)
        let optimizer = SGD([ParameterGroup(scope.parameters.trainable, weightDecay: 1e-4)], momentum: 0.9)

        let loss = network.logits(x, mode: .train).crossEntropy(Tensor([1, 30, 500, 999]))
        let expectedLoss = try #require(golden["loss"]?.doubleValue)
        #expect((loss.item - expectedLoss).magnitude < 1e-4 * expectedLoss)

        loss.backward()
        for member in try #require(golden["gradients"]?.members) {
            let gradient = try #require(scope.parameters[member.name]?.gradient)
            #expect(GoldenSummary.difference(gradient, member.value) == nil, "gradient of \(member.name)")
        }
        optimizer.step(learningRate: 0.1)
        for member in try #require(golden["after"]?.members) {
            let tensor = try #require(scope.parameters[member.name])
            #expect(GoldenSummary.difference(tensor, member.value) == nil, "\(member.name) after the step")
        }
        #expect(scope.parameters["bn1.num_batches_tracked"]?.intItem == golden["num_batches_tracked"]?.intValue)
    }
    /// Dropout draws from the scope's generator: the same seed gives the same masks, the next pass gives others.
    @Test func dropoutFollowsFromTheSeed() {
        let regions = Formula.tensor([2, 256, 6, 6], ordinal: 5)
        func passes() -> [[Float]] {
            let scope = Scope(seed: 3)
            let network = NetworkConfig(.alexnet).makeNetwork(scope)
            Formula.fill(scope.parameters, gain: 6)
            return withoutGradients {
                [Mode.evaluate, .train, .train, .evaluate].map { network.regionFeatures(regions, mode: $0).floats }
            }
        }
        let first = passes()
        #expect(first[0] == first[3])
        #expect(first[0] != first[1] && first[1] != first[2])
        #expect(first == passes())
    }
}
