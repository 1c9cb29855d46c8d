import Datasets
import Foundation
import Imaging
import Support
import Synchronization
import TestSupport
import Testing

/// Images made from their index: PNG files of one colour, some of them damaged.
private struct MadeCollection: ImageCollection {
    var count: Int
    var bad: Set<Int> = []
    var sizes: [Int: ImageSize] = [:]
    var classes: [String] { ["even", "odd"] }
    var source: String { "made" }
    func name(_ i: Int) -> String { "\(i).png" }
    func label(_ i: Int) -> Int? { i % 2 }
    func data(_ i: Int) throws -> Data {
        if bad.contains(i) { return Data("broken".utf8) }
        let size = sizes[i] ?? ImageSize(width: 12, height: 8)
        return try Image(size: size, color: Color(red: UInt8(i % 256), green: 50, blue: 200)).encodedPNG()
    }
}

@Suite(.tags(.unit), .tiered, .serialized) struct BatchLoaderTests {
    private static let pipeline = ImagePipeline([
        .randomResizedCrop(size: ImageSize(width: 6, height: 4), scale: 0.2...1, ratio: 0.75...(4.0 / 3)),
        .colorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.4),
    ])

    private func all(_ loader: BatchLoader) throws -> [HostBatch] {
        var batches: [HostBatch] = []
        while let batch = try loader.next() { batches.append(batch) }
        return batches
    }

    private func loader(
        _ collection: MadeCollection, batchSize: Int = 20, dropLast: Bool = false,
        pipeline: ImagePipeline = Self.pipeline, epoch: Int = 3, workers: Int, startBatch: Int = 0,
        onBadImage: BadImagePolicy = .stop
    ) -> BatchLoader {
        BatchLoader(
            collection, order: EpochSampler(count: collection.count, seed: 5, epoch: epoch).order,
            batchSize: batchSize, dropLast: dropLast, pipeline: pipeline, seed: 5, epoch: epoch, workers: workers,
            startBatch: startBatch, onBadImage: onBadImage)
    }

    @Test func workersChangeNothing() throws {
        let collection = MadeCollection(count: 130)
        let expected = try all(loader(collection, workers: 0))
        #expect(expected.map(\.count) == [20, 20, 20, 20, 20, 20, 10])
        #expect(expected.flatMap(\.indices).sorted() == Array(0..<130))
        #expect(expected.flatMap(\.indices) != Array(0..<130))
        for batch in expected { #expect(batch.labels == batch.indices.map { $0 % 2 }) }
        for workers in [1, 3] { #expect(try all(loader(collection, workers: workers)) == expected) }
        #expect(try all(loader(collection, epoch: 4, workers: 1)) != expected)
    }

    /// The first view is the single one of other trainings; the second is another draw of the same image; whoever makes them,
    /// and wherever a loader begins.
    @Test func viewsAreDrawnEachForItself() throws {
        let collection = MadeCollection(count: 50, bad: [3])
        func batches(_ views: Int, workers: Int, startBatch: Int = 0, defers: Bool = false) throws -> [HostBatch] {
            try all(
                BatchLoader(
                    collection, order: EpochSampler(count: 50, seed: 5, epoch: 3).order, batchSize: 20,
                    views: Array(repeating: Self.pipeline, count: views), defersChanges: defers, seed: 5, epoch: 3,
                    workers: workers, startBatch: startBatch, onBadImage: .skip { _ in }))
        }
        let (one, two) = (try batches(1, workers: 0), try batches(2, workers: 0))
        for (one, two) in zip(one, two) {
            #expect(two.viewCount == 2 && two.indices == one.indices && two.pixels.count == 2 * one.pixels.count)
            let (first, second) = (two.pixels.prefix(one.pixels.count), two.pixels.suffix(one.pixels.count))
            #expect(Array(first) == one.pixels && first != second)
        }
        #expect(try batches(2, workers: 3) == two)
        #expect(try batches(2, workers: 1, startBatch: 1) == Array(two.dropFirst()))
        let put = try batches(2, workers: 2, defers: true)
        #expect(put.allSatisfy { $0.changes.count == 2 * $0.count })
        #expect(put[0].changes[0] != put[0].changes[put[0].count])
    }

    /// What was put off, done afterwards, gives the batch of the whole pipeline.
    @Test(arguments: [0, 2]) func changesMayBePutOff(workers: Int) throws {
        let collection = MadeCollection(count: 50, bad: [3, 31])
        let whole = try all(loader(collection, workers: 0, onBadImage: .skip { _ in }))
        #expect(whole.reduce(0) { $0 + $1.count } == 48)
        let order = EpochSampler(count: 50, seed: 5, epoch: 3).order
        let put = try all(
            BatchLoader(
                collection, order: order, batchSize: 20, pipeline: Self.pipeline, defersChanges: true, seed: 5,
                epoch: 3, workers: workers, onBadImage: .skip { _ in }))
        #expect(whole.allSatisfy { $0.changes.isEmpty })
        for (whole, put) in zip(whole, put) {
            #expect(put.indices == whole.indices && put.labels == whole.labels && put.size == whole.size)
            #expect(put.pixels != whole.pixels && put.changes.count == put.count)
            let bytes = put.size.pixelCount * 3
            let changed = put.changes.enumerated().flatMap { number, changes in
                let pixels = Array(put.pixels[number * bytes..<(number + 1) * bytes])
                return changes.reduce(Image(size: put.size, pixels: pixels)) { $0.applying($1) }.pixels
            }
            #expect(changed == whole.pixels)
        }
    }

    @Test(arguments: [1, 16, 17, 40, 200])
    func batchSizes(batchSize: Int) throws {
        let collection = MadeCollection(count: 50)
        let batches = try all(loader(collection, batchSize: batchSize, workers: 2))
        #expect(batches.flatMap(\.indices) == EpochSampler(count: 50, seed: 5, epoch: 3).order)
        let full = try all(loader(collection, batchSize: batchSize, dropLast: true, workers: 2))
        #expect(full == batches.filter { $0.count == batchSize })
    }

    @Test(arguments: 0...7)
    func resumesInMidEpoch(startBatch: Int) throws {
        let collection = MadeCollection(count: 130)
        let whole = try all(loader(collection, workers: 0))
        let resumed = loader(collection, workers: 2, startBatch: startBatch)
        #expect(resumed.position == startBatch)
        #expect(resumed.batchCount == 7)
        #expect(try all(resumed) == Array(whole.dropFirst(startBatch)))
        #expect(resumed.position == 7)
    }

    @Test(arguments: [0, 1, 3])
    func errorsComeInOrder(workers: Int) throws {
        let order = EpochSampler(count: 100, seed: 5, epoch: 3).order
        // Both in the third batch; the first in order is reported.
        let collection = MadeCollection(count: 100, bad: [order[50], order[57]])
        let loader = loader(collection, workers: workers)
        _ = try loader.next()
        _ = try loader.next()
        for _ in 0..<2 {
            let error = #expect(throws: InputError.self) { try loader.next() }
            #expect(error?.subject == "made/\(order[50]).png")
        }
    }

    @Test(arguments: [0, 1, 3])
    func skipsBadImages(workers: Int) throws {
        let order = EpochSampler(count: 60, seed: 5, epoch: 3).order
        let good = try all(loader(MadeCollection(count: 60), workers: 0))
        let reports = Mutex<[String]>([])
        let collection = MadeCollection(count: 60, bad: [order[3], order[41], order[22]])
        let loader = loader(
            collection, workers: workers, onBadImage: .skip(report: { text in reports.withLock { $0.append(text) } }))
        let batches = try all(loader)
        #expect(batches.map(\.count) == [19, 19, 19])
        #expect(loader.skippedCount == 3)
        let names = reports.withLock { $0.map { String($0.prefix { $0 != ":" }) } }
        #expect(names == [order[3], order[22], order[41]].map { "made/\($0).png" })
        // The others are what they would have been.
        let imageBytes = 6 * 4 * 3
        #expect(batches[0].pixels.prefix(3 * imageBytes) == good[0].pixels.prefix(3 * imageBytes))
        #expect(batches[0].pixels.suffix(16 * imageBytes) == good[0].pixels.suffix(16 * imageBytes))
        #expect(batches[0].indices == order[0..<20].filter { $0 != order[3] })
    }

    /// What is left does not depend on how images meet in batches.
    @Test(arguments: [1, 2, 20]) func aBatchOfBadImagesIsPassedOver(batchSize: Int) throws {
        let loader = loader(
            MadeCollection(count: 6, bad: [0, 1, 2, 3]), batchSize: batchSize, workers: 1,
            onBadImage: .skip(report: { _ in }))
        #expect(Set(try all(loader).flatMap(\.indices)) == [4, 5])
        #expect(loader.skippedCount == 4)
        let none = self.loader(MadeCollection(count: 2, bad: [0, 1]), workers: 0, onBadImage: .skip { _ in })
        #expect(try none.next() == nil && none.skippedCount == 2)
    }

    @Test func aTrainingStepWithoutImagesIsAnError() throws {
        let batches = EpochBatches(
            MadeCollection(count: 4, bad: [0, 1, 2, 3]), batchSize: 2, views: [Self.pipeline], seed: 1, workers: 0,
            onBadImage: .skip { _ in })
        #expect(throws: InputError.self) { try batches.batch(atStep: 0) }
    }

    /// A damaged image is used and named, one that holds nothing is left out and named; whatever the workers.
    @Test(arguments: [0, 2]) func damagedImagesAreUsed(workers: Int) throws {
        let folder = try TemporaryFolder()
        let picture = Image(size: ImageSize(width: 40, height: 30), color: Color(red: 9, green: 200, blue: 40))
        try folder.write(try picture.encodedJPEG(), "1.jpg")
        try folder.write(try picture.encodedJPEG().dropLast(30), "2.jpg")
        try folder.write(Data("<html>".utf8), "3.jpg")
        let images = try ImageFolder(path: folder.path, cache: nil)
        let reports = Mutex<[String]>([])
        let policy = BadImagePolicy.use { text in reports.withLock { $0.append(text) } }
        let loader = BatchLoader(
            images, order: [0, 1, 2], batchSize: 2, pipeline: ImagePipeline([.resize(ImageSize(width: 4, height: 4))]),
            seed: 0, epoch: 0, workers: workers, onBadImage: policy)
        #expect(try all(loader).flatMap(\.indices) == [0, 1] && loader.skippedCount == 1)
        let texts = reports.withLock { $0 }
        #expect(texts.count == 2 && texts[0].hasPrefix("what there is of \(folder.path)/2.jpg: is truncated"))
        #expect(texts[1].hasPrefix("nothing of \(folder.path)/3.jpg: is neither"))
        #expect(try images.readable(policy, threads: 1 + workers) == [0, 1])
        #expect(try images.readable(.skip { _ in }, threads: 1 + workers) == [0])
        #expect(try images.readable(.stop, threads: 1 + workers) == [0, 1, 2])
        #expect(throws: InputError.self) { try images.image(1) }
        #expect(try DecodedImages(images, usesDamaged: true).subset([1]).image(0).size == picture.size)
    }

    /// As many of each class as there can be, the first ones, in the order of the collection.
    @Test func aLimitTakesFromAllClasses() throws {
        let folder = try TemporaryFolder()
        for name in ["a/1.png", "a/2.png", "a/3.png", "a/4.png", "b/1.png", "c/1.png", "c/2.png"] {
            try folder.writeImage(name, level: 1)
        }
        let images = try ImageFolder(path: folder.path, cache: nil)
        func names(_ limit: Int?) -> [String] {
            let part = images.limited(to: limit)
            return (0..<part.count).map(part.name)
        }
        #expect(names(1) == ["a/1.png"] && names(2) == ["a/1.png", "b/1.png"])
        #expect(names(5) == ["a/1.png", "a/2.png", "b/1.png", "c/1.png", "c/2.png"])
        #expect(names(6) == ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "c/1.png", "c/2.png"])
        #expect(names(nil).count == 7 && names(100).count == 7)
        let flat = try ImageFolder(path: "\(folder.path)/a", cache: nil).limited(to: 2)
        #expect((0..<flat.count).map(flat.name) == ["1.png", "2.png"])
    }

    @Test(arguments: [0, 2])
    func unequalSizesAreRefused(workers: Int) throws {
        let order = EpochSampler(count: 40, seed: 5, epoch: 3).order
        // In the first chunk of the batch, and in the second.
        for odd in [order[5], order[19]] {
            let collection = MadeCollection(count: 40, sizes: [odd: ImageSize(width: 9, height: 9)])
            let loader = loader(collection, pipeline: ImagePipeline([]), workers: workers)
            let error = #expect(throws: InputError.self) { try loader.next() }
            #expect(error?.subject == "made/\(odd).png")
        }
        let same = try all(loader(MadeCollection(count: 40), pipeline: ImagePipeline([]), workers: workers))
        #expect(same[0].size == ImageSize(width: 12, height: 8))
        #expect(same[0].pixels[0] == UInt8(same[0].indices[0]))
    }

    @Test func emptyOrder() throws {
        let loader = loader(MadeCollection(count: 0), workers: 2)
        #expect(loader.batchCount == 0)
        #expect(try loader.next() == nil)
    }

    /// In a process of its own: the threads are the process's, and other suites load images beside this one.
    @Test(.timeLimit(.minutes(10)))
    func droppedLoadersLeaveNoThreads() async {
        await #expect(processExitsWith: .success) {
            /// Threads that bear the name loaders give to theirs.
            func loaderThreads() -> Int {
                let tasks = (try? Files.list("/proc/self/task")) ?? []
                return tasks.count { task in
                    let name = try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
                    return name?.hasPrefix("image loader") ?? false
                }
            }
            func makeLoader() -> BatchLoader {
                BatchLoader(
                    MadeCollection(count: 500), order: Array(0..<500), batchSize: 20, pipeline: Self.pipeline, seed: 5,
                    epoch: 3, workers: 3)
            }
            for round in 0..<100 {
                let loader = makeLoader()
                if round % 2 == 0 { _ = try loader.next() }
            }
            // A thread takes a moment to get its name, and one that has been waited for to vanish.
            for _ in 0..<100 where loaderThreads() > 0 { try await Task.sleep(for: .milliseconds(20)) }
            #expect(loaderThreads() == 0)
            let alive = makeLoader()
            for _ in 0..<100 where loaderThreads() < 3 { try await Task.sleep(for: .milliseconds(20)) }
            #expect(loaderThreads() == 3)
            _ = try alive.next()
        }
    }

    @Test func workersRunAheadOnlySoFar() throws {
        struct Counting: ImageCollection {
            let base: MadeCollection
            let onFetch: @Sendable () -> Void
            var count: Int { base.count }
            var classes: [String] { [] }
            var source: String { "counting" }
            func name(_ i: Int) -> String { base.name(i) }
            func label(_ i: Int) -> Int? { nil }
            func data(_ i: Int) throws -> Data {
                onFetch()
                return try base.data(i)
            }
        }
        let counter = Counter()
        let collection = Counting(base: MadeCollection(count: 600)) { counter.increment() }
        let loader = BatchLoader(
            collection, order: Array(0..<600), batchSize: 20, pipeline: Self.pipeline, seed: 1, epoch: 0,
            workers: 3, prefetch: 2)
        #expect(try loader.next()?.labels == [Int](repeating: -1, count: 20))
        Thread.sleep(forTimeInterval: 0.3)
        // The batch taken and two ahead.
        #expect(counter.value == 60)
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func increment() { count.withLock { $0 += 1 } }
    }
}
