import Datasets
import Foundation
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct CIFARBinaryTests {
    /// A record whose red plane is all 10, green 20, blue the position's column.
    private func record(label: [UInt8]) -> [UInt8] {
        label + [UInt8](repeating: 10, count: 1024) + [UInt8](repeating: 20, count: 1024)
            + (0..<1024).map { UInt8($0 % 32) }
    }

    @Test func trainAndTest() throws {
        let folder = try TemporaryFolder()
        try folder.write(Data(record(label: [3]) + record(label: [0])), "data_batch_1.bin")
        try folder.write(Data(record(label: [9])), "data_batch_2.bin")
        try folder.write(Data(record(label: [5])), "test_batch.bin")
        #expect(CIFARBinary.isFound(in: folder.path))
        let train = try CIFARBinary(folder: folder.path, split: .train)
        #expect((0..<train.count).map(train.label) == [3, 0, 9])
        #expect(
            (0..<train.count).map(train.name) == ["data_batch_1.bin/0", "data_batch_1.bin/1", "data_batch_2.bin/0"])
        #expect(train.classes == (0..<10).map(String.init))
        let image = try #require(train.pixels(2))
        #expect(image.size == ImageSize(width: 32, height: 32))
        #expect(image[5, 7] == Color(red: 10, green: 20, blue: 5))
        #expect(try Image.decode(train.data(2), name: "png") == image)
        #expect(try CIFARBinary(folder: folder.path, split: .test).label(0) == 5)
    }

    @Test func fineLabelsOfAHundredClasses() throws {
        let folder = try TemporaryFolder()
        try folder.write(Data(record(label: [19, 99])), "train.bin")
        try folder.write(Data((0..<100).map { "class\($0)\n" }.joined().utf8), "fine_label_names.txt")
        let train = try CIFARBinary(folder: folder.path, split: .train)
        #expect(train.label(0) == 99 && train.classes[99] == "class99")
        #expect(train.pixels(0)?[31, 0] == Color(red: 10, green: 20, blue: 31))
    }

    @Test func theLoaderTakesPixels() throws {
        let folder = try TemporaryFolder()
        try folder.write(Data(record(label: [3]) + record(label: [0])), "data_batch_1.bin")
        let train = try CIFARBinary(folder: folder.path, split: .train)
        let loader = BatchLoader(
            train.limited(to: 2), order: [1, 0], batchSize: 2, pipeline: ImagePipeline([]), seed: 0, epoch: 0)
        let batch = try #require(try loader.next())
        #expect(batch.labels == [0, 3] && batch.pixels == train.pixels(1)!.pixels + train.pixels(0)!.pixels)
    }

    @Test func refusals() throws {
        let folder = try TemporaryFolder()
        func problem(_ split: CIFARBinary.Split = .train) -> String? {
            let error = #expect(throws: InputError.self) { try CIFARBinary(folder: folder.path, split: split) }
            return error?.problem
        }
        #expect(problem() == "has no data_batch_*.bin")
        #expect(problem(.test)?.contains("No such file") == true)
        try folder.write(Data(record(label: [3]).dropLast()), "data_batch_1.bin")
        #expect(problem()?.contains("no multiple of a record's 3073") == true)
        try folder.write(Data(record(label: [3]) + record(label: [10])), "data_batch_1.bin")
        #expect(problem() == "record 1 has the label 10")
    }
}
