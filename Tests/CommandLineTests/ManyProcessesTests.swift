import Foundation
import Support
import TestSupport
import Testing
import Torch

/// A port of this machine that nobody listens on.
private func freePort() -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = bind(descriptor, $0, length)
            _ = getsockname(descriptor, $0, &length)
        }
        return Int(UInt16(bigEndian: $0.pointee.sin_port))
    }
}

/// Runs detect-cli as so many processes that torchrun would have started; gives what each has left behind, by rank.
///
/// - Parameters:
///   - own: Arguments of a rank beside those of all.
///   - shells: See `run`; of some ranks.
func together(
    _ count: Int, _ arguments: [String], own: [Int: [String]] = [:], shells: [Int: String] = [:],
    environment: [Int: [String: String]] = [:], timeLimit: Double = 120
) throws -> [Outcome] {
    let port = freePort()
    let results = LockedArray(count)
    let ended = DispatchGroup()
    for rank in 0..<count {
        let variables = [
            "RANK": "\(rank)", "WORLD_SIZE": "\(count)", "LOCAL_RANK": "\(rank)", "LOCAL_WORLD_SIZE": "\(count)",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
        ].merging(environment[rank] ?? [:]) { $1 }
        let (all, shell) = (arguments + (own[rank] ?? []), shells[rank] ?? "exec \"$0\" \"$@\"")
        ended.enter()
        // A thread for each: all have to run at once, on however few cores.
        Thread.detachNewThread {
            results.set(
                rank, Result { try run(all, shell: shell, environment: variables, timeLimit: timeLimit) })
            ended.leave()
        }
    }
    ended.wait()
    return try results.values.map { try $0!.get() }
}

private final class LockedArray: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var values: [Result<Outcome, any Error>?]
    init(_ count: Int) { values = Array(repeating: nil, count: count) }
    func set(_ index: Int, _ value: Result<Outcome, any Error>) { lock.withLock { values[index] = value } }
}

extension ProgramRuns {
    @Suite struct ManyProcessesTests {
        /// A training of 8 steps in two epochs, with a checkpoint after each epoch.
        private func training(
            _ folder: String, _ name: String, _ more: [String] = [], batch: Int = 12, epochs: Int = 2, limit: Int? = 48,
            wait: Int = 30
        ) -> [String] {
            [
                "pretrain", "--data", "\(folder)/objects/train", "--arch", "resnet20", "--recipe", "cifar10",
                "--image-size", "16", "--batch", "\(batch)", "--epochs", "\(epochs)", "--knn-every", "0",
                "--threads", "1", "--workers", "1", "--wait", "\(wait)", "--run", "\(folder)/\(name)",
            ] + (limit.map { ["--limit", "\($0)"] } ?? []) + more
        }

        private func metrics(_ run: String) throws -> [[JSON.Member]] {
            try Files.readText("\(run)/metrics.jsonl").split(separator: "\n").map { line in
                try JSON.parse(line.utf8).members!.filter { $0.name != "images_per_second" }
            }
        }

        private func loss(_ run: String) throws -> Double {
            try #require(metrics(run).first?.first { $0.name == "loss" }?.value.doubleValue)
        }

        /// How far what two runs have kept of their gradients is apart: the length of the difference over their own.
        private func distance(_ runs: [String]) throws -> Double {
            let states = try runs.map { run in
                try SafetensorsFile(path: "\(run)/checkpoints/last.safetensors").tensors().filter {
                    $0.key.hasPrefix("velocity.") || ($0.key.hasPrefix("adam.") && $0.key.hasSuffix(".mean"))
                }.mapValues(\.doubles)
            }
            #expect(Set(states[0].keys) == Set(states[1].keys) && !states[0].isEmpty)
            var (difference, own) = (0.0, 0.0)
            for (name, values) in states[0] {
                for (a, b) in zip(values, states[1][name] ?? []) {
                    difference += (a - b) * (a - b)
                    own += a * a
                }
            }
            return (difference / own).squareRoot()
        }

        private func requireAllRight(_ outcomes: [Outcome]) throws {
            for (rank, outcome) in outcomes.enumerated() {
                try #require(outcome.exitCode == 0, "rank \(rank): \(outcome.errors)")
                #expect(!outcome.errors.lowercased().contains("warning"), "\(outcome.errors)")
                if rank > 0 { #expect(outcome.output.isEmpty && outcome.errors.isEmpty, "\(outcome.errors)") }
            }
        }

        private func expectSame(_ runs: [String], in folder: String) throws {
            for file in ["weights.safetensors", "checkpoints/last.safetensors"] {
                let bytes = try runs.map { try Files.read("\(folder)/\($0)/\(file)") }
                #expect(bytes.allSatisfy { $0 == bytes[0] }, "\(file)")
            }
            let lines = try runs.map { try metrics("\(folder)/\($0)") }
            #expect(lines.allSatisfy { $0 == lines[0] })
        }

        // One step over everything: what follows multiplies rounding.
        @Test(arguments: ProgramMethods.all) func processesAreTogetherOne(_ method: String) throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let isMoCo = method.hasPrefix("moco")
                let settings =
                    try ProgramMethods.smallSettings(of: method)
                    + ProgramMethods.settings(["negatives": "8", "dropout": "0"], of: method)
                    + (method == "instance" || method == "cmc" ? ["--loss", "nce"] : [])
                    + (isMoCo ? [] : ["--sync-batchnorm"])
                func arguments(_ name: String) -> [String] {
                    training(folder, name, ["--method", method] + settings, batch: isMoCo ? 32 : 48, epochs: 1)
                }
                _ = try succeed(arguments("one"))
                try requireAllRight(together(2, arguments("two")))
                let (one, two) = (try loss("\(folder)/one"), try loss("\(folder)/two"))
                #expect(abs(one - two) < 1e-4 * max(1, abs(one)), "\(one), \(two)")
                // Rounding turns a few ReLUs over; BiGAN's network has none of them at its first step.
                let apart = try distance(["\(folder)/one", "\(folder)/two"])
                #expect(apart < (method == "bigan" ? 1e-4 : 0.03), "\(apart)")
                #expect(try JSON.read("\(folder)/two/config.json")["processes"] == 2)
            }
        }

        @Test func aRunRepeatsItselfAndGoesOnWhereItWasStopped() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                func arguments(_ name: String) -> [String] {
                    training(folder, name, ["--loss", "nce", "--negatives", "8"])
                }
                try requireAllRight(together(3, arguments("first")))
                try requireAllRight(together(3, arguments("second")))
                // One process is asked to stop, when the first epoch is over.
                let stop =
                    "\"$0\" \"$@\" & child=$!; while [ ! -s '\(folder)/third/metrics.jsonl' ]; do sleep 0.02; done; "
                    + "kill -TERM $child; wait $child"
                let stopped = try together(3, arguments("third"), shells: [2: stop])
                // All at once, or none where it came too late.
                #expect(Set(stopped.map(\.exitCode)).count == 1, "\(stopped.map(\.errors))")
                try #require([0, 130].contains(stopped[0].exitCode), "\(stopped[0].errors)")
                if stopped[0].exitCode == 130 {
                    #expect(stopped[0].errors.contains("resume it to go on"))
                    try requireAllRight(together(3, arguments("third") + ["--resume"]))
                }
                try expectSame(["first", "second", "third"], in: folder)
            }
        }

        @Test(arguments: [0, 1]) func aKilledProcessEndsAll(_ victim: Int) throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let arguments = training(folder, "run", epochs: 2000)
                let kill =
                    "\"$0\" \"$@\" & child=$!; while [ ! -s '\(folder)/run/metrics.jsonl' ]; do sleep 0.02; done; "
                    + "kill -KILL $child; wait $child"
                let outcomes = try together(2, arguments, shells: [victim: kill], timeLimit: 60)
                #expect(outcomes[victim].exitCode == 128 + SIGKILL)
                let other = outcomes[1 - victim]
                #expect(other.exitCode == 1, "\(other.errors)")
                let expected = victim == 0 ? "rank 0 has gone" : "another process has gone without a word"
                let error = other.errors.split(separator: "\n").filter { $0.contains("error:") }
                #expect(error.count == 1 && error[0].contains(expected), "\(other.errors)")
                // The last checkpoint is whole.
                let stop =
                    "\"$0\" \"$@\" & child=$!; sleep 4; kill -TERM $child; wait $child"
                let resumed = try together(2, arguments + ["--resume"], shells: [0: stop])
                #expect(resumed.map(\.exitCode) == [130, 130], "\(resumed.map(\.errors))")
            }
        }

        @Test func whoDoesNotFitIsNamed() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                func check(_ outcomes: [Outcome], _ expected: String) {
                    #expect(outcomes.allSatisfy { $0.exitCode == 1 }, "\(outcomes.map(\.errors))")
                    for outcome in outcomes { #expect(outcome.errors.contains(expected), "\(outcome.errors)") }
                }
                check(
                    try together(2, training(folder, "a"), own: [0: ["--lr", "0.1"], 1: ["--lr", "0.2"]]),
                    "rank 1: has lr = 0.2, rank 0 has 0.1")
                check(
                    try together(
                        2, training(folder, "b", limit: nil),
                        own: [0: ["--limit", "48"], 1: ["--limit", "36"]]), "rank 1: has data.images = ")
                check(
                    try together(2, training(folder, "c"), environment: [1: ["WORLD_SIZE": "3", "RANK": "2"]]),
                    "3 processes")
                check(
                    try together(5, training(folder, "d")),
                    "a batch of 12: does not split into equal parts for 5 processes")
                // The loss of all: each names its own images, or another's.
                check(try together(2, training(folder, "e", ["--lr", "1e30"])), "the loss became")
                let alone = try run(
                    training(folder, "f", wait: 1), environment: ["RANK": "0", "WORLD_SIZE": "2"])
                #expect(alone.exitCode == 1 && alone.errors.contains("rank 0: has waited 1 s for rank 1 of 2"))
                let lost = try run(
                    training(folder, "g", wait: 1),
                    environment: ["RANK": "1", "WORLD_SIZE": "2", "MASTER_PORT": "\(freePort())"])
                #expect(lost.exitCode == 1 && lost.errors.contains("rank 1: has found no rank 0 at 127.0.0.1:"))
                for name in "abcdefg" { #expect(!Files.exists("\(folder)/\(name)/weights.safetensors")) }
            }
        }

        @Test func whoDoesNotAnswerIsWaitedForNoLonger() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let sleep =
                    "\"$0\" \"$@\" & child=$!; while [ ! -s '\(folder)/run/metrics.jsonl' ]; do sleep 0.02; done; "
                    + "kill -STOP $child; sleep 8; kill -CONT $child; wait $child"
                let began = ContinuousClock.now
                let outcomes = try together(
                    2, training(folder, "run", ["--peer-timeout", "2"], epochs: 2000), shells: [1: sleep],
                    timeLimit: 60)
                #expect(outcomes.map(\.exitCode) == [1, 1], "\(outcomes.map(\.errors))")
                #expect(outcomes[0].errors.contains("another process does not answer"), "\(outcomes[0].errors)")
                #expect(ContinuousClock.now - began < .seconds(40))
            }
        }

        // A limit on the size of files stands for a full disk.
        @Test func aFullDiskOfTheLeaderEndsAll() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let outcomes = try together(
                    2, training(folder, "run"), shells: [0: "ulimit -f 1000; exec \"$0\" \"$@\""], timeLimit: 60)
                #expect(outcomes.map(\.exitCode) == [1, 1])
                #expect(outcomes[0].errors.contains("last.safetensors: cannot be written"), "\(outcomes[0].errors)")
                #expect(outcomes[1].errors.contains("rank 0"), "\(outcomes[1].errors)")
            }
        }

        @Test func anotherNumberOfProcesses() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                // Each process has its own statistics of batch norm: another number is another training.
                _ = try succeed(training(folder, "local"))
                let refused = try together(2, training(folder, "local", ["--resume"]))
                #expect(refused.map(\.exitCode) == [1, 1])
                #expect(
                    refused[0].errors.contains("was started with 1 process, not 2: batch norm has statistics"),
                    "\(refused[0].errors)")
                let shared = training(folder, "shared", ["--sync-batchnorm"])
                try requireAllRight(together(2, shared))
                let resumed = try together(3, shared + ["--resume"])
                #expect(resumed.map(\.exitCode) == [0, 0, 0], "\(resumed[0].errors)")
                #expect(resumed[0].errors.contains("note: begun with 2 processes"), "\(resumed[0].errors)")
            }
        }

        @Test func featuresAndProbes() throws {
            try withTemporaryFolder { folder in
                try drawObjects(folder)
                let weights = ["--weights", "random", "--arch", "resnet20", "--stem", "cifar", "--image-size", "16"]
                func features(_ file: String) -> [String] {
                    ["features", "--data", "\(folder)/objects/val", "--feature-batch", "8", "--threads", "1"] + weights
                        + ["--out", "\(folder)/\(file)"]
                }
                _ = try succeed(features("one"))
                let outcomes = try together(3, features("three"))
                try requireAllRight(outcomes)
                #expect(try Files.read("\(folder)/one") == Files.read("\(folder)/three"))
                let probe =
                    ["--train", "\(folder)/objects/train", "--test", "\(folder)/objects/val", "--threads", "1"]
                    + weights
                for command in [
                    ["probe", "knn", "--k", "5"], ["probe", "svm", "--c", "1"],
                    ["probe", "linear", "--cached", "--epochs", "1", "--batch", "16", "--run"],
                ] {
                    func arguments(_ name: String) -> [String] {
                        command + (command.last == "--run" ? ["\(folder)/\(name)"] : []) + probe
                            + ["--json", "\(folder)/\(name).json"]
                    }
                    _ = try succeed(arguments("\(command[1])-one"))
                    try requireAllRight(together(2, arguments("\(command[1])-two")))
                    let values = try ["one", "two"].map { try JSON.read("\(folder)/\(command[1])-\($0).json")["top1"] }
                    #expect(values[0] != nil && values[0] == values[1], "\(command)")
                }
                // Trained together, each step over the images of both.
                try requireAllRight(
                    together(
                        2,
                        ["probe", "linear", "--epochs", "1", "--batch", "16", "--run", "\(folder)/linear"] + probe))
                #expect(try JSON.read("\(folder)/linear/result.json")["top1"]?.doubleValue != nil)
            }
        }

        @Test func detectors() throws {
            try withTemporaryFolder { folder in
                _ = try succeed([
                    "synthesize", "--out", "\(folder)/kit", "--images", "36", "--width", "96", "--height", "72",
                ])
                let kit = ["--devkit", "\(folder)/kit"]
                func tuning(_ name: String, _ more: [String] = []) -> [String] {
                    ["finetune"] + kit + [
                        "--weights", "random", "--arch", "resnet20", "--stem", "cifar", "--train-set", "trainval",
                        "--test-set", "test", "--iterations", "2", "--images-per-step", "4", "--log-every", "1",
                        "--scale", "72", "--threads", "1", "--workers", "1", "--pictures", "0", "--batch-norm",
                        "frozen",
                        "--run", "\(folder)/\(name)",
                    ] + more
                }
                _ = try succeed(tuning("one"))
                try requireAllRight(together(2, tuning("two")))
                let (one, two) = (try loss("\(folder)/one"), try loss("\(folder)/two"))
                // Without statistics of a batch and without dropout nothing but the order of sums is another.
                #expect(abs(one - two) < 1e-5 * one, "\(one), \(two)")
                #expect(try distance(["\(folder)/one", "\(folder)/two"]) < 1e-3)
                let proposals = try ["one", "two"].map { try Files.read("\(folder)/\($0)/test.proposals") }
                #expect(proposals[0] == proposals[1])
                try requireAllRight(
                    together(
                        2,
                        tuning("faster", ["--head", "faster", "--sync-batchnorm"]).filter {
                            $0 != "frozen" && $0 != "--batch-norm"
                        }
                            + ["--batch-norm", "train"]))
                func detection(_ name: String) -> [String] {
                    [
                        "detect", "--model", "\(folder)/one", "--set", "test", "--threads", "1", "--out",
                        "\(folder)/\(name)",
                    ]
                        + kit
                }
                _ = try succeed(detection("found-one"))
                try requireAllRight(together(3, detection("found-three")))
                let names = try Files.list("\(folder)/found-one")
                #expect(names == (try Files.list("\(folder)/found-three")) && names.contains { $0.hasPrefix("comp4") })
                for name in names where name.hasSuffix(".txt") {
                    #expect(
                        try Files.read("\(folder)/found-one/\(name)") == Files.read("\(folder)/found-three/\(name)"))
                }
            }
        }

        @Test func whatOneProcessDoesIsRefusedToSeveral() throws {
            let outcomes = try together(2, ["evaluate", "--devkit", "nowhere", "--detections", "nothing"])
            #expect(outcomes.map(\.exitCode) == [2, 2])
            #expect(
                outcomes[0].errors.contains("`evaluate` is done by one process, but torchrun has started 2"),
                "\(outcomes[0].errors)")
        }

        @Test func theDoctorLetsThemAddUp() throws {
            let outcomes = try together(3, ["doctor"])
            #expect(outcomes.map(\.exitCode) == [0, 0, 0], "\(outcomes.map(\.errors))")
            #expect(
                outcomes[0].output.contains("3 (torchrun) on 1 machine by way of 127.0.0.1:"), "\(outcomes[0].output)")
            #expect(outcomes[1].output.isEmpty && outcomes[2].output.isEmpty)
            #expect(try succeed(["doctor"]).contains("a single one; torchrun, mpirun or srun start more"))
        }
    }
}
