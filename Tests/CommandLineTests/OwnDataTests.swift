import Foundation
import Support
import TestSupport
import Testing

extension ProgramRuns {
    /// Data sets as people have them, from proposals to comp4 files.
    @Suite struct OwnDataTests {
        private func draw(_ folder: String) throws {
            _ = try succeed(["synthesize", "--out", folder, "--images", "8", "--width", "96", "--height", "96"])
        }

        private let small = [
            "--arch", "resnet18", "--scale", "64", "--iterations", "1", "--rois", "4", "--max-proposals", "20",
            "--pictures", "0",
        ]

        private func replace(_ old: String, with new: String, in path: String) throws {
            try Files.writeAtomically(try Files.readText(path).replacing(old, with: new), to: path)
        }

        private func train(_ folder: String) throws {
            _ = try succeed(
                ["finetune", "--devkit", folder, "--test-set", "none", "--run", "\(folder)/model"] + small)
        }

        @Test func aSetWithoutAnnotationsIsProposedAndDetected() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                try train(folder)
                let main = "\(folder)/VOC2007/ImageSets/Main/test.txt"
                for id in try Files.readText(main).split(separator: "\n") {
                    Files.remove("\(folder)/VOC2007/Annotations/\(id).xml")
                }
                let proposed = try run([
                    "proposals", "--devkit", folder, "--set", "test", "--max", "20", "--out",
                    "\(folder)/test.proposals",
                ])
                #expect(proposed.exitCode == 0 && !proposed.output.contains("recall"), "\(proposed.errors)")
                #expect(proposed.errors.contains("test has no annotations"))
                let found = try run([
                    "detect", "--model", "\(folder)/model", "--devkit", folder, "--set", "test", "--out",
                    "\(folder)/results", "--json", "\(folder)/results.json",
                ])
                #expect(found.exitCode == 0 && found.output.contains("mAP is left out"), "\(found.errors)")
                #expect(try Files.list("\(folder)/results").contains { $0.hasPrefix("comp4_det_test_") })
                #expect(try JSON.read("\(folder)/results.json")["map"] == .null)
                let measured = try run(["evaluate", "--devkit", folder, "--detections", "\(folder)/results"])
                #expect(measured.exitCode == 1 && measured.errors.contains("names this annotation"))
            }
        }

        @Test func resultsLieNotAmongTheImages() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                try train(folder)
                let images = "\(folder)/VOC2007/JPEGImages"
                let names = try Files.list(images)
                let command = ["detect", "--model", "\(folder)/model", "--out", images]
                let outcome = try run(command + ["--devkit", folder, "--set", "test"])
                #expect(outcome.exitCode == 2 && outcome.errors.contains("is the folder of the devkit's images"))
                #expect(try Files.list(images) == names)
            }
        }

        @Test func aPictureOfAnUnknownKindIsRefusedBeforeTheWork() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                let outcome = try run([
                    "proposals", "--devkit", folder, "--set", "test", "--out", "\(folder)/new/a.proposals", "--picture",
                    "\(folder)/a.gif",
                ])
                #expect(outcome.exitCode == 2 && outcome.errors.contains("a.gif is no picture"))
                #expect(!Files.exists("\(folder)/new"))
                // Folders on the way to a file are made.
                _ = try succeed([
                    "proposals", "--devkit", folder, "--set", "test", "--max", "5", "--limit", "1", "--out",
                    "\(folder)/new/a.proposals",
                ])
            }
        }

        @Test func aTestSetWithoutObjectsEndsWellWithAnUndefinedMean() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                for id in try Files.readText("\(folder)/VOC2007/ImageSets/Main/test.txt").split(separator: "\n") {
                    let path = "\(folder)/VOC2007/Annotations/\(id).xml"
                    try Files.writeAtomically("<annotation><filename>\(id).jpg</filename></annotation>", to: path)
                }
                let outcome = try run(["finetune", "--devkit", folder, "--run", "\(folder)/run"] + small)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.errors.contains("test holds no object that counts"))
                let result = try JSON.read("\(folder)/run/result.json")
                #expect(result["map"] == .null && result["evaluation"]?["undefined"]?.arrayValue?.isEmpty == false)
                #expect(try succeed(["compare", "\(folder)/run"]).contains("–"))
            }
        }

        @Test func aClassNameWithASlashHasFilesAndIsEvaluated() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                for name in try Files.list("\(folder)/VOC2007/Annotations") {
                    let path = "\(folder)/VOC2007/Annotations/\(name)"
                    let text = try Files.readText(path).replacing(#/<name>[^<]*</name>/#, with: "<name>bag/case</name>")
                    try Files.writeAtomically(text, to: path)
                }
                let run = "\(folder)/run"
                _ = try succeed(["finetune", "--devkit", folder, "--run", run] + small)
                #expect(try Files.list("\(run)/detections") == ["comp4_det_test_bag%2Fcase.txt"])
                let printed = try succeed([
                    "evaluate", "--devkit", folder, "--detections", "\(run)/detections", "--curves", "\(folder)/curves",
                ])
                #expect(printed.contains("bag/case") && !printed.contains("no detections file"))
                #expect(Files.exists("\(folder)/curves/bag%2Fcase_pr.csv"))
            }
        }

        @Test func aYearInFrontOfASetMeansTheSameEverywhere() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                let (old, new) = ("\(folder)/VOC2007", "\(folder)/VOC2012")
                try FileManager.default.moveItem(atPath: old, toPath: new)
                // A 2007 without these sets.
                try Files.makeFolder("\(old)/ImageSets/Main")
                try Files.writeAtomically("x\n", to: "\(old)/ImageSets/Main/other.txt")
                let set = "2012:test"
                for command in [["voc", "stats"], ["voc", "check"]] {
                    _ = try succeed(command + ["--devkit", folder, "--set", set])
                }
                _ = try succeed([
                    "voc", "export-coco", "--devkit", folder, "--set", set, "--out", "\(folder)/coco.json",
                ])
                _ = try succeed([
                    "features", "--data", folder, "--set", set, "--weights", "random", "--arch", "resnet18", "--stem",
                    "cifar", "--image-size", "32", "--layer", "conv1", "--out", "\(folder)/features.safetensors",
                ])
                _ = try succeed(
                    [
                        "finetune", "--devkit", folder, "--train-set", "2012:trainval", "--test-set", set, "--run",
                        "\(folder)/run",
                    ]
                        + small)
                let detections = "\(folder)/run/detections"
                #expect(try Files.list(detections).contains { $0.hasPrefix("comp4_det_2012-test_") })
                #expect(
                    try succeed(["evaluate", "--devkit", folder, "--set", set, "--detections", detections]).contains(
                        "mAP"))
                let wrong = try run(["voc", "stats", "--devkit", folder, "--set", "2011:test"])
                #expect(wrong.exitCode == 1 && wrong.errors.contains("choose one of 2007, 2012 in front of the set"))
            }
        }

        @Test func ownImagesAreImportedCheckedAndLearntFrom() throws {
            try withTemporaryFolder { folder in
                try draw("\(folder)/drawn")
                let (from, to) = ("\(folder)/drawn/VOC2007", "\(folder)/own")
                try Files.makeFolder(to)
                for (old, new) in [("JPEGImages", "images"), ("Annotations", "annotations")] {
                    try FileManager.default.moveItem(atPath: "\(from)/\(old)", toPath: "\(to)/\(new)")
                }
                #expect(try succeed(["voc", "check", "--devkit", to]).contains("images + annotations"))
                // Commands that need no boxes take the images of such a folder.
                let seen = try run([
                    "features", "--data", to, "--weights", "random", "--arch", "resnet20", "--image-size", "16",
                    "--out",
                    "\(folder)/f.safetensors",
                ])
                #expect(seen.output.hasPrefix("8 images") && seen.errors.contains("all: "), "\(seen.errors)")
                let trained = try run(
                    ["finetune", "--devkit", to, "--split", ".7,.3", "--seed", "2", "--run", "\(folder)/run"] + small)
                #expect(trained.exitCode == 0 && trained.errors.contains("split by 70 % train, 30 % test, seed 2"))
                let printed = try succeed([
                    "voc", "import", "--from", to, "--out", "\(folder)/kit", "--split", ".7,.3", "--seed", "2",
                ])
                #expect(printed.contains("8 images"))
                #expect(
                    try succeed(["evaluate", "--devkit", "\(folder)/kit", "--detections", "\(folder)/run/detections"])
                        .contains("mAP"))
                let wrong = try run(["voc", "stats", "--devkit", to, "--split", ".7,.7"])
                #expect(wrong.exitCode == 2 && wrong.errors.contains("add up to 1"))
            }
        }

        @Test func whatIsMissingDoesNotEndATraining() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                let list = "\(folder)/VOC2007/ImageSets/Main/trainval.txt"
                let ids = try Files.readText(list).split(separator: "\n").map(String.init)
                Files.remove("\(folder)/VOC2007/JPEGImages/\(ids[1]).jpg")
                try Files.writeAtomically(ids.joined(separator: "\r\n") + "\r\n\(ids[0])\r\ngone", to: list)
                let arguments = ["finetune", "--devkit", folder, "--run", "\(folder)/run"] + small
                let outcome = try run(arguments)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                for part in [
                    "2 images that are not there", "\(ids[1]).jpg", "gone.jpg", "1 lines with an image listed before",
                ] {
                    #expect(outcome.errors.contains(part), "\(part) in \(outcome.errors)")
                }
                #expect(try JSON.read("\(folder)/run/result.json")["train_images"]?.intValue == ids.count - 1)
                let stopped = try run(
                    ["finetune", "--devkit", folder, "--run", "\(folder)/strict", "--on-missing", "stop"] + small)
                #expect(stopped.exitCode == 1 && stopped.errors.contains("is listed twice"))
                #expect(!Files.exists("\(folder)/strict"))
            }
        }

        /// One policy in every command that reads images of a list or a devkit.
        @Test func whatIsMissingIsToldByEveryCommand() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                let names = try Files.list("\(folder)/VOC2007/JPEGImages")
                let lines = names.map { "VOC2007/JPEGImages/\($0)" } + ["gone/1.jpg"]
                try Files.writeAtomically(lines.joined(separator: "\r\n"), to: "\(folder)/list.txt")
                Files.remove("\(folder)/VOC2007/JPEGImages/\(names[0])")
                let network = ["--weights", "random", "--arch", "resnet20", "--image-size", "16", "--threads", "1"]
                let features = ["--out", "\(folder)/f.safetensors"] + network
                func check(_ arguments: [String], _ count: Int) throws {
                    let outcome = try run(arguments)
                    #expect(
                        outcome.errors.contains("\(count) images that are not there, left out"), "\(outcome.errors)")
                    #expect(outcome.exitCode == 0 && outcome.errors.contains(names[0]), "\(arguments)")
                    let stopped = try run(arguments + ["--on-missing", "stop"])
                    #expect(stopped.exitCode == 1 && stopped.errors.contains("does not exist"), "\(stopped.errors)")
                }
                try check(["features", "--data", "\(folder)/list.txt"] + features, 2)
                try check(["features", "--data", folder, "--set", "all"] + features, 1)
            }
        }

        @Test func theSplitOfARunIsKept() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                let arguments =
                    ["finetune", "--devkit", folder, "--test-set", "none", "--run", "\(folder)/run"] + small
                _ = try succeed(arguments + ["--split", ".5,.5"])
                let split = try JSON.read("\(folder)/run/config.json")["split"]
                #expect(split?["train"]?.doubleValue == 0.5 && split?["seed"]?.stringValue == "0")
                let resumed = try run(arguments + ["--split", ".5,.5", "--resume"])
                #expect(resumed.exitCode == 0 && resumed.errors.contains("split by 50 % train, 50 % test, seed 0"))
                for other in [["--split", ".5,.25,.25"], []] {
                    let refused = try run(arguments + other + ["--resume"])
                    #expect(refused.exitCode == 1 && refused.errors.contains("was started with"), "\(refused.errors)")
                }
            }
        }

        @Test func aReportWithoutTablesIsNotEmpty() throws {
            try withTemporaryFolder { folder in
                try draw(folder)
                let path = "\(folder)/new/report.csv"
                let arguments = ["finetune", "--devkit", folder, "--test-set", "none"] + small
                _ = try succeed(arguments + ["--run", "\(folder)/run", "--report", path])
                #expect(try Files.readText(path).contains("trained 1 step"))
                try Files.makeFolder("\(folder)/taken.csv")
                let refused = try run(arguments + ["--run", "\(folder)/late", "--report", "\(folder)/taken.csv"])
                #expect(refused.exitCode == 1 && refused.errors.contains("is a folder"))
                #expect(!Files.exists("\(folder)/late"))
            }
        }
    }
}
