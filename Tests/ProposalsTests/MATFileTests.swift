import Boxes
import Proposals
import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct MATFileTests {
    private let golden = Golden.path("proposals.mat")

    /// Builds files by hand, so that each length can be wrong.
    private struct Writer {
        var isBig = false

        func word(_ value: UInt32) -> [UInt8] {
            let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return isBig ? bytes.reversed() : bytes
        }

        func element(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
            word(type) + word(UInt32(body.count)) + body + [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
        }

        func doubles(_ values: [Double]) -> [UInt8] {
            values.flatMap { value in
                let bytes = (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
                return isBig ? bytes.reversed() : bytes
            }
        }

        func matrix(_ kind: UInt32, _ sizes: [Int32], name: String = "", _ rest: [UInt8]) -> [UInt8] {
            element(
                14,
                element(6, word(kind) + word(0)) + element(5, sizes.flatMap { word(UInt32(bitPattern: $0)) })
                    + element(1, Array(name.utf8)) + rest)
        }

        func file(_ elements: [UInt8]) -> Data {
            Data(
                [UInt8](repeating: 0x20, count: 124) + (isBig ? [1, 0, 0x4D, 0x49] : [0, 1, 0x49, 0x4D]) + elements)
        }
    }

    private func matrix(_ value: MATFile.Value?) throws -> MATMatrix {
        guard case .matrix(let matrix)? = value else { throw InputError("test", "is no matrix") }
        return matrix
    }

    @Test func readsWhatScipyCompresses() throws {
        let file = try MATFile(contentsOf: golden)
        #expect(file.variables.map(\.name) == ["note", "boxes", "images"])
        guard case .text("text")? = file["note"], case .cells(let cells)? = file["boxes"] else {
            Issue.record("wrong kinds")
            return
        }
        let first = try matrix(cells[0])
        #expect(first.rows == 2 && first.columns == 4)
        #expect((0..<2).map { row in (0..<4).map { first[row, $0] } } == [[1, 2, 30, 40], [5, 6, 7, 8]])
        #expect(try matrix(cells[1]).rows == 0)
        #expect(try matrix(cells[2])[0, 0] == 1.5)
    }

    @Test(arguments: [false, true])
    func readsBothByteOrdersColumnByColumn(isBig: Bool) throws {
        let writer = Writer(isBig: isBig)
        let data = writer.file(
            writer.matrix(6, [2, 2], name: "m", writer.element(9, writer.doubles([1, 2, 3, -4.5]))))
        let read = try matrix(try MATFile(data, name: "m.mat")["m"])
        #expect(read[0, 0] == 1 && read[1, 0] == 2 && read[0, 1] == 3 && read[1, 1] == -4.5)
    }

    // Small elements keep up to four bytes beside their tag: two uint8 in a 1x2 double matrix.
    @Test func readsSmallElementsOfNarrowTypes() throws {
        let writer = Writer()
        let small = writer.word(2 << 16 | 2) + [7, 250, 0, 0]
        let read = try matrix(try MATFile(writer.file(writer.matrix(6, [1, 2], name: "m", small)), name: "m")["m"])
        #expect(read[0, 0] == 7 && read[0, 1] == 250)
    }

    @Test func eachBrokenRuleIsAnError() throws {
        let writer = Writer()
        let numbers = writer.element(9, writer.doubles([1, 2]))
        func cells(_ depth: Int) -> [UInt8] {
            depth == 0 ? writer.matrix(6, [1, 2], numbers) : writer.matrix(1, [1, 1], cells(depth - 1))
        }
        let sound = writer.file(writer.matrix(6, [1, 2], name: "m", numbers))
        #expect(try MATFile(sound, name: "m").variables.count == 1)
        let broken: [(Data, String)] = [
            (Data(), "only 0 bytes"), (Data(count: 200), "no MATLAB 5 file"), (sound.dropLast(1), "cut short"),
            (sound + Data([1, 2, 3]), "ends inside a tag"),
            (writer.file(writer.matrix(6, [1, 3], numbers)), "1x3 numbers in 16 bytes"),
            (writer.file(writer.matrix(6, [-1, 2], numbers)), "negative dimension"),
            (writer.file(writer.matrix(6, [.max, .max, .max], numbers)), "endless"),
            (writer.file(writer.matrix(6, [.max, .max], numbers)), "numbers in 16 bytes"),
            (writer.file(writer.matrix(1, [1, 2], cells(0))), "2 cells with 1"),
            (writer.file(writer.matrix(1, [1, 1], cells(0) + cells(0))), "more than its 1 cells"),
            (writer.file(cells(9)), "deep"),
            (writer.file(writer.element(14, [1, 2, 3, 4, 5, 6, 7, 8])), "MATLAB file"),
            (writer.file(writer.element(15, Array("no zlib stream".utf8))), "damaged compressed part"),
        ]
        for (data, message) in broken {
            let error = #expect(throws: InputError.self, "\(message)") { try MATFile(data, name: "x.mat") }
            #expect(error?.description.contains(message) == true, "\(message): \(error?.description ?? "")")
        }
        // A compressed variable may not grow without bound.
        let bytes = try Data(contentsOf: URL(fileURLWithPath: golden))
        let error = #expect(throws: InputError.self) { try MATFile(bytes, name: "x.mat", maximumLength: 100) }
        #expect(error?.description.contains("more than") == true)
    }

    // The pixels 2 … 40 across and 1 … 30 down, counted from 1, whatever the notation.
    @Test(
        arguments: [
            (.y1x1y2x2, 1, true, [1, 2, 30, 40]), (.x1y1x2y2, 1, true, [2, 1, 40, 30]),
            (.x1y1x2y2, 0, true, [1, 0, 39, 29]), (.x1y1x2y2, 0, false, [1, 0, 40, 30]),
            (.x1y1x2y2, 1, false, [2, 1, 41, 31]), (.x1y1wh, 0, true, [1, 0, 39, 30]),
            (.x1y1wh, 1, true, [2, 1, 39, 30]),
            (.y1x1y2x2, 0, false, [0, 1, 30, 40]),
        ] as [(BoxNotation.Order, Int, Bool, [Double])])
    func everyNotationIsTheSameBox(order: BoxNotation.Order, base: Int, includesLast: Bool, numbers: [Double]) {
        let notation = BoxNotation(order: order, base: base, includesLast: includesLast)
        #expect(
            notation.box(numbers[0], numbers[1], numbers[2], numbers[3]) == Box(minX: 1, minY: 0, maxX: 40, maxY: 30))
    }

    private let released = BoxNotation(order: .y1x1y2x2, base: 1)

    @Test func imagesAreFoundByNameWhereTheFileNamesThem() throws {
        let proposals = try ForeignProposals(golden, format: .mat, notation: released, ids: ["000009", "000005"])
        #expect(
            try proposals.boxes(for: "000005") == [
                Box(minX: 1, minY: 0, maxX: 40, maxY: 30), Box(minX: 5, minY: 4, maxX: 8, maxY: 7),
            ])
        #expect(try proposals.boxes(for: "000007") == [])
        #expect(try proposals.boxes(for: "000001") == nil)
    }

    @Test func cellsWithoutNamesAreInTheOrderOfTheSet() throws {
        let writer = Writer()
        let cell = writer.matrix(6, [1, 4], writer.element(9, writer.doubles([1, 1, 2, 2])))
        let data = writer.file(writer.matrix(1, [1, 2], name: "boxes", cell + cell))
        try withTemporaryFolder { folder in
            let path = "\(folder)/set.mat"
            try Files.writeAtomically(data, to: path)
            let proposals = try ForeignProposals(path, format: .mat, notation: released, ids: ["b", "a"])
            #expect(try proposals.boxes(for: "a") == [Box(minX: 0, minY: 0, maxX: 2, maxY: 2)])
            let error = #expect(throws: InputError.self) {
                try ForeignProposals(path, format: .mat, notation: released, ids: ["a"])
            }
            #expect(error?.description.contains("2 images, but 1") == true)
        }
    }

    @Test func textIsReadAndItsErrorsNamed() throws {
        let notation = BoxNotation(order: .x1y1wh, base: 0)
        let text = "a 0 1 2 3\r\n\nb,4,5,6,7\na 1 1 1 1"
        let boxes = try BoxText.read(Data(text.utf8), name: "t", notation: notation)
        #expect(boxes["a"]?.count == 2 && boxes["b"] == [Box(minX: 4, minY: 5, maxX: 10, maxY: 12)])
        #expect(try BoxText.readOne(Data("0 1 2 3\n".utf8), name: "t", notation: notation).count == 1)
        for (bad, message) in [
            ("a 1 2 3", "t:1: has 4 columns"), ("a 1 2 3 4\na 1 2 x 4", "t:2: \"x\""), ("a 1 2 inf 4", "finite"),
        ] {
            let error = #expect(throws: InputError.self) {
                try BoxText.read(Data(bad.utf8), name: "t", notation: notation)
            }
            #expect(error?.description.contains(message) == true)
        }
    }

    @Test func importingCutsAtTheFrameAndCounts() {
        var report = ProposalImport()
        let boxes = report.add(
            [
                Box(minX: 0, minY: 0, maxX: 10, maxY: 10), Box(minX: -5, minY: 0, maxX: 5, maxY: 5),
                Box(minX: 20, minY: 0, maxX: 30, maxY: 5), Box(minX: 5, minY: 0, maxX: 2, maxY: 5),
                Box(minX: .nan, minY: 0, maxX: 2, maxY: 5),
            ], width: 10, height: 10)
        #expect(boxes == [Box(minX: 0, minY: 0, maxX: 10, maxY: 10), Box(minX: 0, minY: 0, maxX: 5, maxY: 5)])
        #expect(report.images == 1 && report.boxes == 2 && report.clipped == 1 && report.dropped == 3)
    }
}
