import Foundation
import Support
import TestSupport
import Testing

extension ProgramRuns {
    /// `finetune --head faster` and the commands that take its model, on a small drawn devkit of two years.
    @Suite struct FasterRCNNCommandTests {
        /// VOC2007 drawn, VOC2012 the same pictures under other names.
        private func draw(_ folder: String) throws {
            _ = try succeed(["synthesize", "--out", folder, "--images", "12", "--width", "128", "--height", "96"])
            let (first, second) = ("\(folder)/VOC2007", "\(folder)/VOC2012")
            for (sub, suffix) in [("JPEGImages", ".jpg"), ("Annotations", ".xml")] {
                try Files.makeFolder("\(second)/\(sub)")
                for name in try Files.list("\(first)/\(sub)") where name.hasSuffix(suffix) {
                    try FileManager.default.copyItem(
                        atPath: "\(first)/\(sub)/\(name)", toPath: "\(second)/\(sub)/2012_\(name)")
                }
            }
            try Files.makeFolder("\(second)/ImageSets/Main")
            let ids = try ids(folder, "trainval").map { "2012_\($0)\n" }.joined()
            try Files.writeAtomically(ids, to: "\(second)/ImageSets/Main/trainval.txt")
        }

        private func ids(_ folder: String, _ set: String) throws -> [String] {
            try Files.readText("\(folder)/VOC2007/ImageSets/Main/\(set).txt").split(separator: "\n").map(String.init)
        }

        private func finetuning(_ kit: String, run: String, _ more: [String] = []) -> [String] {
            [
                "finetune", "--devkit", kit, "--train-set", "2007:trainval,2012:trainval", "--arch", "resnet18",
                "--head", "faster", "--scale", "96", "--anchor-scales", "1,2,4", "--iterations", "5", "--rois", "8",
                "--roi-size", "4",
                "--checkpoint-every", "1", "--threads", "1", "--run", run,
            ] + more
        }

        @Test func fromTrainingToRecall() throws {
            try withTemporaryFolder { folder in
                let (kit, model) = ("\(folder)/kit", "\(folder)/run")
                try draw(kit)
                let output = try succeed(
                    finetuning(kit, run: model, ["--profile", "--json", "\(folder)/f.json", "--eval-every", "5"]))
                #expect(output.contains("proposals") && !Files.exists("\(model)/test.proposals"))
                let json = try JSON.read("\(folder)/f.json")
                #expect(json["train_images"]?.intValue == 2 * (try ids(kit, "trainval").count))
                let map = try #require(json["map"]?.doubleValue)
                let config = try JSON.read("\(model)/config.json")
                #expect(config["detector"]?["head"]?.stringValue == "faster" && config["rpn"] != nil)
                let scales = config["detector"]?["region_proposals"]?["scales"]?.arrayValue?.compactMap(\.doubleValue)
                #expect(scales == [1, 2, 4])

                _ = try succeed([
                    "detect", "--model", model, "--devkit", kit, "--set", "test", "--out", "\(folder)/found", "--json",
                    "\(folder)/d.json",
                ])
                #expect(try JSON.read("\(folder)/d.json")["map"]?.doubleValue == map)
                let table = try succeed([
                    "proposals", "--model", model, "--devkit", kit, "--set", "test", "--out", "\(folder)/rpn.proposals",
                    "--max", "1000", "--json", "\(folder)/p.json",
                ])
                #expect(table.contains("first boxes") && table.contains("region proposal network"))
                let recall = try #require(try JSON.read("\(folder)/p.json")["recall_at"]?.arrayValue)
                #expect(recall.map { $0["boxes"]?.intValue } == [50, 100, 300, 1000])
                let values = recall.compactMap { $0["0.5"]?.doubleValue }
                #expect(values.count == 4 && values == values.sorted())
                // They serve a Fast R-CNN like any other proposals.
                _ = try succeed([
                    "finetune", "--devkit", kit, "--train-set", "test", "--test-set", "none", "--arch", "resnet18",
                    "--scale", "96", "--iterations", "1", "--rois", "4", "--proposals", "\(folder)/rpn.proposals",
                    "--run", "\(folder)/fast",
                ])
                let refused = try run([
                    "proposals", "--model", "\(folder)/fast", "--devkit", kit, "--set", "test", "--out",
                    "\(folder)/x.proposals",
                ])
                #expect(refused.exitCode == 1 && refused.errors.contains("proposes no regions"))
                let picture = "\(kit)/VOC2007/JPEGImages/000001.jpg"
                _ = try succeed(["detect", "--model", model, "--out", "\(folder)/single", picture])
                #expect(Files.exists("\(folder)/single/000001.png"))
            }
        }

        @Test func theRecipeOfTodayRunsAndCanBeUsed() throws {
            try withTemporaryFolder { folder in
                let (kit, model) = ("\(folder)/kit", "\(folder)/moco")
                try draw(kit)
                _ = try succeed([
                    "finetune", "--devkit", kit, "--arch", "resnet18", "--recipe", "voc07-c4-moco", "--scale", "96",
                    "--iterations", "2", "--images-per-step", "2", "--rois", "8", "--roi-size", "4", "--threads", "1",
                    "--run", model,
                ])
                let config = try JSON.read("\(model)/config.json")
                #expect(config["lr"]?.doubleValue == 0.0025 && config["batch_norm"]?.stringValue == "train")
                #expect(config["detector"]?["roi"]?.stringValue == "align" && config["box_beta"]?.doubleValue == 0)
                // The batch norm behind the last stage stays with the detector; torchvision's network has no place for it.
                _ = try succeed([
                    "weights", "export", "\(model)/model.safetensors", "--out", "\(folder)/backbone.safetensors",
                ])
                let output = try succeed(["weights", "inspect", "\(folder)/backbone.safetensors"])
                #expect(output.contains("layer4.1.conv2.weight") && !output.contains("norm.running_mean"))
            }
        }

        @Test func killsChangeNothing() throws {
            try withTemporaryFolder { folder in
                let kit = "\(folder)/kit"
                try draw(kit)
                _ = try succeed(finetuning(kit, run: "\(folder)/whole", ["--test-set", "none"]))
                let killed = finetuning(kit, run: "\(folder)/killed", ["--test-set", "none", "--resume"])
                var (kills, patience) = (0, 0.6)
                while kills < 40 {
                    let outcome = try run(killed, timeLimit: patience)
                    if outcome.exitCode == 0 { break }
                    try #require(outcome.exitCode == SIGKILL, "\(outcome.errors)")
                    kills += 1
                    patience += 0.2
                }
                #expect(kills > 0)
                let models = try ["whole", "killed"].map { try Files.read("\(folder)/\($0)/model.safetensors") }
                #expect(models[0] == models[1])
            }
        }

        @Test func whatDoesNotFitIsRefused() throws {
            try withTemporaryFolder { folder in
                let kit = "\(folder)/kit"
                try draw(kit)
                func problem(_ arguments: [String], exit code: Int32) throws -> String {
                    let outcome = try run(arguments)
                    #expect(outcome.exitCode == code, "\(arguments)")
                    return outcome.errors
                }
                let arguments = finetuning(kit, run: "\(folder)/run")
                #expect(try problem(arguments + ["--proposals", "x"], exit: 2).contains("takes no proposals"))
                #expect(try problem(arguments + ["--anchor-scales", "4,0"], exit: 2).contains("--anchor-scales"))
                let recipe = ["--recipe", "voc07-c4-moco"]
                let start = ["finetune", "--devkit", kit, "--run", "\(folder)/run", "--arch"]
                #expect(try problem(start + ["vgg16"] + recipe, exit: 2).contains("on ResNets"))
                #expect(try problem(start + ["resnet18", "--head", "fast"] + recipe, exit: 2).contains("on ResNets"))
                let fast = start + ["resnet18", "--anchor-scales", "4"]
                #expect(try problem(fast, exit: 2).contains("without --head faster"))
                func train(_ set: String) -> [String] { start + ["resnet18", "--train-set", set] }
                #expect(try problem(train("2013:trainval"), exit: 1).contains("2007, 2012"))
                #expect(try problem(train("x:trainval"), exit: 1).contains("in a folder x; choose"))
                #expect(try problem(train("trainval,2007:trainval"), exit: 1).contains("more than once"))
                #expect(try problem(train("trainval,"), exit: 1).contains("image set"))
                #expect(!Files.exists("\(folder)/run"))
            }
        }
    }
}
