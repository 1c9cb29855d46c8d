import Foundation
import Support
import TestSupport
import Testing
import Training

@Suite(.tags(.unit), .tiered) struct EventFileTests {
    private struct GoldenEvents {
        let json: JSON
        let bytes: Data

        init() throws {
            json = try Golden.read("events.json")
            let digits = Array(try #require(json["hex"]?.stringValue).utf8)
            bytes = Data(
                stride(from: 0, to: digits.count, by: 2).map {
                    UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)!
                })
        }

        /// Appends the golden's steps that `isWanted`.
        func write(to path: String, keeping last: Int = .max, _ isWanted: (Int) -> Bool = { _ in true }) throws {
            let time = try #require(json["wall_time"]?.doubleValue)
            let file = try EventFile(path, keepingStepsThrough: last, clock: { time })
            for entry in json["steps"]?.arrayValue ?? [] {
                let step = try #require(entry["step"]?.intValue)
                let values = (entry["values"]?.arrayValue ?? []).map {
                    (name: $0["name"]!.stringValue!, value: $0["value"]!.doubleValue!)
                }
                if isWanted(step) { try file.append(step: step, values) }
            }
        }
    }

    @Test func theBytesAreTensorBoards() throws {
        let golden = try GoldenEvents()
        try withTemporaryFolder { folder in
            try golden.write(to: "\(folder)/events")
            #expect(try Files.read("\(folder)/events") == golden.bytes)
        }
    }

    @Test func aResumedRunWritesNoStepTwice() throws {
        let golden = try GoldenEvents()
        try withTemporaryFolder { folder in
            let path = "\(folder)/events"
            try golden.write(to: path)
            // Back to step 1, and forward again.
            try golden.write(to: path, keeping: 1) { $0 > 1 }
            #expect(try Files.read(path) == golden.bytes)
            try golden.write(to: path, keeping: 0)
            #expect(try Files.read(path) == golden.bytes)
        }
    }

    // The second record's end, then a record that is torn, or has a flipped bit in length, content or checksum.
    @Test(arguments: [-1, 0, 9, 14, 30]) func whatIsDamagedIsCutOff(damage: Int) throws {
        let golden = try GoldenEvents()
        let ends = (golden.json["ends"]?.arrayValue ?? []).compactMap(\.intValue)
        try withTemporaryFolder { folder in
            let path = "\(folder)/events"
            var bytes = golden.bytes
            if damage < 0 { bytes.removeLast(ends[3] - ends[2] - 5) } else { bytes[ends[1] + damage] ^= 0x10 }
            try Files.writeAtomically(bytes, to: path)
            let kept = damage < 0 ? 300 : 1
            try golden.write(to: path) { $0 > kept }
            #expect(try Files.read(path) == golden.bytes)
        }
    }

    @Test func aFileOfSomethingElseIsBegunAnew() throws {
        let golden = try GoldenEvents()
        try withTemporaryFolder { folder in
            try Files.writeAtomically("no events", to: "\(folder)/events")
            try golden.write(to: "\(folder)/events")
            #expect(try Files.read("\(folder)/events") == golden.bytes)
        }
    }
}
