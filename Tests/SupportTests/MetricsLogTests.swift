import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct MetricsLogTests {
    private func entry(_ step: Int) -> JSON { ["step": .integer(step), "loss": .number(1 / Double(step + 1))] }

    @Test func eachLineIsInTheFileWhenAppendReturns() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/metrics.jsonl"
            let log = try MetricsLog(path)
            try log.append(entry(0))
            #expect(try Files.readText(path) == "{\"step\":0,\"loss\":1.0}\n")
            try log.append(entry(1))
            #expect(try MetricsLog.read(path) == [entry(0), entry(1)])
        }
    }

    @Test func resumingCutsTheStepsThatWillBeRepeated() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/metrics.jsonl"
            do {
                let log = try MetricsLog(path)
                for step in 0..<6 { try log.append(entry(step)) }
            }
            let log = try MetricsLog(path, keepingStepsThrough: 3)
            try log.append(entry(4))
            #expect(try MetricsLog.read(path) == (0...4).map(entry))
        }
    }

    @Test func entriesWithoutStepGoWithTheirPlaceInTheFile() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/metrics.jsonl"
            try Files.writeAtomically("{\"step\":1}\n{\"top1\":0.5}\n{\"step\":2}\n{\"top1\":0.6}\n", to: path)
            _ = try MetricsLog(path, keepingStepsThrough: 1)
            #expect(try Files.readText(path) == "{\"step\":1}\n{\"top1\":0.5}\n")
        }
    }

    @Test(arguments: ["{\"step\":2,\"lo", "{\"step\":2}", "\0\0\0\0\n"])
    func aTornLastLineIsDropped(tail: String) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/metrics.jsonl"
            try Files.writeAtomically("{\"step\":1}\n" + tail, to: path)
            #expect(try MetricsLog.read(path) == [["step": 1]])
            let log = try MetricsLog(path)
            try log.append(entry(2))
            #expect(try MetricsLog.read(path) == [["step": 1], entry(2)])
        }
    }

    @Test func aDamagedLineInTheMiddleIsNamed() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/metrics.jsonl"
            try Files.writeAtomically("{\"step\":1}\n{\"st\n{\"step\":3}\n", to: path)
            let error = #expect(throws: InputError.self) { try MetricsLog(path, keepingStepsThrough: 9) }
            #expect(error?.subject == path)
            #expect(error?.problem.hasPrefix("line 2 is not valid JSON") == true)
            #expect(try Files.readText(path) == "{\"step\":1}\n{\"st\n{\"step\":3}\n")
        }
    }

    @Test func beginningAnewEmptiesTheLog() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/metrics.jsonl"
            try Files.writeAtomically("{\"step\":0}\n", to: path)
            _ = try MetricsLog(path, keepingStepsThrough: -1)
            #expect(try MetricsLog.read(path) == [])
        }
    }
}
