import Foundation
import Support
import TestSupport
import Testing

/// Whatever is wrong outside the program ends in one line on standard error and the exit code of the contract.
@Suite(.tags(.program), .tiered) struct BadInputTests {
    private func expectFailure(_ arguments: [String], _ exitCode: Int32, _ parts: String...) throws {
        let outcome = try run(arguments)
        #expect(outcome.exitCode == exitCode, "\(outcome.errors)")
        let lines = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
        #expect(lines.count == 1 && outcome.errors.hasSuffix("\n"), "\(outcome.errors)")
        for part in parts { #expect(lines.first?.contains(part) == true, "\(part) in \(outcome.errors)") }
    }

    @Test(arguments: [
        (["pretrain"], "--data"),
        (["pretrain", "--data", "x", "--arch", "resnet51", "--run", "r"], "did you mean resnet50"),
        (["pretrain", "--data", "x", "--arch", "alexnet", "--run", "r", "--stem", "cifar"], "no CIFAR stem"),
        (["pretrain", "--data", "x", "--arch", "alexnet", "--run", "r", "--recipe", "cifar10"], "--image-size"),
        (
            [
                "pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--objective", "supervised",
                "--negatives", "4",
            ], "no meaning"
        ),
        (
            ["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--loss", "softmax", "--negatives", "4"],
            "--loss nce"
        ),
        (["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--batch", "0"], "--batch"),
        (
            ["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--recipe", "cifar10", "--z", "ema"],
            "draws no noise"
        ),
        (["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--z-decay", "0.9"], "--z ema"),
        (
            ["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--z", "ema", "--z-batches", "3"],
            "moving average"
        ),
        (["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--bank-momentum", "1"], "never update"),
        (
            [
                "pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--objective", "parametric",
                "--proximal",
                "1",
            ], "with --method parametric"
        ),
        (
            [
                "pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--schedule", "cosine", "--milestones",
                "3",
            ], "--schedule step"
        ),
        (
            [
                "pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--method", "bigan", "--momentum", "0.9",
            ], "with Adam; leave it out, or use --beta1"
        ),
        (
            ["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--method", "simclr", "--latent", "9"],
            "it belongs to bigan"
        ),
        (["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--scale-lr"], "--batch"),
        (["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--cuda-graph"], "--device cuda"),
        (
            ["pretrain", "--data", "x", "--arch", "alexnet", "--run", "r", "--cuda-graph", "--device", "cuda"],
            "whose dropout draws anew"
        ),
        (["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--sweep", "depth=1,2"], "--sweep"),
        (["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--sweep", "negatives=1.5"], "--sweep"),
        (["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--devise", "cpu"], "--device"),
        (
            [
                "finetune", "--devkit", "x", "--arch", "resnet20", "--run", "r", "--schedule", "cosine", "--milestones",
                "3",
            ], "--schedule step"
        ),
        (["demo", "--out", "/tmp/never-made", "--size", "small", "--minutes", "3"], "--minutes"),
        (["demo", "--out", "/tmp/never-made", "--size", "huge"], "tiny, small, medium, large"),
        (
            ["synthesize", "--out", "/tmp/never-made", "--least-extent", "0.5", "--largest-extent", "0.4"],
            "--least-extent"
        ),
        (["probe", "knn"], "--train"),
        (["probe", "knn", "--train", "x", "--weights", "random"], "--arch"),
        (["detect", "--model", "m", "--out", "o"], "nothing to look at"),
        (["evaluate", "--devkit", "d", "--detections", "r", "--metric", "12"], "--metric"),
    ])
    func wrongUsage(arguments: [String], part: String) throws { try expectFailure(arguments, 2, part) }

    @Test(arguments: [
        ["pretrain", "--data", "/nonexistent-data.tar", "--arch", "resnet18", "--run", "/tmp/never-made"],
        ["pretrain", "--data", "/nonexistent-data.txt", "--arch", "resnet18", "--run", "/tmp/never-made"],
        ["pretrain", "--data", "/nonexistent-data", "--arch", "resnet18", "--run", "/tmp/never-made"],
        ["features", "--weights", "/nonexistent-data", "--data", "x", "--out", "f"],
        ["proposals", "--devkit", "/nonexistent-data", "--set", "test", "--out", "f"],
        ["finetune", "--devkit", "/nonexistent-data", "--arch", "alexnet", "--run", "/tmp/never-made"],
        ["detect", "--model", "/nonexistent-data", "--out", "/tmp/never-made", "a.jpg"],
        ["evaluate", "--devkit", "/nonexistent-data", "--detections", "x"],
        ["weights", "inspect", "/nonexistent-data"],
    ])
    func missingFiles(arguments: [String]) throws {
        try expectFailure(arguments, 1, "/nonexistent-data")
        #expect(!Files.exists("/tmp/never-made"))
    }

    @Test func noGPU() throws {
        guard !Files.exists("/dev/nvidia0") else { return }
        try expectFailure(
            ["pretrain", "--data", "x", "--arch", "resnet18", "--run", "r", "--device", "cuda"], 1, "use the CPU")
    }

    private func drawKit(_ folder: String) throws {
        let outcome = try run(["synthesize", "--out", folder, "--images", "6", "--width", "96", "--height", "96"])
        try #require(outcome.exitCode == 0)
    }

    @Test func aTruncatedJPEGIsNamed() throws {
        try withTemporaryFolder { folder in
            try drawKit(folder)
            let path = "\(folder)/VOC2007/JPEGImages/000001.jpg"
            try Files.writeAtomically(try Files.read(path).dropLast(700), to: path)
            let arguments = [
                "pretrain", "--data", "\(folder)/VOC2007/JPEGImages", "--arch", "resnet18", "--image-size", "32",
                "--batch", "2",
                "--epochs", "1", "--run", "\(folder)/run",
            ]
            try expectFailure(arguments, 1, "000001.jpg", "truncated")
            // The same run, told to leave such images out, names it and goes on.
            let outcome = try run(
                arguments.map { $0 == "\(folder)/run" ? "\(folder)/other" : $0 } + ["--on-bad-image", "skip"])
            #expect(outcome.exitCode == 0, "\(outcome.errors)")
            #expect(outcome.errors.contains("skipped: ") && outcome.errors.contains("000001.jpg"))
        }
    }

    @Test func anXMLBombIsRefused() throws {
        try withTemporaryFolder { folder in
            try drawKit(folder)
            let id = try #require(
                try Files.readText("\(folder)/VOC2007/ImageSets/Main/test.txt").split(separator: "\n").first)
            let bomb = """
                <?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
                <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><annotation><filename>&c;</filename></annotation>
                """
            try Files.writeAtomically(bomb, to: "\(folder)/VOC2007/Annotations/\(id).xml")
            try Files.makeFolder("\(folder)/found")
            try expectFailure(
                ["evaluate", "--devkit", folder, "--set", "test", "--detections", "\(folder)/found"], 1, "\(id).xml")
        }
    }

    @Test func aRunFolderInUseIsRefused() throws {
        try withTemporaryFolder { folder in
            try Files.makeFolder("\(folder)/run")
            let lock = open("\(folder)/run/.lock", O_RDWR | O_CREAT, 0o644)
            defer { close(lock) }
            try #require(flock(lock, LOCK_EX) == 0)
            try drawKit("\(folder)/kit")
            try expectFailure(
                [
                    "pretrain", "--data", "\(folder)/kit/VOC2007/JPEGImages", "--arch", "resnet18", "--image-size",
                    "32", "--batch",
                    "2", "--epochs", "1", "--run", "\(folder)/run",
                ], 1, "in use")
        }
    }

    @Test func aMissingLibtorchNamesEveryRemedy() throws {
        let header = Repository.path("Sources/CTorch/Library/LibtorchIsThere.h")
        let outcome = try run([], shell: "clang -fsyntax-only -x c++ '\(header)'")
        #expect(outcome.exitCode != 0)
        for part in ["libtorch is missing", "make setup", "python3 -m pip install", "LIBTORCH"] {
            #expect(outcome.errors.contains(part), "\(part) in \(outcome.errors)")
        }
    }
}
