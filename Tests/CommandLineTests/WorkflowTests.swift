import Foundation
import Support
import TestSupport
import Testing

extension ProgramRuns {
    @Suite struct WorkflowTests {
        @Test func theWholePathFromPicturesToMeanAveragePrecision() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                _ = try succeed([
                    "synthesize", "--out", "\(folder)/kit", "--images", "20", "--width", "160", "--height", "120",
                ])
                _ = try succeed(pretraining(folder, run: "instance", ["--json", "\(folder)/pretrain.json"]))
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
                for name in ["protocol", "n_train", "n_test", "search_seconds"] {
                    #expect(files[name] != nil, "\(name)")
                }

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
                #expect(
                    proposals["recall"]?["0.5"]?.doubleValue != nil && proposals["recall"]?["0.7"]?.doubleValue != nil)
                _ = try succeed([
                    "finetune", "--devkit", "\(folder)/kit", "--weights", weights, "--scale", "96", "--iterations", "6",
                    "--rois", "8", "--proposals", "\(folder)/trainval.proposals", "--test-proposals",
                    "\(folder)/test.proposals",
                    "--max-proposals", "60", "--run", "\(folder)/voc", "--json", "\(folder)/finetune.json",
                    "--eval-every", "3", "--eval-images", "2", "--profile",
                ])
                // A look after 3 and after 6 steps, and the better detector.
                let looks = try Files.readText("\(folder)/voc/metrics.jsonl").split(separator: "\n").filter {
                    $0.contains("\"map\"")
                }
                #expect(looks.count == 2)
                #expect(Files.exists("\(folder)/voc/best.safetensors") && Files.exists("\(folder)/voc/map.png"))
                for profile in ["step_profile_ms", "test_profile_ms"] {
                    let stages = try #require(try JSON.read("\(folder)/finetune.json")[profile]?.members)
                    #expect(stages.contains { $0.name == "backbone" } && stages.contains { $0.name == "head" })
                }
                let map = try #require(try JSON.read("\(folder)/finetune.json")["map"]?.doubleValue)
                #expect(Files.exists("\(folder)/voc/loss.png"))

                // `detect` on the same set writes the same files, and `evaluate` finds the same value in them.
                _ = try succeed([
                    "detect", "--model", "\(folder)/voc", "--devkit", "\(folder)/kit", "--set", "test", "--proposals",
                    "\(folder)/test.proposals", "--out", "\(folder)/found", "--json", "\(folder)/detect.json",
                ])
                _ = try succeed([
                    "evaluate", "--devkit", "\(folder)/kit", "--set", "test", "--detections", "\(folder)/found",
                    "--json",
                    "\(folder)/evaluate.json",
                ])
                #expect(try JSON.read("\(folder)/detect.json")["map"]?.doubleValue == map)
                #expect(Files.exists("\(folder)/found/sheet.png") && !Files.exists("\(folder)/found/test.partial"))
                // Without a least score more boxes become detections.
                _ = try succeed([
                    "detect", "--model", "\(folder)/voc", "--devkit", "\(folder)/kit", "--set", "test", "--proposals",
                    "\(folder)/test.proposals", "--out", "\(folder)/more", "--filter", "fast-rcnn", "--pictures", "0",
                ])
                func lines(_ found: String) throws -> Int {
                    try Files.list("\(folder)/\(found)").filter { $0.hasSuffix(".txt") }.map {
                        try Files.readText("\(folder)/\(found)/\($0)").count { $0 == "\n" }
                    }.reduce(0, +)
                }
                #expect(try lines("more") > lines("found"))
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

        /// The smallest demo, stopped by nothing: its table, what it says about its size, its pictures; run again it has
        /// nothing left to do and says the same.
        @Test func theDemoComparesThreeStarts() throws {
            try withTemporaryFolder { folder in
                let arguments = ["demo", "--out", folder, "--size", "tiny"]
                let outcome = try run(arguments, timeLimit: 240)
                let output = outcome.output
                #expect(outcome.exitCode == 0)
                #expect(outcome.errors.contains("· size tiny: as chosen"))
                for name in ["random", "supervised", "instance", "kNN top-1 %", "mAP %", "AP umbrella"] {
                    #expect(output.contains(name), "\(name)")
                }
                let result = try JSON.read("\(folder)/result.json")
                #expect(result["size"]?["size"]?.stringValue == "tiny")
                #expect(result["rows"]?.arrayValue?.compactMap { $0["map"]?.doubleValue }.count == 3)
                for picture in ["detections.png", "ap.png"] { #expect(Files.exists("\(folder)/\(picture)")) }
                // A demo goes on in the size it was begun in.
                let again = try run(["demo", "--out", folder])
                #expect(again.exitCode == 0)
                #expect(again.errors.contains("· size tiny: as the demo in \(folder) was begun"))
                #expect(try JSON.read("\(folder)/result.json")["rows"] == result["rows"])
            }
        }

        @Test func theDemoRefusesAForeignFolder() throws {
            try withTemporaryFolder { folder in
                try Files.makeFolder("\(folder)/objects")
                try Files.writeAtomically("mine", to: "\(folder)/objects/notes.txt")
                let outcome = try run(["demo", "--out", folder, "--size", "tiny"])
                #expect(outcome.exitCode == 1)
                #expect(try Files.readText("\(folder)/objects/notes.txt") == "mine")
            }
        }
    }
}
