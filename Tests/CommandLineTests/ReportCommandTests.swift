import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.program), .tiered) struct ReportCommandTests {
    private func write(_ folder: String, seed: Int, top1: Double?) throws {
        try Files.makeFolder(folder)
        let config: JSON = [
            "command": "pretrain", "objective": "byol", "arch": "resnet18", "seed": .integer(seed),
        ]
        try Files.writeAtomically(config.pretty, to: "\(folder)/config.json")
        try Files.writeAtomically("{\"step\":1,\"loss\":2.0}\n", to: "\(folder)/metrics.jsonl")
        if let top1 { try finish(folder, top1) }
    }

    private func finish(_ folder: String, _ top1: Double) throws {
        try Files.writeAtomically(
            JSON.object([.init("knn", ["top1": .number(top1)])]).pretty, to: "\(folder)/result.json")
    }

    private func succeed(_ arguments: [String]) throws -> String {
        let outcome = try run(arguments)
        try #require(outcome.exitCode == 0, "\(outcome.errors)")
        return outcome.output
    }

    @Test func theFormatSaysWhatIsWritten() throws {
        try withTemporaryFolder { folder in
            try write("\(folder)/a", seed: 0, top1: 0.4)
            try write("\(folder)/b", seed: 1, top1: 0.5)
            // A single run keeps its report.
            #expect(try succeed(["report", "\(folder)/a"]) == "report: \(folder)/a/report.html\n")
            #expect(Page(try Files.readText("\(folder)/a/report.html"))?["h1"].map(\.text) == ["pretrain: byol, a"])
            let out = "\(folder)/new/r"
            for (format, line) in [
                ("md", "| byol | resnet18 | 2 | 45.0 ± 7.1 |"), ("csv", "byol,resnet18,2,45.0,7.07"),
                ("latex", "byol & resnet18 & 2 & 45.0 $\\pm$ 7.1"),
            ] {
                _ = try succeed(["report", "\(folder)/a", "\(folder)/b", "--format", format, "--out", out])
                #expect(try Files.readText(out).contains(line), "\(format)")
            }
            let refused = try run(["report", "\(folder)/a", "--format", "csv", "--watch"])
            #expect(refused.exitCode == 2 && refused.errors.contains("--watch writes a page, not --format csv"))
            let none = try run(["report", folder + "/new", "--out", out])
            #expect(none.exitCode == 1 && none.errors.contains("is no run, and no folder in it is"))
        }
    }

    /// The page loads itself again for as long as a run goes on, and no longer.
    @Test func aWatchEndsWithTheRun() throws {
        try withTemporaryFolder { folder in
            try write("\(folder)/a", seed: 0, top1: nil)
            let page = "\(folder)/a/report.html"
            let finished = "\(folder)/result.json"
            try Files.writeAtomically("{\"knn\": {\"top1\": 0.25}}", to: finished)
            // Beside the watch, the run ends once there is a page of it.
            let outcome = try run(
                ["report", "\(folder)/a", "--watch", "--every", "1"],
                shell: "(while [ ! -e '\(page)' ]; do sleep .1; done; cp '\(page)' '\(folder)/open.html'; "
                    + "mv '\(finished)' '\(folder)/a/') & \"$0\" \"$@\"; wait")
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.output == "report: \(page), written anew every 1 second\nreport: \(page)\n")
            let (open, closed) = (try Files.readText("\(folder)/open.html"), try Files.readText(page))
            #expect(open.contains("http-equiv=\"refresh\" content=\"1\"") && open.contains("is not finished: step 1"))
            #expect(!closed.contains("http-equiv=\"refresh\"") && closed.contains(">25.0<"))
        }
    }
}
