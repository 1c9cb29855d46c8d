import Experiments
import Foundation
import Graphics
import Imaging
import Reporting
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct RunReportTests {
    private func write(_ json: JSON, _ path: String) throws {
        try Files.makeFolder(path.parentFolder)
        try Files.writeAtomically(json.pretty, to: path)
    }

    /// A pretraining, as its folder would be; without an accuracy it still goes on.
    @discardableResult
    private func pretrain(
        _ folder: String, method: String = "simclr", seed: Int, top1: Double?, rate: Double = 0.1
    ) throws -> String {
        try write(
            [
                "command": "pretrain", "version": "9", "libtorch": "8", "arch": "resnet18",
                "objective": .string(method),
                "seed": .integer(seed), "workers": .integer(seed + 1), "lr": .number(rate), "device": "cpu",
            ], "\(folder)/config.json")
        try Files.writeAtomically(
            "{\"step\":1,\"epoch\":0.5,\"loss\":2.5}\n{\"step\":2,\"epoch\":1.0,\"loss\":1.5}\n",
            to: "\(folder)/metrics.jsonl")
        if let top1 {
            try write(
                ["objective": .string(method), "loss": 1.5, "seconds": 90, "knn": ["top1": .number(top1)]],
                "\(folder)/result.json")
        }
        return folder
    }

    private func finetune(_ folder: String, weights: String, seed: Int, ap: [Double]) throws -> String {
        try write(
            [
                "command": "finetune", "weights": .string(weights), "start": "simclr", "seed": .integer(seed),
                "detector": ["arch": "resnet18"],
            ], "\(folder)/config.json")
        try write(
            [
                "start": "simclr", "arch": "resnet18", "map": .number(ap.reduce(0, +) / Double(ap.count)),
                "test_images": 4,
                "evaluation": ["ap": .object(zip(["cat", "dog"], ap).map { .init($0, .number($1)) })],
            ], "\(folder)/result.json")
        return folder
    }

    private func rows(_ report: RunReport, of caption: String) throws -> [[String]] {
        let table = try #require(
            report.report().sections.flatMap(\.blocks).compactMap { block -> Table? in
                if case .table(let table) = block, table.caption == caption { table } else { nil }
            }.first)
        return table.text.split(separator: "\n").dropFirst().map {
            $0.replacing("  ", with: "\t").split(separator: "\t").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test func runsOfSeedsAreOneRow() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        let runs = try [
            pretrain("\(folder)/a0", seed: 0, top1: 0.40), pretrain("\(folder)/a1", seed: 1, top1: 0.44),
            pretrain("\(folder)/b", method: "byol", seed: 0, top1: 0.5),
            // Another rate is another run, and so is the same seed again.
            pretrain("\(folder)/c", seed: 2, top1: 0.3, rate: 0.2), pretrain("\(folder)/d", seed: 0, top1: 0.2),
        ]
        let report = try RunReport(runs)
        #expect(report.isFinished)
        let table = try rows(report, of: "pretrain")
        #expect(table[0] == ["method", "network", "runs", "kNN top-1 %", "loss", "epochs", "minutes"])
        #expect(table[1] == ["simclr (a0)", "resnet18", "2", "42.0 ± 2.8", "1.500 ± 0.000", "1 ± 0", "1.5 ± 0.0"])
        #expect(table[2].prefix(4) == ["byol", "resnet18", "1", "50.0"])
        #expect(table[3].prefix(4) == ["simclr (c)", "resnet18", "1", "30.0"])
        #expect(table.count == 5)
        #expect(Page(try report.html())?["strong"].map(\.text) == ["50.0"])
        #expect(report.report(pictures: 0).csv.contains("simclr (a0),resnet18,2,42.0,2.8"))
    }

    /// Weights are alike when the runs that made them differ by their seed alone.
    @Test func detectorsAreAlikeWhenTheirWeightsAre() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        for (name, seed, rate) in [("w0", 0, 0.1), ("w1", 1, 0.1), ("w2", 2, 0.7)] {
            try pretrain("\(folder)/\(name)", seed: seed, top1: 0.4, rate: rate)
        }
        func detector(_ name: String, _ weights: String, _ seed: Int) throws -> String {
            try finetune(
                "\(folder)/\(name)", weights: "\(folder)/\(weights)/weights.safetensors", seed: seed, ap: [0.25, 0.75])
        }
        let alike = try RunReport([detector("v0", "w0", 0), detector("v1", "w1", 1)])
        #expect(try rows(alike, of: "finetune")[1].prefix(3) == ["simclr", "resnet18", "2"])
        let other = try RunReport([detector("v0", "w0", 0), detector("v2", "w2", 1)])
        #expect(try rows(other, of: "finetune").count == 3)
        let page = try #require(Page(try other.html()))
        #expect(page["figcaption"].map(\.text).contains("Average precision by class"))
        #expect(page["title"].map(\.text).contains { $0.hasPrefix("dog, simclr (v") && $0.hasSuffix(": 75.0") })
    }

    /// The profile over the layers, and what papers say of the same network beside it.
    @Test func linearClassifiersStandBesidePublishedOnes() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let run = "\(temporary.path)/linear"
        let weights: JSON = ["path": "/none/w.safetensors", "arch": "alexnet", "objective": "random", "sha256": "00"]
        try write(["command": "probe linear", "weights": weights, "seed": 0], "\(run)/config.json")
        let layers: [JSON] = (1...5).map { ["layer": .string("conv\($0)"), "top1": .number(0.1 * Double($0))] }
        try write(
            ["weights": weights, "layers": .array(layers), "n_train": 20, "n_test": 10, "n_classes": 1000],
            "\(run)/result.json")
        var report = try RunReport([run])
        let table = try rows(report, of: "probe linear")
        #expect(table[1] == ["random", "alexnet", "10.0", "20.0", "30.0", "40.0", "50.0"])
        let page = try #require(Page(try report.html()))
        #expect(page["h2"].map(\.text).contains("Published") && page["td"].contains { $0.text == "published" })
        #expect(page["figcaption"].map(\.text) == ["Linear classifiers by layer"])
        #expect(page["text"].map(\.text).contains("conv5"))
        report.showsPublished = false
        #expect(try Page(report.html())?["h2"].map(\.text).contains("Published") == false)
    }

    /// What a run that still goes on has measured so far is shown, and that it does.
    @Test func aRunThatGoesOnIsShown() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        let run = try pretrain("\(folder)/r", seed: 3, top1: nil)
        // Half a line that is being written.
        try Files.writeAtomically(
            try Files.readText("\(run)/metrics.jsonl") + "{\"step\":3,", to: "\(run)/metrics.jsonl")
        let report = try RunReport([folder])
        #expect(!report.isFinished && report.runs.count == 1)
        let page = try #require(Page(try report.html(refreshSeconds: 5)))
        #expect(page["p"].first?.text.contains("\(folder)/r is not finished: step 2") == true)
        #expect(page["meta"].contains { $0.attributes["http-equiv"] == "refresh" && $0.attributes["content"] == "5" })
        #expect(page["figcaption"].map(\.text).contains("Loss"))
    }

    @Test func optionsMachineAndCommandAreThere() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        let runs = try [
            pretrain("\(folder)/a", seed: 0, top1: 0.4), pretrain("\(folder)/b", seed: 0, top1: 0.5, rate: 0.3),
        ]
        try write(
            [["command": ["detect-cli", "pretrain", "--data", "my images"], "processor": "Z80"]],
            "\(runs[0])/machine.json")
        let page = try #require(Page(try RunReport(runs).html()))
        let cells = page["tr"].map(\.text)
        #expect(cells.contains { $0.contains("lr") && $0.contains("0.1") && $0.contains("0.3") })
        #expect(page["li"].map(\.text).contains("a: detect-cli pretrain --data 'my images'"))
        #expect(cells.contains { $0.contains("Z80") })
    }

    @Test func picturesOfTheFolderAreShown() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        let run = try pretrain("\(folder)/r", seed: 0, top1: 0.4)
        let picture = Image(size: ImageSize(width: 20, height: 10), color: .white)
        for name in ["samples", "loss", "neighbours <1>", "detections/000001", "detections/sheet"] {
            try Files.makeFolder("\(run)/detections")
            try picture.write(to: "\(run)/\(name).png")
        }
        // One that is being written is left out.
        try Files.writeAtomically("no picture", to: "\(run)/half.png")
        let page = try #require(Page(try RunReport([run]).html()))
        #expect(
            page["img"].compactMap { $0.attributes["alt"] } == [
                "neighbours <1>", "What the network is given, and what it answers",
                "Detections: 000001",
            ])
    }

    @Test func whatIsNoRunIsNamed() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        #expect {
            try RunReport([folder])
        } throws: {
            "\($0)".hasPrefix("\(folder): is no run, and no folder in it is; give run folders")
        }
        try Files.writeAtomically("{", to: "\(folder)/config.json")
        #expect(throws: InputError.self) { try RunReport([folder]) }
    }

    /// Names of folders and options are text, whatever they hold.
    @Test func hostileNamesStayText() throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path
        let name = "<script>alert('1')</script>"
        let run = try pretrain("\(folder)/\"quoted\" & more", method: name, seed: 0, top1: 0.4)
        let page = try #require(Page(try RunReport([run]).html()))
        #expect(page["script"].count == 1 && page["h1"][0].text.contains(name))
        #expect(page["th"].map(\.text).contains(name))
    }
}
