import Backbone
import Boxes
import Detection
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct FastRCNNLossTests {
    // Seven regions in float32: sums are good to 1e-6.
    @Test func valuesAndGradientsAreTorchs() throws {
        let golden = try Golden.read("losses.json")
        let (regions, classes) = (golden["regions"]?.intValue ?? 0, golden["classes"]?.intValue ?? 0)
        let logits = Tensor(golden["logits"]?.floats ?? [], shape: [regions, classes + 1])
        let deltas = Tensor(golden["deltas"]?.floats ?? [], shape: [regions, 4 * (classes + 1)])
        logits.requiresGradient = true
        deltas.requiresGradient = true
        let losses = FastRCNN.losses(
            logits: logits, deltas: deltas, labels: Tensor(golden["labels"]?.ints ?? []),
            targets: Tensor(golden["targets"]?.floats ?? [], shape: [regions, 4]))
        #expect(isClose([losses.classification.item], [golden["classification"]?.doubleValue ?? 0], 1e-5))
        #expect(isClose([losses.regression.item], [golden["regression"]?.doubleValue ?? 0], 1e-5))
        (losses.classification + losses.regression).backward()
        #expect(isClose(try #require(logits.gradient).doubles, golden["logits_gradient"]?.doubles ?? [], 1e-4))
        #expect(isClose(try #require(deltas.gradient).doubles, golden["deltas_gradient"]?.doubles ?? [], 1e-4))
    }

    // One region of class 1 (label 2) with differences .5, 2, 0, 0: .5·.25 + 1.5 = 1.625; three regions share it.
    // Equal logits of three classes cost ln 3.
    @Test func byHand() {
        let deltas = Tensor(
            [Float](repeating: 7, count: 8) + [0.5, 2, 0, 0] + [Float](repeating: 7, count: 24), shape: [3, 12])
        let losses = FastRCNN.losses(
            logits: Tensor.zeros([3, 3]), deltas: deltas, labels: Tensor([2, 0, 0]), targets: Tensor.zeros([3, 4]))
        #expect(abs(losses.regression.item - 1.625 / 3) < 1e-6)
        #expect(abs(losses.classification.item - 1.098612) < 1e-6)
    }
}

extension DetectorSuites {
    @Suite struct FastRCNNTests {
        static let config = NetworkConfig(.resnet18, stem: .cifar)

        /// A model whose regressor says something: the published initialisation is next to nothing.
        static func model(classes: Int, seed: UInt64 = 3) -> FastRCNN {
            let model = FastRCNN(Scope(seed: seed), config: config, classCount: classes)
            withoutGradients {
                for name in ["cls_score.weight", "bbox_pred.weight", "bbox_pred.bias"] {
                    model.parameters["box_predictor.\(name)"]?.normal_(std: 0.1, Generator(seed: seed))
                }
            }
            return model
        }

        @Test func initialValuesAreThePublishedOnes() throws {
            let parameters = FastRCNN(Scope(seed: 0), config: Self.config, classCount: 20).parameters
            for (name, shape, deviation) in [("cls_score", [21, 512], 0.01), ("bbox_pred", [84, 512], 0.001)] {
                let weight = try #require(parameters["box_predictor.\(name).weight"])
                #expect(weight.shape == shape)
                #expect(abs(weight.square().mean().item.squareRoot() / deviation - 1) < 0.05)
                #expect(try #require(parameters["box_predictor.\(name).bias"]).doubles.allSatisfy { $0 == 0 })
            }
            // The classifier of the pretraining is left out.
            #expect(parameters["backbone.fc.weight"] == nil && parameters["backbone.conv1.weight"] != nil)
        }

        // Stride 4: corners at 1.9 and 2.1 pixels round to different cells, 2.1 and 5.9 to the same.
        @Test func regionsOfEqualCellsAreOne() {
            func box(_ x: Double) -> Box { Box(minX: x, minY: 0, maxX: 25, maxY: 30) }
            let boxes = [box(1.9), box(2.1), box(5.9), box(1), box(6.1)]
            let model = Self.model(classes: 1)
            let (distinct, positions) = model.distinct(boxes)
            #expect(distinct == [boxes[0], boxes[1], boxes[4]] && positions == [0, 1, 1, 0, 2])
            let map = Tensor.randn([1, 256, 12, 12], generator: Generator(seed: 2))
            let all = model.pool(map, boxes).floats
            let few = model.pool(map, distinct).floats
            let length = all.count / 5
            for (i, position) in positions.enumerated() {
                #expect(
                    all[i * length..<(i + 1) * length].elementsEqual(few[position * length..<(position + 1) * length]))
            }
            // ROI align rounds nothing.
            let align = FastRCNN(Scope(seed: 0), config: Self.config, classCount: 1, regionOperator: .align)
            #expect(align.distinct(boxes + [boxes[0]]).positions == [0, 1, 2, 3, 4, 0])
        }

        // d·σ + µ of the normalised prediction is what the folded model predicts; float32, hence 1e-5.
        @Test func foldedWeightsPredictPlainDeltas() throws {
            let model = Self.model(classes: 2)
            var statistics = BoxTargetStatistics(classCount: 2, deltas: [])
            statistics.mean = [0.1, -0.2, 0.3, 0.05, 0, 0.5, -1, 2]
            statistics.deviation = [0.1, 0.3, 0.2, 0.7, 1, 2, 0.5, 0.25]
            let folded = FastRCNN(Scope(seed: 9), config: Self.config, classCount: 2)
            let tensors = model.foldedTensors(statistics)
            #expect(tensors.map(\.name) == model.parameters.entries.map(\.name))
            try folded.parameters.loadExactly(
                Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.tensor) }), from: "memory")
            let pooled = Tensor.randn([3, 256, 7, 7], generator: Generator(seed: 1))
            let (before, after) = withoutGradients {
                (model.classify(pooled, mode: .evaluate), folded.classify(pooled, mode: .evaluate))
            }
            #expect(before.logits.floats == after.logits.floats)
            let (mean, deviation) = ([0, 0, 0, 0] + statistics.mean, [1, 1, 1, 1] + statistics.deviation)
            let expected = before.deltas.doubles.enumerated().map { $1 * deviation[$0 % 12] + mean[$0 % 12] }
            #expect(isClose(after.deltas.doubles, expected, 1e-5))
        }
    }
}
