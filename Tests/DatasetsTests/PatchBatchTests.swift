import Datasets
import Foundation
import Imaging
import Support
import TestSupport
import Testing

/// Images whose pixel at (x, y) is (x, y, index).
private struct Coordinates: ImageCollection {
    var count: Int
    var classes: [String] { [] }
    var source: String { "made" }
    func name(_ i: Int) -> String { "\(i).png" }
    func label(_ i: Int) -> Int? { nil }
    func data(_ i: Int) throws -> Data {
        var image = Image(size: ImageSize(width: 24, height: 24))
        for y in 0..<24 { for x in 0..<24 { image[x, y] = Color(red: UInt8(x), green: UInt8(y), blue: UInt8(i)) } }
        return try image.encodedPNG()
    }
}

@Suite(.tags(.unit), .tiered) struct PatchBatchTests {
    private func batches(
        _ cut: PatchCut?, epoch: Int = 0, workers: Int = 0, startBatch: Int = 0
    ) throws -> [HostBatch] {
        let loader = BatchLoader(
            Coordinates(count: 40), order: Array(0..<40), batchSize: 20,
            views: [
                ImagePipeline([
                    .randomCrop(size: ImageSize(width: 21, height: 21), padding: 0),
                    .randomHorizontalFlip(probability: 0.5),
                ])
            ], cut: cut, defersChanges: true, seed: 3, epoch: epoch, workers: workers, startBatch: startBatch)
        var batches: [HostBatch] = []
        while let batch = try loader.next() { batches.append(batch) }
        return batches
    }

    /// All patches of an image come from one crop, mirrored as a whole; workers and where a loader begins change nothing.
    @Test func patchesAreOfOnePicture() throws {
        let cut = PatchCut.tiles(grid: 3, side: 5, jitter: 2, choices: 64)
        let all = try batches(cut)
        #expect(try batches(cut, workers: 3) == all && batches(cut, workers: 1, startBatch: 1) == [all[1]])
        #expect(try batches(cut, epoch: 1) != all)
        var mirrored = 0
        for batch in all {
            #expect(batch.viewCount == 9 && batch.size == ImageSize(width: 5, height: 5) && batch.changes.isEmpty)
            #expect(batch.choices.count == 20 && Set(batch.choices).count > 8)
            for sample in 0..<20 {
                func pixel(_ tile: Int, _ offset: Int) -> ArraySlice<UInt8> {
                    let start = ((tile * 20 + sample) * 25 + offset) * 3
                    return batch.pixels[start..<start + 3]
                }
                let corners = (0..<9).map { Array(pixel($0, 0)).map(Int.init) }
                let next = Array(pixel(0, 1)).map(Int.init)
                let isMirrored = next[0] < corners[0][0]
                if isMirrored { mirrored += 1 }
                #expect(corners.allSatisfy { $0[2] == batch.indices[sample] })
                for tile in 0..<9 {
                    let across = (corners[tile][0] - corners[tile / 3 * 3][0]) * (isMirrored ? -1 : 1)
                    #expect(abs(across - tile % 3 * 7) <= 2)
                    #expect(abs(corners[tile][1] - corners[tile % 3][1] - tile / 3 * 7) <= 2)
                }
            }
        }
        #expect((5..<35).contains(mirrored))
    }

    /// The crop that is cut is the one that would be seen whole: patches draw after it, from the same stream.
    @Test func theCropIsThatOfAWholeView() throws {
        let whole = try batches(.tiles(grid: 1, side: 21, jitter: 0, choices: 1))
        let plain = try batches(nil)
        for (a, b) in zip(whole, plain) {
            #expect(a.indices == b.indices && a.choices == [Int](repeating: 0, count: 20) && b.choices.isEmpty)
            let changed = (0..<b.count).flatMap { sample -> [UInt8] in
                let length = b.size.pixelCount * 3
                let image = Image(size: b.size, pixels: Array(b.pixels[sample * length..<(sample + 1) * length]))
                return b.changes[sample].reduce(image) { $0.applying($1) }.pixels
            }
            #expect(a.pixels == changed)
        }
    }
}
