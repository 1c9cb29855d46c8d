import Foundation
import Support
import TestSupport
import Testing
import Torch

extension ProgramRuns {
    @Suite struct WeightImportTests {
        @Test func weightsGoOutAndComeBack() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                _ = try succeed(pretraining(folder, run: "instance"))
                let weights = "\(folder)/instance/weights.safetensors"
                let (plain, back) = ("\(folder)/plain.safetensors", "\(folder)/back.safetensors")
                let text = try succeed(["weights", "export", weights, "--out", plain])
                #expect(text.contains("left out: projection.weight, projection.bias"))
                let (file, exported) = (try SafetensorsFile(path: weights), try SafetensorsFile(path: plain))
                #expect(exported.metadata == ["format": "pt"])
                #expect(
                    exported.entries.map(\.name) == file.entries.map(\.name).filter { !$0.hasPrefix("projection.") })
                _ = try succeed([
                    "weights", "export", weights, "--out", "\(folder)/all.safetensors", "--with-projection",
                ])

                let report = "\(folder)/report.json"
                let imported = try succeed([
                    "weights", "import", "\(folder)/all.safetensors", "--out", back, "--json", report, "--objective",
                    "instance",
                ])
                #expect(imported.contains("missing     none"))
                #expect(try JSON.read(report)["loaded"]?.arrayValue?.count == file.entries.count)
                #expect(try JSON.read(report)["missing"] == [])
                let copy = try SafetensorsFile(path: back)
                for entry in file.entries {
                    #expect(copy.tensor(entry.name)?.floats == file.tensor(entry.name)?.floats, "\(entry.name)")
                }
                #expect(try succeed(["weights", "inspect", back]).contains("imported_from"))
            }
        }

        @Test func theBackboneOfADetectorIsExported() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                _ = try succeed(pretraining(folder, run: "instance"))
                let file = try SafetensorsFile(path: "\(folder)/instance/weights.safetensors")
                let network = file.entries.map(\.name).filter { !$0.hasPrefix("projection.") }
                let detector: JSON = [
                    "head": "fast", "arch": "resnet18", "stem": "cifar", "classes": ["dog"], "short_side": 96,
                    "long_side": 200, "proposals": 60, "region_size": .null,
                    "normalization": ["mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]],
                ]
                func write(_ detector: JSON) throws -> String {
                    let model = "\(folder)/model.safetensors"
                    try SafetensorsFile.write(
                        network.map { ("backbone." + $0, file.tensor($0)!) }
                            + [("box_predictor.cls_score.weight", Tensor.zeros([2, 512]))],
                        metadata: ["detector": detector.line], to: model)
                    return model
                }
                let out = "\(folder)/out.safetensors"
                let text = try succeed(["weights", "export", try write(detector), "--out", out])
                #expect(text.contains("left out: box_predictor.cls_score.weight"))
                #expect(text.contains("model.fc = torch.nn.Identity()"))
                let exported = try SafetensorsFile(path: out)
                #expect(exported.entries.map(\.name) == network)
                for name in network { #expect(exported.tensor(name)?.floats == file.tensor(name)?.floats) }

                let other = JSON.object(detector.members!.map { $0.name == "arch" ? .init("arch", "resnet34") : $0 })
                let outcome = try run(["weights", "export", try write(other), "--out", "\(folder)/none.safetensors"])
                #expect(outcome.exitCode == 1 && outcome.errors.contains("resnet34"))
                #expect(!Files.exists("\(folder)/none.safetensors"))
            }
        }

        /// A real file of torch.save that runs `touch executed` in whoever unpickles it with Python.
        @Test func nothingInAFileIsExecuted() throws {
            try withTemporaryFolder { folder in
                let evil = Repository.path("Tests/BackboneTests/Golden/pth/evil.pth")
                let outcome = try run(
                    ["weights", "import", evil, "--out", "weights.safetensors", "--prefix", "model."], folder: folder)
                #expect(outcome.exitCode == 1)
                #expect(outcome.errors.split(separator: "\n").count == 1)
                #expect(outcome.errors.contains("none of the known networks"), "\(outcome.errors)")
                #expect(try Files.list(folder).isEmpty)
            }
        }

        /// Weights that others saved, given where a weight file is expected.
        @Test func otherFilesUnderTheNameOfWeightsAreCalledWhatTheyAre() throws {
            try withTemporaryFolder { folder in
                for (content, problem) in [
                    ("<!DOCTYPE html><html>", "is a web page"),
                    ("version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
                    ("", "is an empty file"),
                ] {
                    let path = "\(folder)/w.pth"
                    try Files.writeAtomically(content, to: path)
                    for command in [
                        ["weights", "import", path, "--out", "\(folder)/out"], ["weights", "inspect", path],
                        ["features", "--weights", path, "--data", folder, "--out", "\(folder)/out"],
                        ["detect", "--model", path, "--out", "\(folder)/out", "a.jpg"],
                    ] {
                        let outcome = try run(command)
                        #expect(
                            outcome.exitCode == 1 && outcome.errors.contains(problem), "\(command): \(outcome.errors)")
                    }
                }
            }
        }
    }
}
