import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.program), .tiered) struct CompareTests {
    /// The files that `finetune` leaves, with the figures that are compared.
    private func write(
        _ run: String, start: String, map: Double, ap: JSON, iterations: Int = 100, weights: String = "random",
        settings: [JSON.Member] = [], tested: JSON = ["set": "test"]
    ) throws {
        try Files.makeFolder(run)
        let result: JSON = [
            "start": .string(start), "arch": "alexnet", "map": .number(map), "iterations": .integer(iterations),
            "test_images": 50, "evaluation": ["ap": ap], "test": tested,
        ]
        let config = JSON.object(
            [
                .init("iterations", .integer(iterations)), .init("weights", .string(weights)),
                .init("detector", ["short_side": 400]),
            ] + settings)
        try Files.writeAtomically(result.pretty, to: "\(run)/result.json")
        try Files.writeAtomically(config.pretty, to: "\(run)/config.json")
    }

    @Test func rowsGapsProbesAndPublishedFigures() throws {
        try withTemporaryFolder { folder in
            try Files.makeFolder("\(folder)/pre")
            try Files.writeAtomically(
                JSON.object([.init("protocol", "weighted kNN"), .init("top1", .number(0.5))]).pretty,
                to: "\(folder)/pre/knn.json")
            try write(
                "\(folder)/instance", start: "instance", map: 0.2, ap: ["cat": .number(0.1), "dog": .number(0.3)],
                weights: "\(folder)/pre/weights.safetensors")
            try write(
                "\(folder)/supervised", start: "supervised", map: 0.35, ap: ["cat": .number(0.3), "dog": .number(0.4)])
            try write("\(folder)/random", start: "random", map: 0.05, ap: ["cat": .number(0.05), "dog": .null])
            let output = try succeed([
                "compare", "\(folder)/instance", "\(folder)/supervised", "\(folder)/random", "--json",
                "\(folder)/c.json", "--csv", "\(folder)/c.csv", "--picture", "\(folder)/c.png",
            ])
            let lines = output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(lines[0] == ["weights", "random", "supervised", "instance"])
            #expect(lines[1] == ["knn", "top-1", "%", "–", "–", "50.0"])
            #expect(lines[2] == ["mAP", "%", "5.0", "35.0", "20.0"])
            #expect(lines[3] == ["below", "supervised", "30.0", "0.0", "15.0"])
            #expect(lines[4] == ["AP", "cat", "5.0", "30.0", "10.0"])
            #expect(lines[5] == ["AP", "dog", "–", "40.0", "30.0"])
            #expect(output.contains("published") && output.contains("48.1") && !output.contains("differ"))
            #expect(
                try Files.readText("\(folder)/c.csv").split(separator: "\n")[0]
                    == "weights,map,below_supervised,knn top-1,ap_cat,ap_dog")
            #expect(try Files.readText("\(folder)/c.csv").contains("random,0.05,0.3,,0.05,\n"))
            let json = try JSON.read("\(folder)/c.json")
            #expect(json["rows"]?.arrayValue?.count == 3)
            let published = try #require(json["published"]?.arrayValue)
            #expect(published.allSatisfy { $0["published"] == true && $0["source"]?.stringValue?.isEmpty == false })
            #expect(published.allSatisfy { $0["task"] == "voc07" && $0["arch"] == "alexnet" })
            #expect(published.prefix(3).map { $0["weights"]?.stringValue } == ["random", "supervised", "instance"])
            #expect(published.prefix(3).map { $0["map"]?.doubleValue } == [43.4, 56.8, 48.1])
            #expect(Files.exists("\(folder)/c.png"))
            let plain = ["compare", "\(folder)/random", "--no-published", "--json", "\(folder)/plain.json"]
            #expect(try !succeed(plain).contains("published"))
            #expect(try JSON.read("\(folder)/plain.json")["published"] == [])
        }
    }

    /// What probes said of the weights stands beside published figures of their own tasks.
    @Test func probesFindTheirPublishedFigures() throws {
        try withTemporaryFolder { folder in
            try Files.makeFolder("\(folder)/pre")
            let knn: JSON = [
                "protocol": "weighted kNN", "top1": .number(0.25), "k": 20, "n_train": 100, "n_test": 30,
                "features": ["arch": "alexnet", "objective": "split-brain", "layer": "conv3"],
            ]
            let linear: JSON = [
                "protocol": "linear", "top1": .number(0.5), "n_train": 100, "n_test": 30, "n_classes": 1000,
                "weights": ["arch": "alexnet", "objective": "split-brain"],
                "layers": [["layer": "conv3", "top1": .number(0.5)]],
            ]
            try Files.writeAtomically(knn.pretty, to: "\(folder)/pre/knn.json")
            try Files.writeAtomically(linear.pretty, to: "\(folder)/pre/linear.json")
            for run in ["a", "b"] {
                try write(
                    "\(folder)/\(run)", start: "split-brain", map: 0.2, ap: ["cat": .number(0.2)],
                    weights: "\(folder)/pre/weights.safetensors")
            }
            let json = "\(folder)/c.json"
            let output = try succeed(["compare", "\(folder)/a", "\(folder)/b", "--json", json])
            let lines = output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            // Two runs from the same weights have one row of each probe, and one of their own.
            let rows = lines.filter { $0.starts(with: ["split-brain", "measured"]) }
            #expect(rows.map { $0[2] } == ["–", "25.0", "20.0", "20.0"])
            #expect(output.contains("K = 20, conv3; 100 training, 30 test images"))
            let published = try #require(try JSON.read(json)["published"]?.arrayValue)
            func values(_ task: String, _ column: String) -> [Double?] {
                published.filter { $0["task"]?.stringValue == task && $0["weights"] == "split-brain" }.map {
                    $0[column]?.doubleValue
                }
            }
            #expect(values("imagenet-linear", "conv3") == [35.4] && values("imagenet-knn", "top1") == [8.9, 11.8])
            #expect(values("voc07", "map") == [46.7] && values("places-linear", "conv3").isEmpty)
            let page = "\(folder)/c.html"
            _ = try succeed(["compare", "\(folder)/a", "--report", page])
            let cells = try #require(Page(try Files.readText(page)))["td"].map(\.text)
            #expect(cells.contains("published") && cells.contains("measured") && cells.contains("35.4"))
            #expect(cells.contains { $0.contains("Zhang, Isola, Efros, CVPR 2017, Table 2") })
        }
    }

    @Test func aReportIsWrittenAsItsNameEnds() throws {
        try withTemporaryFolder { folder in
            try write("\(folder)/a", start: "random", map: 0.1, ap: ["<i>|\"": .number(0.1)])
            try write("\(folder)/b", start: "instance", map: 0.2, ap: ["<i>|\"": .number(0.2)], iterations: 200)
            let compare = ["compare", "\(folder)/a", "\(folder)/b", "--report"]
            let output = try succeed(compare + ["\(folder)/c.html"])
            let page = try #require(Page(try Files.readText("\(folder)/c.html")))
            #expect(page["h1"].map(\.text) == ["Comparison of starting weights"] && page["i"].isEmpty)
            #expect(page["h2"].map(\.text) == ["Published"])
            // What is printed stands on the page, cell by cell.
            let cells = page.elements.filter { ["th", "td", "caption", "p"].contains($0.name) }.map(\.text)
            for line in output.split(separator: "\n") {
                let words = line.split(separator: " ")
                #expect(words.allSatisfy { word in cells.contains { $0.contains(word) } }, "\(line)")
            }
            #expect(
                page["figure"].count == 1
                    && page["svg"].contains { $0.attributes["aria-label"]?.contains("<i>|\"") == true })
            _ = try succeed(compare + ["\(folder)/c.md"])
            #expect(try Files.readText("\(folder)/c.md").contains("| &nbsp;&nbsp;AP \\<i\\>\\|\" | 10.0 | 20.0 |\n"))
            _ = try succeed(compare + ["\(folder)/c.csv"])
            #expect(
                try Files.readText("\(folder)/c.csv").hasPrefix(
                    "weights,random,instance\nmAP %,10.0,20.0\n\"  AP <i>|\"\"\",10.0,20.0\n"))
            // Before anything is read.
            let refused = try run(["compare", "\(folder)/none", "--report", "\(folder)/c.pdf"])
            #expect(refused.exitCode == 2 && refused.output.isEmpty)
            #expect(refused.errors.contains("give a file name that ends in .html, .md, .csv or .tex"))
        }
    }

    /// Whatever shaped a run is compared, wherever it is written down; only what is meant to differ is passed over.
    @Test func everySettingThatDiffersIsSaid() throws {
        try withTemporaryFolder { folder in
            func settings(_ batchNorm: String, _ stages: Int, _ head: String, _ own: String) -> [JSON.Member] {
                [
                    .init("batch_norm", .string(batchNorm)), .init("frozen_stages", .integer(stages)),
                    .init("nested", ["deep": ["head": .string(head)]]), .init("seed", 3),
                    .init("workers", .string(own)), .init("devkit", .string(own)), .init("start", .string(own)),
                ]
            }
            try write(
                "\(folder)/a", start: "random", map: 0.1, ap: ["cat": .number(0.1)],
                settings: settings("train", 0, "fast", "a"), tested: ["set": "test", "filter": ["nms": .number(0.3)]])
            try write(
                "\(folder)/b", start: "instance", map: 0.2, ap: ["cat": .number(0.2)], weights: "w",
                settings: settings("frozen", 2, "faster", "b") + [.init("gradient_clip", 10)],
                tested: ["set": "test", "filter": ["nms": .number(0.5)]])
            let runs = ["\(folder)/b", "\(folder)/a"]
            let output = try succeed(["compare"] + runs + ["--json", "\(folder)/c.json"])
            let lines = output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            for row in [
                ["batch_norm", "train", "frozen"], ["frozen_stages", "0", "2"], ["nested.deep.head", "fast", "faster"],
                ["gradient_clip", "–", "10"], ["test.filter.nms", "0.3", "0.5"],
            ] {
                #expect(lines.contains(row), "\(row)")
            }
            let found = try #require(try JSON.read("\(folder)/c.json")["differences"]?.arrayValue)
            #expect(
                found.compactMap { $0["setting"]?.stringValue }.sorted() == [
                    "batch_norm", "frozen_stages", "gradient_clip", "nested.deep.head", "test.filter.nms",
                ])
            #expect(found.allSatisfy { $0["values"]?.arrayValue?.count == 2 })
            #expect(output.contains("differ in 5 settings"))

            let strict = try run(["compare"] + runs + ["--strict"])
            #expect(strict.exitCode == 1 && strict.output.isEmpty)
            #expect(strict.errors.contains("batch_norm: train, frozen") && strict.errors.contains("--strict"))
            _ = try succeed(["compare", "\(folder)/a", "\(folder)/a", "--strict"])
        }
    }

    @Test func differentSettingsAreNamedAndUnfinishedRunsRefused() throws {
        try withTemporaryFolder { folder in
            try write("\(folder)/a", start: "random", map: 0.1, ap: ["cat": .number(0.1)])
            try write("\(folder)/b", start: "instance", map: 0.2, ap: ["cat": .number(0.2)], iterations: 200)
            #expect(
                try succeed(["compare", "\(folder)/a", "\(folder)/b"]).contains(
                    "note: the runs differ in 1 setting beside their weights"))
            try Files.makeFolder("\(folder)/c")
            let outcome = try run(["compare", "\(folder)/a", "\(folder)/c"])
            #expect(outcome.exitCode == 1 && outcome.errors.contains("/c: is no finished run"))
        }
    }
}
