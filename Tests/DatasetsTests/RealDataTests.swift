import Datasets
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.realData), .tiered) struct RealDataTests {
    @Test(.needsData("VOCdevkit"))
    func vocImagesLoad() throws {
        let images = try ImageFolder(path: TestData.path("VOCdevkit/VOC2007/JPEGImages"))
        #expect(images.count == 1000)
        #expect(images.classes.isEmpty)
        let pipeline = ImagePipeline([
            .randomResizedCrop(size: ImageSize(width: 64, height: 64), scale: 0.2...1, ratio: 0.75...(4.0 / 3))
        ])
        func run(_ workers: Int) throws -> [HostBatch] {
            let loader = BatchLoader(
                images, order: Array(0..<200), batchSize: 64, pipeline: pipeline, seed: 1, epoch: 0, workers: workers)
            var batches: [HostBatch] = []
            while let batch = try loader.next() { batches.append(batch) }
            return batches
        }
        #expect(try run(2) == run(1))
    }

    @Test(.needsData("cifar10"))
    func cifarIsAFolderOfClasses() throws {
        let error = #expect(throws: InputError.self) { try ImageFolder(path: TestData.path("cifar10")) }
        #expect(error?.problem.contains("splits") == true)
        let images = try ImageFolder(path: TestData.path("cifar10/test"))
        #expect(images.count == 10_000)
        #expect(images.classes.count == 10)
        #expect(try ImageHeader.read(images.path(0)).size == ImageSize(width: 32, height: 32))
    }
}
