import Boxes
import Proposals
import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ProposalFileTests {
    @Test func roundTripInAnyOrder() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/boxes.bin"
            let writer = try ProposalFile.Writer(path: path, header: sampleProposalHeader)
            #expect(writer.missing == ["b", "a", "c"])
            try writer.append([], for: "c")
            try writer.append(sampleProposals(2), for: "a")
            #expect(writer.missing == ["b"])
            #expect(throws: InputError.self) { try writer.finish() }
            #expect(!Files.exists(path))
            try writer.append(sampleProposals(5), for: "b")
            #expect(try writer.boxes(for: "a") == sampleProposals(2))
            try writer.finish()
            #expect(try Files.list(folder) == ["boxes.bin"])

            let file = try ProposalFile(contentsOf: path)
            #expect(file.header == sampleProposalHeader)
            #expect(file.ids == ["b", "a", "c"])
            #expect(file.boxCount == 7)
            #expect(file.boxes(for: "b") == sampleProposals(5))
            #expect(file.boxes(for: "a") == sampleProposals(2))
            #expect(file.boxes(for: "c") == [])
            #expect(file.boxes(for: "d") == nil)
            #expect(file.boxes(at: 1) == sampleProposals(2))
        }
    }

    @Test func theOrderOfCompletionDoesNotShow() throws {
        try withTemporaryFolder { folder in
            let counts = ["a": 3, "b": 40, "c": 1]
            for (name, order) in [("1", ["a", "b", "c"]), ("2", ["c", "a", "b"])] {
                let writer = try ProposalFile.Writer(path: folder + "/" + name, header: sampleProposalHeader)
                for id in order { try writer.append(sampleProposals(counts[id] ?? 0), for: id) }
                try writer.finish()
            }
            #expect(try Files.read(folder + "/1") == Files.read(folder + "/2"))
        }
    }

    @Test func writesFromSeveralThreads() throws {
        try withTemporaryFolder { folder in
            let ids = (0..<200).map { "image\($0)" }
            let header = ProposalFile.Header(method: "m", options: [:], seed: .max, imageIDs: ids)
            let writer = try ProposalFile.Writer(path: folder + "/f", header: header)
            try parallelFor(ids.count, threads: 4) { try writer.append(sampleProposals($0 % 9), for: ids[$0]) }
            try writer.finish()
            let file = try ProposalFile(contentsOf: folder + "/f")
            #expect(file.header.seed == .max)
            for (index, id) in ids.enumerated() { #expect(file.boxes(for: id) == sampleProposals(index % 9)) }
        }
    }

    @Test func theBuilderOfTheMalformedCasesMakesSoundFiles() throws {
        try withTemporaryFolder { folder in
            try Files.writeAtomically(MalformedProposals().data, to: folder + "/f")
            #expect(
                try ProposalFile(contentsOf: folder + "/f").boxes(for: "b") == [
                    Box(minX: 1, minY: 2, maxX: 3, maxY: 4)
                ])
        }
    }

    @Test(arguments: MalformedProposals.all)
    func refuses(_ malformed: MalformedProposals) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/f"
            try Files.writeAtomically(malformed.data, to: path)
            let error = #expect(throws: InputError.self) { try ProposalFile(contentsOf: path) }
            #expect(error?.subject == path)
            #expect(error?.problem.contains(malformed.complaint) == true, "\(error?.problem ?? "")")
        }
    }

    @Test func refusesEveryTruncationAndEveryDamagedByte() throws {
        try withTemporaryFolder { folder in
            let sound = MalformedProposals().data
            for length in 0..<sound.count {
                try sound.prefix(length).write(to: URL(fileURLWithPath: folder + "/f"))
                #expect(throws: InputError.self) { try ProposalFile(contentsOf: folder + "/f") }
            }
            for place in 0..<sound.count {
                var damaged = sound
                damaged[place] ^= 0x10
                try damaged.write(to: URL(fileURLWithPath: folder + "/f"))
                #expect(throws: InputError.self) { try ProposalFile(contentsOf: folder + "/f") }
            }
        }
    }

    @Test func namesAFileThatIsNotThere() {
        let error = #expect(throws: InputError.self) { try ProposalFile(contentsOf: "/nowhere/f") }
        #expect(error?.subject == "/nowhere/f")
        #expect(throws: InputError.self) { try ProposalFile(contentsOf: "/") }
    }
}

/// A proposal file built by hand, one rule broken; the checksum fits unless said otherwise.
struct MalformedProposals: Sendable, CustomTestStringConvertible {
    var magic = "DETPROPS"
    var version: UInt32 = 1
    var headerLength: UInt64?
    var header = #"{"method":"m","options":{},"seed":"1","images":["a","b"],"counts":[0,1]}"#
    var boxes: [Float] = [1, 2, 3, 4]
    var checksum: UInt64?
    var trailing: [UInt8] = []
    var complaint = ""

    var testDescription: String { complaint }

    var data: Data {
        var data = Data(magic.utf8)
        func put(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
        }
        put(version)
        put(headerLength ?? UInt64(header.utf8.count))
        data.append(contentsOf: header.utf8)
        for value in boxes { put(value.bitPattern) }
        put(checksum ?? data.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
        data.append(contentsOf: trailing)
        return data
    }

    static let all: [MalformedProposals] = [
        MalformedProposals(magic: "DETPROPJ", complaint: "is not a proposal file"),
        MalformedProposals(version: 2, complaint: "format version 2"),
        MalformedProposals(headerLength: .max, complaint: "impossible length"),
        MalformedProposals(headerLength: 4000, complaint: "cut short"),
        MalformedProposals(header: "{", boxes: [], complaint: "not valid JSON"),
        MalformedProposals(header: "[1]", boxes: [], complaint: "\"method\""),
        header(#""options":{},"seed":"1","images":["a","b"],"counts":[0,1]"#, "\"method\""),
        header(#""method":"m","options":7,"seed":"1","images":["a","b"],"counts":[0,1]"#, "\"options\""),
        header(#""method":"m","options":{},"seed":"-1","images":["a","b"],"counts":[0,1]"#, "\"seed\""),
        header(#""method":"m","options":{},"seed":"1","counts":[0,1]"#, "\"images\""),
        header(#""method":"m","options":{},"seed":"1","images":["a",2],"counts":[0,1]"#, "no text"),
        header(#""method":"m","options":{},"seed":"1","images":["a","a"],"counts":[0,1]"#, "named twice"),
        header(#""method":"m","options":{},"seed":"1","images":["a","b"]"#, "\"counts\""),
        header(#""method":"m","options":{},"seed":"1","images":["a","b"],"counts":[1]"#, "\"counts\""),
        header(#""method":"m","options":{},"seed":"1","images":["a","b"],"counts":[-1,2]"#, "image \"a\""),
        header(#""method":"m","options":{},"seed":"1","images":["a","b"],"counts":[0,"1"]"#, "image \"b\""),
        header(#""method":"m","options":{},"seed":"1","images":["a","b"],"counts":[0,2]"#, "room is left for 1"),
        header(
            #""method":"m","options":{},"seed":"1","images":["a","b"],"counts":[1,9223372036854775807]"#,
            "room is left for 0"),
        header(#""method":"m","options":{},"seed":"1","images":["a","b"],"counts":[0,0]"#, "bytes"),
        MalformedProposals(checksum: 1, complaint: "checksum"),
        MalformedProposals(trailing: [0], complaint: "bytes"),
        MalformedProposals(boxes: [1, .nan, 3, 4], complaint: "box 0 of image \"b\" is not finite"),
        MalformedProposals(boxes: [1, 2, .infinity, 4], complaint: "box 0 of image \"b\" is not finite"),
        MalformedProposals(boxes: [3, 2, 1, 4], complaint: "box 0 of image \"b\" is turned inside out"),
        MalformedProposals(boxes: [1, 2, 3, 2], complaint: "box 0 of image \"b\" is turned inside out or empty"),
    ]

    private static func header(_ members: String, _ complaint: String) -> MalformedProposals {
        MalformedProposals(header: "{\(members)}", complaint: complaint)
    }
}

let sampleProposalHeader = ProposalFile.Header(
    method: SelectiveSearch.method, options: SelectiveSearchOptions.fast.json, seed: 3, imageIDs: ["b", "a", "c"])

func sampleProposals(_ count: Int) -> [Box] {
    (0..<count).map { index in
        let start = Double(index)
        return Box(minX: start, minY: 2 * start, maxX: start + 5, maxY: 3 * start + 1)
    }
}
