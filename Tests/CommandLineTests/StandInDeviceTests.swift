import Foundation
import Support
import TestSupport
import Testing
import Torch

/// `--device cuda` on a device that computes on the CPU and is strict where CUDA is (Sources/CTorch/Library/StandIn): each
/// operator wants all its tensors and its generator there, and captured steps must not read or bring values.
extension ProgramRuns {
    @Suite struct StandInDeviceTests {
        /// The program beside the library with the stand-in, in a folder of its own.
        private struct Program {
            let folder: String

            init(_ folder: String) throws {
                self.folder = folder
                let built = binary.deletingLastPathComponent()
                try FileManager.default.copyItem(at: binary, to: URL(fileURLWithPath: "\(folder)/detect-cli"))
                try FileManager.default.copyItem(
                    at: built.appendingPathComponent("libCTorchStandIn.so"),
                    to: URL(fileURLWithPath: "\(folder)/libCTorch.so"))
            }

            /// What it printed, and what its graphs said when they went.
            @discardableResult
            func callAsFunction(_ arguments: [String]) throws -> String {
                let outcome = try run(
                    arguments, shell: "exec '\(folder)/detect-cli' \"$@\"",
                    environment: ["DETECT_STAND_IN_VERBOSE": "1"], timeLimit: 240)
                try #require(outcome.exitCode == 0, "\(arguments.joined(separator: " ")): \(outcome.errors)")
                return outcome.output + outcome.errors
            }

            /// Lines of the log without what depends on the machine.
            func log(_ run: String) throws -> [[String: Double]] {
                try Files.readText("\(folder)/\(run)/metrics.jsonl").split(separator: "\n").map { line in
                    Dictionary(
                        uniqueKeysWithValues: (try JSON.parse(line.utf8).members ?? []).compactMap { member in
                            member.value.doubleValue.map { (member.name, $0) }
                        }.filter { $0.0 != "images_per_second" })
                }
            }

            func weights(_ run: String) throws -> [String: [Float]] {
                try SafetensorsFile(path: "\(folder)/\(run)/weights.safetensors").tensors().mapValues(\.floats)
            }
        }

        private func isClose(_ a: [String: Double], _ b: [String: Double]) -> Bool {
            a.keys.sorted() == b.keys.sorted() && a.allSatisfy { abs($1 - b[$0]!) <= 1e-4 * max(1, abs($1)) }
        }

        private func pretraining(_ folder: String, run: String, _ more: [String]) -> [String] {
            [
                "pretrain", "--data", "\(folder)/objects/train", "--limit", "64", "--threads", "1", "--run",
                "\(folder)/\(run)",
            ] + more
        }

        /// One step on the device and on the CPU: the same but for rounding, augmentation and noise included.
        @Test(arguments: ProgramMethods.all.map { [$0] } + [["instance", "--loss", "nce"]])
        func aStepIsTheCPUs(options: [String]) throws {
            try withTemporaryFolder { folder in
                let program = try Program(folder)
                try drawObjects(folder)
                let own = try ProgramMethods.settings(["dropout": "0", "queue": "128"], of: options[0])
                for device in ["cpu", "cuda"] {
                    try program(
                        pretraining(
                            folder, run: device,
                            ["--method"] + options + own + [
                                "--arch", "resnet20", "--recipe", "cifar10", "--image-size", "16", "--batch", "64",
                                "--epochs", "1", "--device", device, "--knn-every", "0",
                            ]))
                }
                let (cpu, cuda) = (try program.log("cpu"), try program.log("cuda"))
                #expect(cpu.count == 1 && cuda.count == 1)
                #expect(zip(cpu, cuda).allSatisfy(isClose), "\(cpu), \(cuda)")
                // Running statistics and all: what one update of rate .03 changes, and little else.
                let (a, b) = (try program.weights("cpu"), try program.weights("cuda"))
                #expect(a.keys.sorted() == b.keys.sorted())
                for (name, values) in a {
                    let other = try #require(b[name])
                    #expect(
                        values.count == other.count
                            && zip(values, other).allSatisfy { abs($0 - $1) <= 1e-3 * max(0.1, abs($0)) }, "\(name)")
                }
            }
        }

        /// A step that is captured and replayed trains as one that is made anew, to the last bit.
        @Test(arguments: [
            [
                "instance", "--loss", "nce", "--z", "ema", "--negatives-mode", "shared", "--exclude-positive",
                "--proximal",
                "0.1",
            ],
            ["instance", "--loss", "nce", "--negatives", "16", "--precision", "bf16"], ["parametric", "--clip", "1"],
            ["moco-v2", "--queue", "32"], ["simclr", "--warmup", "0"], ["byol", "--warmup", "0"], ["simsiam"],
            ["colorization"], ["jigsaw"], ["exemplar", "--form", "triplets"], ["bigan"],
        ])
        func aCapturedRunIsTheRun(options: [String]) throws {
            try withTemporaryFolder { folder in
                let program = try Program(folder)
                try drawObjects(folder)
                let common =
                    ["--method"] + options + [
                        "--arch", "resnet20", "--recipe", "cifar10", "--image-size", "16", "--batch", "16", "--epochs",
                        "2", "--device", "cuda", "--knn-every", "1",
                    ]
                try program(pretraining(folder, run: "plain", common))
                let said = try program(pretraining(folder, run: "captured", common + ["--cuda-graph"]))
                // Of eight steps three come before.
                #expect(said.contains("operators captured, replayed 5 times"), "\(said)")
                #expect(try program.log("captured") == program.log("plain"))
                #expect(try program.weights("captured") == program.weights("plain"))
            }
        }

        /// Dropout draws on the device, and from a generator that the seed decides: the run repeats itself to the last bit.
        // The exchange goes through the CPU, as no NCCL knows this device.
        @Test(arguments: [
            ["--loss", "nce", "--negatives", "8", "--sync-batchnorm"], ["--method", "simclr", "--sync-batchnorm"],
            ["--method", "moco-v2", "--queue", "32", "--norm-groups", "4"],
        ]) func processesWithAGPUEach(_ options: [String]) throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let program = try Program(folder)
                func training(_ name: String) -> [String] {
                    [
                        "pretrain", "--data", "\(folder)/objects/train", "--arch", "resnet20", "--recipe", "cifar10",
                        "--image-size", "16", "--limit", "32", "--batch", "32", "--epochs", "1", "--knn-every", "0",
                        "--threads", "1", "--device", "cuda", "--run", "\(folder)/\(name)",
                    ] + options
                }
                try program(training("one"))
                let shell = "exec '\(folder)/detect-cli' \"$@\""
                let outcomes = try together(2, training("two"), shells: [0: shell, 1: shell])
                try #require(outcomes.map(\.exitCode) == [0, 0], "\(outcomes.map(\.errors))")
                let losses = try ["one", "two"].map { try program.log($0)[0]["loss"] ?? .nan }
                #expect(abs(losses[0] - losses[1]) < 1e-4 * max(1, abs(losses[0])), "\(losses)")
            }
        }

        @Test func alexNet() throws {
            try withTemporaryFolder { folder in
                let program = try Program(folder)
                try drawObjects(folder)
                for run in ["first", "second"] {
                    try program(
                        pretraining(
                            folder, run: run,
                            [
                                "--arch", "alexnet", "--image-size", "64", "--batch", "32", "--epochs", "1",
                                "--negatives", "16", "--device", "cuda", "--knn-every", "0",
                            ]))
                }
                let first = try program.log("first")
                #expect(!first.isEmpty && first.allSatisfy { $0["loss"]?.isFinite == true })
                #expect(try program.log("second") == first)
                #expect(try program.weights("second") == program.weights("first"))
            }
        }

        @Test func features() throws {
            try withTemporaryFolder { folder in
                let program = try Program(folder)
                try drawObjects(folder)
                for device in ["cpu", "cuda"] {
                    try program([
                        "features", "--weights", "random", "--arch", "resnet18", "--stem", "cifar", "--image-size",
                        "16",
                        "--data", "\(folder)/objects/val", "--out", "\(folder)/\(device).safetensors", "--device",
                        device,
                    ])
                }
                let rows = try ["cpu", "cuda"].map {
                    try SafetensorsFile(path: "\(folder)/\($0).safetensors").tensors()["features"]!.floats
                }
                let largest = rows[0].map(\.magnitude).max() ?? 0
                #expect(rows[0].count == rows[1].count && largest > 0)
                #expect(zip(rows[0], rows[1]).allSatisfy { abs($0 - $1) <= 1e-4 * largest })
            }
        }

        /// Training and test of both detectors; the first step is the CPU's but for rounding.
        @Test(arguments: ["fast", "faster"])
        func detectors(head: String) throws {
            try withTemporaryFolder { folder in
                let program = try Program(folder)
                try succeed([
                    "synthesize", "--out", "\(folder)/kit", "--images", "8", "--width", "128", "--height", "96",
                ])
                for device in ["cpu", "cuda"] {
                    try program(
                        [
                            "finetune", "--devkit", "\(folder)/kit", "--arch", "resnet18", "--head", head, "--scale",
                            "96",
                            "--iterations", "2", "--log-every", "1", "--rois", "8", "--roi-size", "4", "--threads", "1",
                            "--lr", "1e-4", "--device", device, "--run", "\(folder)/\(device)",
                        ])
                }
                let (cpu, cuda) = (try program.log("cpu"), try program.log("cuda"))
                try #require(cpu.count == 2 && cuda.count == 2)
                #expect(isClose(cpu[0], cuda[0]), "\(cpu), \(cuda)")
                #expect(cuda.allSatisfy { $0["loss"]?.isFinite == true })
            }
        }
    }
}
