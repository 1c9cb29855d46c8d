import Foundation
import Support
import TestSupport
import Testing
import Torch

/// What this machine has, whatever narrower setting the tests run under.
private let widest = Capability(of: Processor.instructionSets, environment: [:]).kernels

extension ProgramRuns {
    /// The same results on every processor, as far as this one can play a lesser one.
    @Suite struct InstructionSetTests {
        /// As on a processor without AVX-512, or less.
        private static let narrow = [
            "ATEN_CPU_CAPABILITY": min(widest, .avx2).rawValue, "ONEDNN_MAX_CPU_ISA": "AVX2",
        ]

        private func losses(_ run: String) throws -> [Double] {
            try Files.readText("\(run)/metrics.jsonl").split(separator: "\n")
                .compactMap { try JSON.parse($0.utf8)["loss"]?.doubleValue }
        }

        // Plain operators, kernels for AVX2 and those for AVX-512 train alike: convolutions, batch norm and their gradients.
        @Test(.enabled(if: widest > .plain, "needs a processor with AVX2: others have one kind of kernels"))
        func kernelsAgree() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                func losses(_ kernels: Capability.Kernels, _ limit: String) throws -> [Double] {
                    let name = kernels.rawValue
                    let arguments = pretraining(folder, run: name, ["--precision", "fp32"])
                    let outcome = try run(
                        arguments, environment: ["ATEN_CPU_CAPABILITY": name, "ONEDNN_MAX_CPU_ISA": limit],
                        timeLimit: 240)
                    try #require(outcome.exitCode == 0, "\(outcome.errors)")
                    return try self.losses("\(folder)/\(name)")
                }
                let plain = try losses(.plain, "SSE41")
                let narrow = try losses(.avx2, "AVX2")
                #expect(plain.count == narrow.count)
                // Means of epochs of six steps. Sums in another order change the first by some 1e-4, and each step of a
                // training as rough as this one makes more of it.
                #expect(abs(plain[0] - narrow[0]) < 1e-3 * plain[0], "\(plain), \(narrow)")
                if widest < .avx512 { return }
                let wide = try losses(.avx512, "DEFAULT")
                #expect(narrow.count == wide.count)
                // Nearly the same sums, but oneDNN's differ with the processor, and rough steps make more of it, too.
                for (epoch, (a, b)) in zip(narrow, wide).enumerated() {
                    #expect(abs(a - b) < (epoch == 0 ? 1e-3 : 1e-2) * abs(b), "\(a), \(b)")
                }
            }
        }

        @Test(.enabled(if: widest < .avx512, "needs a processor without AVX-512, to ask it for that"))
        func whatTheProcessorLacksIsOneLine() throws {
            try withTemporaryFolder { folder in
                let outcome = try run(
                    [
                        "features", "--weights", "random", "--arch", "resnet18", "--data", folder, "--out",
                        "\(folder)/f",
                    ],
                    environment: ["ATEN_CPU_CAPABILITY": "avx512"])
                #expect(outcome.exitCode == 1)
                #expect(outcome.errors.hasPrefix("error: libtorch: ATEN_CPU_CAPABILITY asks for avx512"))
                #expect(outcome.errors.split(separator: "\n").count == 1)
            }
        }

        /// Runs detect-cli on a processor without bf16 arithmetic; it says once that fp32 is faster, and only for bf16.
        private func run16(_ precision: String, _ arguments: [String]) throws {
            let outcome = try run(
                arguments + ["--precision", precision], environment: Self.narrow, timeLimit: 240)
            try #require(outcome.exitCode == 0, "\(arguments[0]): \(outcome.errors)")
            let notes = outcome.errors.split(separator: "\n").filter { $0.contains("fp32 is faster") }
            #expect(notes.count == (precision == "bf16" ? 1 : 0), "\(outcome.errors)")
            #expect(!outcome.errors.lowercased().contains("warning"), "\(outcome.errors)")
        }

        @Test func bfloat16TrainsWhereTheProcessorLacksIt() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                for precision in Precision.allCases.map(\.rawValue) {
                    try run16(precision, pretraining(folder, run: precision, ["--knn-every", "3"]))
                }
                let (exact, near) = (try losses("\(folder)/fp32"), try losses("\(folder)/bf16"))
                // As of bfloat16 on any processor: each of 18 layers rounds to 2⁻⁹ of its values.
                #expect(!exact.isEmpty && exact.count == near.count)
                for (a, b) in zip(exact, near) { #expect(abs(a - b) < 0.03 * abs(a), "\(a), \(b)") }
            }
        }

        /// A frozen network: extraction, and the probes of it.
        @Test func bfloat16FeaturesWhereTheProcessorLacksIt() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let network = [
                    "--weights", "random", "--arch", "resnet18", "--stem", "cifar", "--image-size", "16",
                ]
                let rows = try Precision.allCases.map(\.rawValue).map { precision in
                    let out = "\(folder)/\(precision).safetensors"
                    try run16(precision, ["features", "--data", "\(folder)/objects/val", "--out", out] + network)
                    return try #require(try SafetensorsFile(path: out).tensor("features"))
                }
                // As `halfPrecisionIsNear` of FeatureFileTests.
                #expect((rows[0] - rows[1]).norm().item < 0.03 * rows[0].norm().item)
                #expect(rows[0].floats != rows[1].floats)
                let sets = ["--train", "\(folder)/objects/train", "--test", "\(folder)/objects/val"]
                try run16("bf16", ["probe", "knn", "--k", "5"] + sets + network)
                try run16(
                    "bf16",
                    ["probe", "linear", "--epochs", "1", "--batch", "32", "--run", "\(folder)/linear"] + sets + network)
            }
        }

        /// Training, test and use of a detector with proposals of its own.
        @Test func bfloat16DetectorsWhereTheProcessorLacksIt() throws {
            try withTemporaryFolder { folder in
                let (kit, model) = ("\(folder)/kit", "\(folder)/run")
                _ = try succeed(["synthesize", "--out", kit, "--images", "8", "--width", "128", "--height", "96"])
                try run16(
                    "bf16",
                    [
                        "finetune", "--devkit", kit, "--arch", "resnet18", "--head", "faster", "--scale", "96",
                        "--iterations", "2", "--rois", "8", "--roi-size", "4", "--log-every", "1", "--test-set",
                        "none", "--run", model,
                    ])
                #expect(try losses(model).allSatisfy(\.isFinite))
                for precision in Precision.allCases.map(\.rawValue) {
                    try run16(
                        precision,
                        [
                            "proposals", "--model", model, "--devkit", kit, "--set", "test", "--out",
                            "\(folder)/\(precision).proposals",
                        ])
                }
                try run16(
                    "bf16", ["detect", "--model", model, "--out", folder, "\(kit)/VOC2007/JPEGImages/000001.jpg"])
            }
        }
    }
}
