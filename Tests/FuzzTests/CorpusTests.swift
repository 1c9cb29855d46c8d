import Foundation
import FuzzTargets
import Support
import TestSupport
import Testing

/// Replays the seeds of fuzzing, what it has found, and damage to both that a fixed seed decides.
@Suite(.tags(.unit), .tiered) struct CorpusTests {
    private func files(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let path = Repository.path("Fuzz/Corpus/\(target.rawValue)")
        return try Files.list(path).map { ($0, [UInt8](try Files.read("\(path)/\($0)"))) }
    }

    @Test(arguments: FuzzTarget.allCases)
    func theCorpusPasses(target: FuzzTarget) throws {
        let files = try files(target)
        #expect(files.count >= 2)
        for file in files {
            #expect(throws: Never.self, "\(target.rawValue)/\(file.name)") { try target.run(file.bytes) }
        }
    }

    @Test(arguments: FuzzTarget.allCases)
    func damagedFilesPass(target: FuzzTarget) throws {
        for (index, file) in try files(target).enumerated() {
            var random = RandomStream(11, UInt64(index))
            for round in 0..<200 {
                let bytes = Mutation.apply(to: file.bytes, &random)
                #expect(throws: Never.self, "\(target.rawValue)/\(file.name), round \(round)") { try target.run(bytes) }
            }
        }
    }

    @Test func mutationsDifferAndRepeat() {
        let bytes = [UInt8](repeating: 7, count: 100)
        var (a, b) = (RandomStream(1), RandomStream(1))
        let once = (0..<50).map { _ in Mutation.apply(to: bytes, &a) }
        #expect(once == (0..<50).map { _ in Mutation.apply(to: bytes, &b) })
        #expect(Set(once).count > 40)
    }
}
