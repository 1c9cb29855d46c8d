import Backbone
import Datasets
import Foundation
import Imaging
import Probes
import Support
import TestSupport
import Testing
import Torch

/// The same images, of which one is no picture.
private struct DamagedImages: ImageCollection {
    let base = NoiseImages(count: 6)
    var count: Int { base.count }
    var classes: [String] { base.classes }
    let source = "damaged"

    func name(_ i: Int) -> String { base.name(i) }
    func label(_ i: Int) -> Int? { base.label(i) }
    func data(_ i: Int) throws -> Data { i == 3 ? Data("no picture".utf8) : try base.data(i) }
}

@Suite(.tags(.training), .tiered, .serialized) struct FeatureFileTests {
    private func extractor(_ layer: String? = nil, _ pooling: PoolingRule = .average) throws -> FeatureExtractor {
        var extractor = try FeatureExtractor(smallNetwork(), layer: layer)
        extractor.batch = 4
        extractor.pooling = pooling
        extractor.normalizes = false
        return extractor
    }

    /// Streamed batch by batch, the file holds what memory would; bfloat16 is the nearest of each value.
    @Test(arguments: Precision.allCases) func theFileHoldsWhatMemoryWould(type: Precision) throws {
        try withTemporaryFile { path in
            let data = NoiseImages(count: 9)
            let extractor = try extractor("layer1")
            let table = try extractor.extract(data)
            var reports: [Int] = []
            let written = try extractor.write(data, to: path, dtype: type.dtype) { reports.append($0) }
            #expect(written.count == 9 && written.dimension == 64 && reports == [4, 8, 9])
            let read = try FeatureTable(path: path)
            let expected = Tensor(table.features).to(dtype: type.dtype).floats
            #expect(read.features == expected && read.dimension == 64)
            #expect(read.labels == table.labels && read.names == table.names && read.classes == table.classes)
            #expect(read.protocolJSON == table.protocolJSON && written.protocolJSON == table.protocolJSON)
            let file = try SafetensorsFile(path: path)
            #expect(
                file["features"]?.dtype == type.dtype && file.entries.map(\.name) == ["features", "labels", "names"])
        }
    }

    @Test func poolingDecidesTheDimension() throws {
        // Maps of 16-pixel images: layer1 [64, 16, 16], of which 12 x 12 cells stay under 10,000 values.
        let data = NoiseImages(count: 2)
        for (pooling, dimension) in [(PoolingRule.average, 64), (.linear, 64 * 144), (.none, 64 * 256)] {
            let table = try extractor("layer1", pooling).extract(data)
            #expect(table.dimension == dimension && table.features.count == 2 * dimension)
            #expect(table.protocolJSON["pool"]?.stringValue == pooling.rawValue)
        }
        // The mean of all cells is the average.
        let (all, mean) = (try extractor("layer1", .none).extract(data), try extractor("layer1").extract(data))
        let first = all.features.prefix(256).reduce(0, +) / 256
        #expect(abs(first - mean.features[0]) < 1e-5 * max(1, abs(first)))
    }

    @Test func aDamagedImageLeavesNoFile() throws {
        try withTemporaryFile { path in
            #expect(throws: InputError.self) { try extractor().write(DamagedImages(), to: path) }
            let left = try Files.list(path.parentFolder)
            #expect(left.isEmpty)
        }
    }

    @Test func skippedImagesLeaveNoGap() throws {
        try withTemporaryFile { path in
            var extractor = try extractor()
            extractor.onBadImage = .skip { _ in }
            let written = try extractor.write(DamagedImages(), to: path)
            let read = try FeatureTable(path: path)
            #expect(written.count == 5 && read.count == 5 && read.features.count == 5 * 512)
            #expect(read.names == ["0.png", "1.png", "2.png", "4.png", "5.png"] && read.labels == [0, 1, 0, 0, 1])
            let whole = try self.extractor().extract(NoiseImages(count: 6))
            // The rest of its batch may be summed in another order: float32 through 18 layers.
            let expected = whole.features.suffix(512)
            #expect(zip(read.features.suffix(512), expected).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }

    /// bfloat16 inside: each of 18 layers rounds to 2⁻⁹ of its values.
    @Test func halfPrecisionIsNear() throws {
        var extractor = try extractor("avgpool")
        let exact = try extractor.extract(NoiseImages(count: 4)).features
        extractor.precision = .bf16
        let near = try extractor.extract(NoiseImages(count: 4)).features
        let error = zip(exact, near).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let size = exact.reduce(0) { $0 + $1 * $1 }
        #expect((error / size).squareRoot() < 0.03 && near != exact)
    }
}
