import Backbone
import Probes
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct SpatialPoolingTests {
    /// 0 … 15 in rows of four.
    private let map = Tensor((0..<16).map(Float.init), shape: [1, 1, 4, 4])

    @Test func byHand() {
        #expect(SpatialPooling.average(map).floats == [7.5])
        #expect(SpatialPooling.flat(map).floats == (0..<16).map(Float.init))
        #expect(SpatialPooling.window(kernel: 2, stride: 2, padding: 0)(map).floats == [2.5, 4.5, 10.5, 12.5])
        // Windows over rows and columns −1, 0 and 2, 3; zeros of the padding are counted in.
        #expect(SpatialPooling.window(kernel: 2, stride: 3, padding: 1)(map).shape == [1, 1, 4])
        let means: [Float] = [0, 1.25, 5, 12.5]
        #expect(SpatialPooling.window(kernel: 2, stride: 3, padding: 1)(map).floats == means)
        #expect(SpatialPooling.grid(2)(map).floats == [2.5, 4.5, 10.5, 12.5])
        #expect(SpatialPooling.average(Tensor([Float(1), 2], shape: [1, 2])).shape == [1, 2, 1])
    }

    struct Case: Sendable {
        var architecture: Architecture
        var layer: String
        var shape: [Int]
        var cells: Int
    }

    // The cells a side follow from (side + 2·padding − kernel) / stride + 1.
    @Test(arguments: [
        Case(architecture: .resnet50, layer: "conv1", shape: [64, 112, 112], cells: 12),
        Case(architecture: .resnet50, layer: "layer1", shape: [256, 56, 56], cells: 6),
        Case(architecture: .resnet50, layer: "layer2", shape: [512, 28, 28], cells: 4),
        Case(architecture: .resnet50, layer: "layer3", shape: [1024, 14, 14], cells: 3),
        Case(architecture: .resnet50, layer: "layer4", shape: [2048, 7, 7], cells: 2),
        Case(architecture: .alexnet, layer: "conv1", shape: [64, 55, 55], cells: 10),
        Case(architecture: .alexnet, layer: "conv2", shape: [192, 27, 27], cells: 6),
        Case(architecture: .alexnet, layer: "conv3", shape: [384, 13, 13], cells: 5),
        Case(architecture: .alexnet, layer: "conv4", shape: [256, 13, 13], cells: 5),
        Case(architecture: .alexnet, layer: "conv5", shape: [256, 13, 13], cells: 6),
        // No published table: the finest grid of at most 10,000 values, or the whole map.
        Case(architecture: .vgg16, layer: "conv1", shape: [64, 224, 224], cells: 12),
        Case(architecture: .resnet18, layer: "layer4", shape: [512, 7, 7], cells: 4),
        Case(architecture: .resnet18, layer: "layer4", shape: [512, 2, 2], cells: 2),
        // The published windows fit maps of 224-pixel images only.
        Case(architecture: .resnet50, layer: "layer1", shape: [256, 16, 16], cells: 6),
    ])
    func theProtocolOfLinearProbes(test: Case) {
        let pooling = SpatialPooling.linearProtocol(test.architecture, layer: test.layer, shape: test.shape)
        let pooled = pooling(Tensor.ones([1] + test.shape))
        #expect(pooled.shape == [1, test.shape[0], test.cells * test.cells])
        #expect(test.shape[0] * test.cells * test.cells <= 10_000)
    }

    @Test func vectorsStayAsTheyAre() {
        #expect(SpatialPooling.linearProtocol(.resnet50, layer: "avgpool", shape: [2048]) == .average)
    }
}
