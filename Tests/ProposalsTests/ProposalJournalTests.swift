import Boxes
import Proposals
import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ProposalJournalTests {
    @Test func goesOnWhereItWasCutAnywhere() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/f"
            let partial = path + ".partial"
            try write(["b": 2], to: path)
            let afterFirst = try Files.read(partial).count
            try write(["c": 3], to: path)
            let whole = try Files.read(partial)
            for length in 0...whole.count {
                try whole.prefix(length).write(to: URL(fileURLWithPath: partial))
                let writer = try ProposalFile.Writer(path: path, header: sampleProposalHeader)
                let done = length == whole.count ? ["b", "c"] : length >= afterFirst ? ["b"] : []
                #expect(writer.missing == ["b", "a", "c"].filter { !done.contains($0) })
            }
            // Cut in the middle of the second record, then finished.
            try whole.prefix(whole.count - 3).write(to: URL(fileURLWithPath: partial))
            let writer = try ProposalFile.Writer(path: path, header: sampleProposalHeader)
            #expect(writer.count(for: "b") == 2)
            #expect(writer.count(for: "c") == nil)
            try writer.append(sampleProposals(1), for: "a")
            try writer.append(sampleProposals(4), for: "c")
            try writer.finish()
            let file = try ProposalFile(contentsOf: path)
            #expect(["b", "a", "c"].map { file.boxes(for: $0) } == [2, 1, 4].map(sampleProposals))
        }
    }

    @Test func dropsADamagedRecord() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/f"
            try write(["a": 4], to: path)
            var journal = try Files.read(path + ".partial")
            journal[journal.count - 20] ^= 1
            try journal.write(to: URL(fileURLWithPath: path + ".partial"))
            #expect(try ProposalFile.Writer(path: path, header: sampleProposalHeader).missing == ["b", "a", "c"])
        }
    }

    @Test func refusesAnotherRun() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/f"
            try write(["a": 4], to: path)
            var options = SelectiveSearchOptions.fast
            options.minimumSide = 10
            let others = [
                ProposalFile.Header(
                    method: sampleProposalHeader.method, options: sampleProposalHeader.options, seed: 4,
                    imageIDs: ["b", "a", "c"]),
                ProposalFile.Header(
                    method: sampleProposalHeader.method, options: sampleProposalHeader.options, seed: 3,
                    imageIDs: ["a", "b", "c"]),
                ProposalFile.Header(
                    method: sampleProposalHeader.method, options: options.json, seed: 3, imageIDs: ["b", "a", "c"]),
                ProposalFile.Header(
                    method: "edge-boxes", options: sampleProposalHeader.options, seed: 3, imageIDs: ["b", "a", "c"]),
            ]
            for other in others {
                let error = #expect(throws: InputError.self) { try ProposalFile.Writer(path: path, header: other) }
                #expect(error?.subject == path + ".partial")
                #expect(error?.remedy.isEmpty == false)
            }
            // The refusals left the journal alone.
            #expect(try ProposalFile.Writer(path: path, header: sampleProposalHeader).missing == ["b", "c"])
        }
    }

    @Test func refusesAFileThatIsNoJournal() throws {
        try withTemporaryFolder { folder in
            let text = String(repeating: "precious ", count: 100)
            try Files.writeAtomically(text, to: folder + "/f.partial")
            #expect(throws: InputError.self) {
                try ProposalFile.Writer(path: folder + "/f", header: sampleProposalHeader)
            }
            #expect(try Files.readText(folder + "/f.partial") == text)
        }
    }

    @Test func refusesASecondWriter() throws {
        try withTemporaryFolder { folder in
            let writer = try ProposalFile.Writer(path: folder + "/f", header: sampleProposalHeader)
            let error = #expect(throws: InputError.self) {
                try ProposalFile.Writer(path: folder + "/f", header: sampleProposalHeader)
            }
            #expect(error?.problem.contains("another process") == true)
            #expect(writer.missing.count == 3)
        }
    }

    /// Adds images to the journal and leaves it unfinished.
    private func write(_ counts: [String: Int], to path: String) throws {
        let writer = try ProposalFile.Writer(path: path, header: sampleProposalHeader)
        for (id, count) in counts { try writer.append(sampleProposals(count), for: id) }
    }
}
