import Foundation
import Support
import Testing

/// Real runs of the program on small drawn data; one after another, because each uses all cores.
@Suite(.serialized) struct WorkflowTests {
    private func succeed(_ arguments: [String], timeLimit: Double = 240) throws -> String {
        let outcome = try run(arguments, timeLimit: timeLimit)
        try #require(outcome.exitCode == 0, "detect-cli \(arguments.joined(separator: " ")): \(outcome.errors)")
        #expect(!outcome.errors.lowercased().contains("warning"), "\(outcome.errors)")
        return outcome.output
    }

    private static func pretraining(_ folder: String, run: String, _ more: [String] = []) -> [String] {
        [
            "pretrain", "--data", "\(folder)/objects/train", "--arch", "resnet18", "--recipe", "cifar10",
            "--image-size", "16",
            "--epochs", "3", "--batch", "16", "--checkpoint-every", "2", "--threads", "1", "--run", "\(folder)/\(run)",
        ] + more
    }

    private func drawObjects(_ folder: String) throws {
        _ = try succeed([
            "synthesize", "--classification", "--out", "\(folder)/objects", "--images", "10", "--width", "48",
            "--height", "48",
        ])
    }

    @Test func aKilledRunEndsAsIfItHadNeverBeenKilled() throws {
        try withTemporaryFolder { folder in
            try drawObjects(folder)
            _ = try succeed(Self.pretraining(folder, run: "whole"))
            let whole = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/whole/weights.safetensors"))
            var kills = 0
            var random = RandomStream(7)
            for _ in 0..<40 {
                // From during start-up to well into the training; longer from kill to kill, so that it gets on.
                let delay = random.uniform(0.3, 0.7) + 0.15 * Double(kills)
                let outcome = try run(Self.pretraining(folder, run: "killed", ["--resume"]), timeLimit: delay)
                if outcome.exitCode == 0 { break }
                try #require(outcome.exitCode == SIGKILL, "\(outcome.errors)")
                kills += 1
            }
            #expect(kills >= 2, "the run was over before it could be killed")
            let killed = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/killed/weights.safetensors"))
            #expect(killed == whole)
            let steps = try ["whole", "killed"].map { name in
                try Files.readText("\(folder)/\(name)/metrics.jsonl").split(separator: "\n").map { line in
                    // Speed is the one thing that an interruption may change.
                    try JSON.parse(line.utf8).members!.filter { $0.name != "images_per_second" }
                }
            }
            #expect(steps[0] == steps[1])
        }
    }

    @Test func anInterruptSavesAndExitsWith130() throws {
        try withTemporaryFolder { folder in
            try drawObjects(folder)
            let arguments = Self.pretraining(folder, run: "run", ["--resume"])
            let stopped = try run(
                arguments.map { $0 == "3" ? "200" : $0 },
                // The log appears once training has begun.
                shell: "\"$0\" \"$@\" & child=$!; while [ ! -s '\(folder)/run/metrics.jsonl' ]; do sleep 0.1; done; "
                    + "kill -INT $child; wait $child")
            #expect(stopped.exitCode == 130, "\(stopped.errors)")
            #expect(stopped.errors.contains("go on with --resume"))
            #expect(Files.exists("\(folder)/run/checkpoints/last.safetensors"))
        }
    }

    @Test func theWholePathFromPicturesToMeanAveragePrecision() throws {
        try withTemporaryFolder { folder in
            try drawObjects(folder)
            _ = try succeed([
                "synthesize", "--out", "\(folder)/kit", "--images", "20", "--width", "160", "--height", "120",
            ])
            _ = try succeed(Self.pretraining(folder, run: "instance", ["--json", "\(folder)/pretrain.json"]))
            let pretrain = try JSON.read("\(folder)/pretrain.json")
            for name in ["epochs", "images_per_second", "loss"] {
                #expect(pretrain[name]?.doubleValue != nil, "\(name)")
            }
            let weights = "\(folder)/instance/weights.safetensors"
            #expect(try succeed(["weights", "inspect", weights]).contains("projection.weight"))

            // The same accuracy from the weights and from feature files.
            for split in ["train", "val"] {
                _ = try succeed([
                    "features", "--weights", weights, "--data", "\(folder)/objects/\(split)", "--layer", "avgpool",
                    "--out",
                    "\(folder)/\(split).safetensors",
                ])
            }
            _ = try succeed([
                "probe", "knn", "--train-features", "\(folder)/train.safetensors", "--test-features",
                "\(folder)/val.safetensors", "--k", "5,1", "--json", "\(folder)/files.json",
            ])
            _ = try succeed([
                "probe", "knn", "--weights", weights, "--layer", "avgpool", "--train", "\(folder)/objects/train",
                "--test",
                "\(folder)/objects/val", "--k", "5,1", "--json", "\(folder)/images.json",
            ])
            let (files, images) = (try JSON.read("\(folder)/files.json"), try JSON.read("\(folder)/images.json"))
            #expect(files["top1"] != nil && files["top1"] == images["top1"])
            for name in ["protocol", "n_train", "n_test", "search_seconds"] { #expect(files[name] != nil, "\(name)") }

            for set in ["trainval", "test"] {
                _ = try succeed([
                    "proposals", "--devkit", "\(folder)/kit", "--set", set, "--out", "\(folder)/\(set).proposals",
                    "--max", "60",
                    "--json", "\(folder)/proposals.json",
                ])
            }
            let proposals = try JSON.read("\(folder)/proposals.json")
            for name in ["images", "boxes_per_image", "seconds_per_image", "average_best_overlap"] {
                #expect(proposals[name]?.doubleValue != nil, "\(name)")
            }
            #expect(proposals["recall"]?["0.5"]?.doubleValue != nil && proposals["recall"]?["0.7"]?.doubleValue != nil)
            _ = try succeed([
                "finetune", "--devkit", "\(folder)/kit", "--weights", weights, "--scale", "96", "--iterations", "6",
                "--rois", "8", "--proposals", "\(folder)/trainval.proposals", "--test-proposals",
                "\(folder)/test.proposals",
                "--max-proposals", "60", "--run", "\(folder)/voc", "--json", "\(folder)/finetune.json",
            ])
            let map = try #require(try JSON.read("\(folder)/finetune.json")["map"]?.doubleValue)
            #expect(Files.exists("\(folder)/voc/loss.png"))

            // `detect` on the same set writes the same files, and `evaluate` finds the same value in them.
            _ = try succeed([
                "detect", "--model", "\(folder)/voc", "--devkit", "\(folder)/kit", "--set", "test", "--proposals",
                "\(folder)/test.proposals", "--out", "\(folder)/found", "--json", "\(folder)/detect.json",
            ])
            _ = try succeed([
                "evaluate", "--devkit", "\(folder)/kit", "--set", "test", "--detections", "\(folder)/found", "--json",
                "\(folder)/evaluate.json",
            ])
            #expect(try JSON.read("\(folder)/detect.json")["map"]?.doubleValue == map)
            let evaluation = try JSON.read("\(folder)/evaluate.json")
            #expect(evaluation["map"]?.doubleValue == map)
            #expect(evaluation["metric"]?.stringValue == "07" && evaluation["iou"]?.doubleValue == 0.5)
            let classes = try #require(evaluation["ap"]?.members?.map(\.name))
            #expect(!classes.isEmpty && evaluation["npos"]?.members?.map(\.name) == classes)

            let picture = "\(folder)/kit/VOC2007/JPEGImages/000001.jpg"
            _ = try succeed(["detect", "--model", "\(folder)/voc", "--out", "\(folder)/single", picture])
            #expect(try JSON.read("\(folder)/single/detections.json")["images"]?.arrayValue?.count == 1)
            #expect(Files.exists("\(folder)/single/000001.png"))
        }
    }

    @Test func theDemoRefusesAForeignFolder() throws {
        try withTemporaryFolder { folder in
            try Files.makeFolder("\(folder)/objects")
            try Files.writeAtomically("mine", to: "\(folder)/objects/notes.txt")
            let outcome = try run(["demo", "--out", folder])
            #expect(outcome.exitCode == 1)
            #expect(try Files.readText("\(folder)/objects/notes.txt") == "mine")
        }
    }
}
