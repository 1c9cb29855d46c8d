import Foundation
import Support
import TestSupport
import Testing

extension ProgramRuns {
    @Suite struct PretrainTests {
        // Two epochs of each kind of data, measured by kNN on the way; the memory bank serves as a feature file.
        @Test func aRunTellsWhatItIsWorth() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let output = try succeed(
                    pretraining(
                        folder, run: "run",
                        [
                            "--loss", "nce", "--negatives", "8", "--z", "ema", "--exclude-positive", "--negatives-mode",
                            "shared", "--bank-storage", "bf16", "--precision", "bf16", "--schedule", "cosine",
                            "--warmup", "1", "--no-decay", "all", "--clip", "5", "--proximal", "0.5", "--knn-every",
                            "2", "--knn-test", "\(folder)/objects/val", "--json", "\(folder)/result.json",
                        ]))
                #expect(output.contains("kNN top-1") && output.contains("rows of the memory bank vote"))
                let result = try JSON.read("\(folder)/result.json")
                #expect(result["knn"]?["top1"]?.doubleValue.map { (0...1).contains($0) } == true)
                let lines = try Files.readText("\(folder)/run/metrics.jsonl").split(separator: "\n").map {
                    try JSON.parse($0.utf8)
                }
                let measured = lines.filter { $0["knn_top1"] != nil }.map { $0["epoch"]?.doubleValue }
                #expect(measured == [2, 3])
                let names = [
                    "loss", "z", "positive_similarity", "negative_similarity", "proximal_loss", "gradient_norm", "lr",
                    "images_per_second",
                ]
                for line in lines where line["knn_top1"] == nil {
                    for name in names { #expect(line[name]?.doubleValue?.isFinite == true, "\(name)") }
                }
                for name in ["loss.png", "curves.png", "samples.png", "bank.safetensors", "events.out.tfevents.detect"]
                {
                    #expect(Files.exists("\(folder)/run/\(name)"), "\(name)")
                }
                let config = try JSON.read("\(folder)/run/config.json")
                #expect(config["negatives_mode"] == "shared" && config["schedule"] == "cosine")
                #expect(config["z"]?["moving_average"]?.doubleValue == 0.99 && config["no_decay"] == "all")
                let probe = try succeed([
                    "probe", "knn", "--train-features", "\(folder)/run/bank.safetensors", "--k", "5",
                ])
                #expect(probe.contains("leave-one-out"), "\(probe)")
            }
        }

        // What learns from Lab says so in its file; probes and detectors go by it, and no training begins with the other colours.
        @Test func weightsOfLabServeProbesAndDetectors() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                try succeed([
                    "synthesize", "--out", "\(folder)/kit", "--images", "4", "--width", "96", "--height", "64",
                ])
                let weights = "\(folder)/run/weights.safetensors"
                let small = ["--knn-every", "0", "--method"]
                try succeed(pretraining(folder, run: "run", small + ["cmc"]))
                #expect(try succeed(["weights", "inspect", weights]).contains("input       lab"))
                let probe = try succeed([
                    "probe", "knn", "--weights", weights, "--train", "\(folder)/objects/train", "--test",
                    "\(folder)/objects/val", "--k", "5",
                ])
                #expect(probe.contains("top-1"))
                try succeed([
                    "finetune", "--devkit", "\(folder)/kit", "--weights", weights, "--scale", "64", "--iterations", "2",
                    "--rois", "8", "--roi-size", "4", "--threads", "1", "--run", "\(folder)/voc",
                ])
                let detector = try JSON.read("\(folder)/voc/config.json")
                #expect("\(detector.line)".contains("\"lab\":{\"mean\":[50"))
                #expect(
                    try succeed(pretraining(folder, run: "next", small + ["split-brain", "--init", weights])) != "")
                let other = try run(pretraining(folder, run: "rgb", small + ["simclr", "--init", weights]))
                #expect(other.exitCode == 1)
                #expect(other.errors.contains("takes lab, but simclr learns from rgb"), "\(other.errors)")
                let dense = try run(pretraining(folder, run: "l", small + ["colorization", "--init", weights]))
                #expect(dense.exitCode == 1 && dense.errors.contains("outside the parts"), "\(dense.errors)")
            }
        }

        // The same images from a folder, an archive and a list: the same data, so the same run.
        @Test func kindsOfData() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let train = "\(folder)/objects/train"
                let packing = try run(
                    [],
                    shell: "tar -C '\(train)' -cf '\(folder)/objects.tar' . && cd '\(train)' && "
                        + "find . -name '*.jpg' -o -name '*.png' | LC_ALL=C sort | "
                        + "sed -E 's,^./(([^/]*)/.*)$,objects/train/\\1 \\2,' > '\(folder)/list.txt'")
                try #require(packing.exitCode == 0, "\(packing.errors)")
                func weights(_ data: String, _ name: String) throws -> Data {
                    var arguments = pretraining(folder, run: name)
                    arguments[2] = data
                    _ = try succeed(arguments)
                    // The description names the data; the tensors behind it must be equal.
                    return try Files.read("\(folder)/\(name)/weights.safetensors").suffix(11_000_000)
                }
                let folderWeights = try weights(train, "a")
                #expect(try weights("\(folder)/objects.tar", "b") == folderWeights)
                #expect(try weights("\(folder)/list.txt", "c") == folderWeights)
            }
        }

        @Test func aSweepComparesItsRunsAndGoesOn() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let arguments = pretraining(folder, run: "sweep", ["--sweep", "dim=4,16"])
                let table = try succeed(arguments)
                #expect(table.contains("dim  kNN top-1 %"), "\(table)")
                let first = try JSON.read("\(folder)/sweep/sweep.json")
                #expect(first["runs"]?.arrayValue?.compactMap { $0["value"]?.doubleValue } == [4, 16])
                #expect(Files.exists("\(folder)/sweep/sweep.png"))
                // Complete runs are only read.
                let weights = "\(folder)/sweep/dim-4/weights.safetensors"
                let before = try Files.read(weights)
                _ = try succeed(arguments + ["--resume"])
                #expect(try Files.read(weights) == before)
                let again = try JSON.read("\(folder)/sweep/sweep.json")
                let accuracy = { (json: JSON) in json["runs"]?.arrayValue?.map { $0["knn"]?["top1"] } }
                #expect(accuracy(again) == accuracy(first))
                let refused = try run(pretraining(folder, run: "no", ["--sweep", "negatives=1,2"]))
                #expect(refused.exitCode == 2 && refused.errors.contains("--loss nce"))
            }
        }
    }
}
