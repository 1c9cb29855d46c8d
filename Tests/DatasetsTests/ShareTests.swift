import Datasets
import Foundation
import Imaging
import Support
import TestSupport
import Testing

/// What several processes look at is together what one would.
@Suite(.tags(.unit), .tiered) struct ShareTests {
    private struct Numbers: ImageCollection {
        var count: Int
        var classes: [String] { [] }
        var source: String { "numbers" }
        func name(_ i: Int) -> String { "\(i)" }
        func label(_ i: Int) -> Int? { nil }
        func data(_ i: Int) throws -> Data { Data() }
        func pixels(_ i: Int) throws -> Image? {
            Image(size: ImageSize(width: 4, height: 4), color: Color(red: UInt8(i), green: 0, blue: 0))
        }
    }

    private let pipeline = ImagePipeline([.centerCrop(ImageSize(width: 4, height: 4))])

    @Test(arguments: [1, 2, 3, 6]) func sharesOfABatchMakeUpTheBatch(_ size: Int) throws {
        let data = Numbers(count: 29)
        func batches(_ share: Share) -> EpochBatches {
            EpochBatches(data, batchSize: 12, views: [pipeline], seed: 3, workers: 1, share: share)
        }
        let whole = batches(.whole)
        let shares = (0..<size).map { batches(Share(rank: $0, of: size)) }
        #expect(whole.stepsPerEpoch == 2)
        for step in 0..<6 {
            let expected = try whole.batch(atStep: step)
            let parts = try shares.map { try $0.batch(atStep: step) }
            #expect(parts.flatMap(\.indices) == expected.indices)
            #expect(parts.flatMap(\.pixels) == expected.pixels)
            #expect(parts.allSatisfy { $0.count == 12 / size })
        }
    }

    @Test(arguments: [1, 2, 3, 5]) func batchesOfATestAreThoseOfOneProcess(_ size: Int) throws {
        let data = Numbers(count: 26)
        let batches = TestBatches(batchSize: 8, pipeline: pipeline, workers: 1)
        var expected: [[Int]] = []
        try batches.forEach(of: data, progress: { _ in }) { expected.append($0.indices) }
        var rounds = [[[Int]?]](repeating: [], count: size)
        for rank in 0..<size {
            try batches.forEach(of: data, share: Share(rank: rank, of: size), progress: { _ in }) { batch in
                rounds[rank].append(batch?.indices)
                return 1
            }
        }
        // All are asked equally often, and round by round their batches are in order.
        #expect(Set(rounds.map(\.count)).count == 1)
        let together = rounds[0].indices.flatMap { round in rounds.compactMap { $0[round] } }
        #expect(together == expected)
    }
}
