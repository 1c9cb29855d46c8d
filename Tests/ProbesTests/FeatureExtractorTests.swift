import Backbone
import Datasets
import Foundation
import Imaging
import Probes
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.training), .tiered, .serialized) struct FeatureExtractorTests {
    private func extract(
        _ network: PretrainedNetwork, count: Int = 9, layer: String? = nil, batch: Int = 4, workers: Int = 2,
        normalizes: Bool = true
    ) throws -> FeatureTable {
        var extractor = try FeatureExtractor(network, layer: layer)
        extractor.batch = batch
        extractor.workers = workers
        extractor.normalizes = normalizes
        return try extractor.extract(NoiseImages(count: count))
    }

    @Test func rowsHaveUnitLength() throws {
        let table = try extract(smallNetwork())
        #expect(table.count == 9 && table.dimension == 512 && table.features.count == 9 * 512)
        #expect(table.labels == [0, 1, 0, 1, 0, 1, 0, 1, 0] && table.classes == ["a", "b"])
        #expect(table.names == (0..<9).map { "\($0).png" })
        for row in 0..<9 {
            let square = table.features[row * 512..<row * 512 + 512].reduce(0) { $0 + Double($1) * Double($1) }
            #expect(abs(square - 1) < 1e-6)
        }
        #expect(table.protocolJSON["layer"] == "avgpool" && table.protocolJSON["l2_normalized"] == true)
        #expect(table.protocolJSON["image_size"] == 16 && table.protocolJSON["objective"] == "random")
        #expect(Set(stride(from: 0, to: table.features.count, by: 512).map { table.features[$0] }).count == 9)
    }

    @Test func workersChangeNothing() throws {
        let network = smallNetwork()
        let tables = try [0, 1, 3].map { try extract(network, workers: $0).features }
        #expect(tables[0] == tables[1] && tables[1] == tables[2])
    }

    // Kernels for other batch sizes may sum in another order: float32 through 18 layers, 1e-5 of the length 1.
    @Test(arguments: [1, 3, 9, 64]) func batchesChangeNothing(batch: Int) throws {
        let network = smallNetwork()
        let (one, other) = (try extract(network, batch: 4), try extract(network, batch: batch))
        #expect(zip(one.features, other.features).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(one.features.count == other.features.count)
    }

    @Test func earlierLayersAreAveragedOverTheirArea() throws {
        let network = smallNetwork()
        let table = try extract(network, count: 3, layer: "layer2", normalizes: false)
        #expect(table.dimension == 128)
        var random = RandomStream(0)
        let image = try FeatureExtractor.testPipeline(imageSize: 16).load(
            NoiseImages(count: 3).data(1), name: "1", random: &random)
        let map = try #require(
            withoutGradients {
                network.network.layer(
                    "layer2",
                    network.description.normalization(image.pixels, count: 1, height: 16, width: 16, device: .cpu))
            })
        let expected = withoutGradients { map.mean([2, 3]).floats }
        #expect(zip(table.features[128..<256], expected).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(expected.contains { $0 > 0.01 })
    }

    @Test func theEmbeddingIsThePreferredLayer() throws {
        try withTemporaryFile { path in
            let scope = Scope(seed: 5)
            let config = NetworkConfig(.resnet18, stem: .cifar)
            _ = config.makeNetwork(scope)
            _ = Linear(scope / "projection", in: 512, out: 12)
            let description = WeightDescription(
                config: config, normalization: .cifar10, imageSize: 16, objective: "instance")
            try WeightFile.write(scope.parameters, description, to: path)
            let network = try PretrainedNetwork(path: path)
            #expect(network.defaultLayer == PretrainedNetwork.embeddingLayer)
            let table = try extract(network, count: 2, normalizes: false)
            #expect(table.dimension == 12)
            #expect(abs(table.features.prefix(12).reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
            #expect(try extract(network, count: 2, layer: "avgpool").dimension == 512)
        }
    }

    @Test func anUnknownLayerIsNamed() {
        let error = #expect(throws: InputError.self) { try FeatureExtractor(smallNetwork(), layer: "conv9") }
        #expect(error?.subject == "the layer conv9")
        #expect(error?.remedy.contains("layer4, avgpool") == true)
        // Without a projection there is no embedding.
        #expect(throws: InputError.self) { try FeatureExtractor(smallNetwork(), layer: "embedding") }
    }

    @Test func noImagesAreAnError() {
        let error = #expect(throws: InputError.self) { try extract(smallNetwork(), count: 0) }
        #expect(error?.description.hasPrefix("noise: has no images") == true)
    }

    @Test func testImagesAreTheMiddle() {
        #expect(
            FeatureExtractor.testPipeline(imageSize: 224).steps
                == [.resizeShortSide(256), .centerCrop(ImageSize(width: 224, height: 224))])
        #expect(
            FeatureExtractor.testPipeline(imageSize: 32).steps
                == [.resizeShortSide(32), .centerCrop(ImageSize(width: 32, height: 32))])
    }
}
