import Foundation
import Support
import TestSupport
import Testing

extension ProgramRuns {
    @Suite struct RecoveryTests {
        /// Replaces the values of options.
        private func with(_ arguments: [String], _ changes: [String: String]) -> [String] {
            var arguments = arguments
            for (option, value) in changes {
                if let position = arguments.firstIndex(of: option) { arguments[position + 1] = value }
            }
            return arguments
        }

        private func metrics(_ run: String) throws -> [[JSON.Member]] {
            try Files.readText("\(run)/metrics.jsonl").split(separator: "\n").map { line in
                // Speed is the one thing that an interruption may change.
                try JSON.parse(line.utf8).members!.filter { $0.name != "images_per_second" }
            }
        }

        // Half of the time goes into checkpoints here, so that many of the twenty kills fall into the writing of one.
        @Test func twentyKillsChangeNothing() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let changes = ["--checkpoint-every": "1", "--epochs": "8"]
                let whole = with(pretraining(folder, run: "whole", ["--loss", "nce", "--negatives", "8"]), changes)
                _ = try succeed(whole)
                let killed = with(
                    pretraining(folder, run: "killed", ["--loss", "nce", "--negatives", "8", "--resume"]), changes)
                let checkpoints = "\(folder)/killed/checkpoints"
                var random = RandomStream(7)
                var (kills, torn) = (0, 0)
                var patience = 0.0
                func progress() -> Date? {
                    (try? FileManager.default.attributesOfItem(atPath: "\(checkpoints)/last.safetensors"))?[
                        .modificationDate] as? Date
                }
                while kills < 80 {
                    // From during start-up to a few steps into the training; later while nothing is gained.
                    let before = progress()
                    let outcome = try run(killed, timeLimit: random.uniform(0.2, 0.7) + patience)
                    if outcome.exitCode == 0 { break }
                    try #require(outcome.exitCode == SIGKILL, "\(outcome.errors)")
                    kills += 1
                    if Files.exists(checkpoints),
                        try Files.list(checkpoints).contains(where: { $0.contains(".partial-") })
                    {
                        torn += 1
                    }
                    patience = progress() == before ? patience + 0.15 : 0
                    if kills >= 20 { patience = 60 }
                }
                #expect(kills >= 20, "the run was over after \(kills) kills")
                #expect(torn > 0, "no kill fell into the writing of a checkpoint")
                let weights = try ["whole", "killed"].map { try Files.read("\(folder)/\($0)/weights.safetensors") }
                #expect(weights[0] == weights[1])
                let banks = try ["whole", "killed"].map { try Files.read("\(folder)/\($0)/bank.safetensors") }
                #expect(banks[0] == banks[1])
                #expect(try metrics("\(folder)/whole") == metrics("\(folder)/killed"))
                #expect(try Files.list(checkpoints) == ["last.safetensors"])
            }
        }

        @Test(arguments: ProgramMethods.all) func aKilledRunEndsAsAnyOther(_ method: String) throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                func training(_ name: String) throws -> [String] {
                    [
                        "pretrain", "--data", "\(folder)/objects/train", "--arch", "resnet20", "--method", method,
                        "--recipe", "cifar10", "--limit", "32", "--batch", "8", "--epochs", "2", "--checkpoint-every",
                        "1",
                        "--knn-every", "0", "--threads", "1", "--run", "\(folder)/\(name)",
                    ] + (try ProgramMethods.smallSettings(of: method))
                }
                _ = try succeed(training("whole"))
                let killed = try run(
                    training("killed"),
                    shell:
                        "\"$0\" \"$@\" & child=$!; while [ ! -s '\(folder)/killed/metrics.jsonl' ]; do sleep 0.02; done; "
                        + "kill -KILL $child; wait $child")
                try #require(killed.exitCode == 128 + SIGKILL || killed.exitCode == 0, "\(killed.errors)")
                _ = try succeed(training("killed") + ["--resume"])
                // The network, what the method keeps between steps, and what it measured.
                for file in ["weights.safetensors", "checkpoints/last.safetensors"] {
                    #expect(
                        try Files.read("\(folder)/whole/\(file)") == Files.read("\(folder)/killed/\(file)"), "\(file)")
                }
                #expect(try metrics("\(folder)/whole") == metrics("\(folder)/killed"))
            }
        }

        @Test func theProgramNamesItsMethods() {
            #expect(ProgramMethods.all.contains("moco-v2") && ProgramMethods.all.count >= 15)
        }

        @Test func anInterruptSavesAndExitsWith130() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let stopped = try run(
                    with(pretraining(folder, run: "run", ["--resume"]), ["--epochs": "200"]),
                    // The log appears once training has begun.
                    shell:
                        "\"$0\" \"$@\" & child=$!; while [ ! -s '\(folder)/run/metrics.jsonl' ]; do sleep 0.1; done; "
                        + "kill -INT $child; wait $child")
                #expect(stopped.exitCode == 130, "\(stopped.errors)")
                #expect(stopped.errors.contains("resume it to go on"))
                #expect(Files.exists("\(folder)/run/checkpoints/last.safetensors"))
            }
        }

        // A limit on the size of files stands for a full disk: the system refuses the write in the same way.
        @Test func aFullDiskLeavesTheLastCheckpoint() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let arguments = pretraining(folder, run: "run", ["--resume"])
                let first = try run(
                    with(arguments, ["--epochs": "200"]),
                    shell:
                        "\"$0\" \"$@\" & child=$!; while [ ! -s '\(folder)/run/metrics.jsonl' ]; do sleep 0.1; done; "
                        + "kill -INT $child; wait $child")
                try #require(first.exitCode == 130)
                let file = "\(folder)/run/checkpoints/last.safetensors"
                let before = try Files.read(file)
                // 40 MB in blocks of 512 bytes: the log fits, a checkpoint of 90 MB does not.
                let full = try run(
                    with(arguments, ["--epochs": "200"]), shell: "ulimit -f 80000; exec \"$0\" \"$@\"")
                #expect(full.exitCode == 1)
                let error = full.errors.split(separator: "\n").last { $0.hasPrefix("error: ") }
                #expect(error?.contains("last.safetensors: cannot be written") == true, "\(full.errors)")
                #expect(try Files.read(file) == before)
                #expect(try Files.list("\(folder)/run/checkpoints") == ["last.safetensors"])
            }
        }

        @Test func aSecondProcessIsRefused() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let outcome = try run(
                    with(pretraining(folder, run: "run", ["--resume"]), ["--epochs": "200"]),
                    shell:
                        "\"$0\" \"$@\" 2>/dev/null & child=$!; "
                        + "while [ ! -s '\(folder)/run/metrics.jsonl' ]; do sleep 0.1; done; "
                        + "\"$0\" \"$@\"; code=$?; kill -KILL $child; exit $code")
                #expect(outcome.exitCode == 1)
                #expect(outcome.errors.contains("\(folder)/run: is in use by process"), "\(outcome.errors)")
            }
        }
    }
}
