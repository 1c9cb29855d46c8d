import Foundation
import Support
import TestSupport
import Testing
import Torch
import Training

@Suite(.tags(.training), .tiered, .serialized) struct TrainingLoopTests {
    private static let config: JSON = ["task": "sum"]

    /// Runs the task in a folder, as a process of its own would; the outcome or what was thrown.
    @discardableResult
    private func run(
        _ task: RegressionTask, _ folder: String, resume: Bool = false, logEvery: Int = 2, checkpointEvery: Int = 1000,
        stopAfter: Int? = nil, gradientClip: Double? = nil, readEvery: Int? = nil
    ) throws -> TrainingLoop.Outcome {
        let run = try RunFolder(folder, resume: resume, config: Self.config)
        return try TrainingLoop(
            task, folder: run,
            options: LoopOptions(
                title: "test", gradientClip: gradientClip, logEvery: logEvery, checkpointEvery: checkpointEvery,
                progress: .quiet, readEvery: readEvery, stopAfter: stopAfter)
        ).run()
    }

    private func log(_ folder: String) throws -> [JSON] {
        try MetricsLog.read("\(folder)/metrics.jsonl").map { line in
            .object((line.members ?? []).filter { $0.name != "images_per_second" })
        }
    }

    private func lastCheckpoint(_ folder: String) -> String { "\(folder)/checkpoints/last.safetensors" }

    @Test func stepsComeInOrderAndAreLogged() throws {
        try withTemporaryFolder { folder in
            let task = RegressionTask(steps: 11)
            let outcome = try run(task, folder)
            #expect(task.steps == Array(0..<11) && task.finished == Array(0..<11))
            #expect(outcome.steps == 11 && outcome.imagesPerSecond > 0)
            let lines = try log(folder)
            #expect(lines.map { $0["step"]?.intValue } == [2, 4, 6, 8, 10, 11])
            #expect(lines.map { $0["epoch"]?.doubleValue } == [0.5, 1, 1.5, 2, 2.5, 2.75])
            #expect(lines.map { $0["lr"]?.doubleValue } == [0.02, 0.02, 0.02, 0.02, 0.002, 0.002])
            let (loss, half) = (
                lines.compactMap { $0["loss"]?.doubleValue }, lines.compactMap { $0["half"]?.doubleValue }
            )
            #expect(zip(loss, half).allSatisfy { abs($0 - 2 * $1) < 1e-9 } && loss.count == 6)
            #expect(outcome.lastValues["loss"] == loss.last)
        }
    }

    @Test func aLineIsTheMeanOfItsSteps() throws {
        try withTemporaryFolder { folder in
            try run(RegressionTask(), "\(folder)/each", logEvery: 1)
            try run(RegressionTask(), "\(folder)/pairs", logEvery: 2)
            let each = try log("\(folder)/each").compactMap { $0["loss"]?.doubleValue }
            let pairs = try log("\(folder)/pairs").compactMap { $0["loss"]?.doubleValue }
            let means = stride(from: 0, to: 12, by: 2).map { (each[$0] + each[$0 + 1]) / 2 }
            #expect(zip(pairs, means).allSatisfy { abs($0 - $1) < 1e-12 } && pairs.count == 6)
        }
    }

    @Test func lossFalls() throws {
        try withTemporaryFolder { folder in
            try run(RegressionTask(steps: 200), folder, logEvery: 50)
            let loss = try log(folder).compactMap { $0["loss"]?.doubleValue }
            #expect(loss[3] < 0.8 * loss[0])
        }
    }

    // Stops within a line of the log (5), at its end (6), and before the last step (11).
    @Test(arguments: [1, 5, 6, 11]) func aResumedRunEndsWithTheSameBits(stop: Int) throws {
        try withTemporaryFolder { folder in
            let whole = RegressionTask()
            try run(whole, "\(folder)/whole")
            let error = #expect(throws: InterruptedError.self) {
                try run(RegressionTask(), "\(folder)/parts", stopAfter: stop)
            }
            #expect(error?.description.contains("after step \(stop) of 12") == true)
            let resumed = RegressionTask()
            try run(resumed, "\(folder)/parts", resume: true)
            #expect(resumed.steps == Array(stop..<12))
            #expect(resumed.bytes == whole.bytes)
            #expect(try log("\(folder)/parts") == log("\(folder)/whole"))
        }
    }

    /// What the test above rests on: with another state of the generator dropout gives other weights.
    @Test func dropoutNeedsItsGenerator() throws {
        try withTemporaryFolder { folder in
            let whole = RegressionTask()
            try run(whole, "\(folder)/whole")
            let first = RegressionTask()
            first.keepsGenerator = false
            #expect(throws: InterruptedError.self) { try run(first, "\(folder)/parts", stopAfter: 5) }
            let resumed = RegressionTask()
            try run(resumed, "\(folder)/parts", resume: true)
            #expect(resumed.bytes != whole.bytes)
        }
    }

    @Test func aFinishedRunStaysAsItIs() throws {
        try withTemporaryFolder { folder in
            let task = RegressionTask()
            let first = try run(task, folder)
            let again = RegressionTask()
            let second = try run(again, folder, resume: true)
            #expect(again.steps.isEmpty && again.bytes == task.bytes)
            #expect(second.lastValues["loss"] == first.lastValues["loss"])
        }
    }

    @Test func aLossThatIsNotANumberNamesTheImages() throws {
        try withTemporaryFolder { folder in
            let task = RegressionTask()
            task.poisonedStep = 7
            let error = #expect(throws: InputError.self) { try run(task, folder, checkpointEvery: 3) }
            #expect(error?.subject == folder)
            #expect(error?.problem.contains("the loss became nan at step 7") == true)
            #expect(error?.problem.contains("image7-0.jpg, image7-1.jpg") == true)
            #expect(error?.problem.hasSuffix("image7-7.jpg and 2 more") == true)
            #expect(task.finished == Array(0..<7))
            let kept = try Checkpoint.read(lastCheckpoint(folder))
            #expect(kept.state["step"] == 6)
            #expect(kept.tensors.allSatisfy { !$0.tensor.dtype.isFloatingPoint || $0.tensor.isFinite })
        }
    }

    /// Measurements that are read together give the same log, and every checkpoint knows those before it.
    @Test(arguments: [3, 100]) func measurementsMayBeReadLate(readEvery: Int) throws {
        try withTemporaryFolder { folder in
            let whole = RegressionTask()
            try run(whole, "\(folder)/each", logEvery: 5)
            let late = RegressionTask()
            try run(late, "\(folder)/late", logEvery: 5, readEvery: readEvery)
            #expect(late.bytes == whole.bytes)
            #expect(try log("\(folder)/late") == log("\(folder)/each"))
            #expect(throws: InterruptedError.self) {
                try run(RegressionTask(), "\(folder)/parts", logEvery: 5, stopAfter: 7, readEvery: readEvery)
            }
            try run(RegressionTask(), "\(folder)/parts", resume: true, logEvery: 5, readEvery: readEvery)
            #expect(try log("\(folder)/parts") == log("\(folder)/each"))
        }
    }

    /// Nothing is measured of a network that a loss which is not finite has ruined.
    @Test func lossesAreReadBeforeAnEvaluation() throws {
        try withTemporaryFolder { folder in
            let task = RegressionTask()
            task.poisonedStep = 7
            var evaluated = 0
            let error = #expect(throws: InputError.self) {
                try TrainingLoop(
                    task, folder: try RunFolder(folder, resume: false, config: Self.config),
                    options: LoopOptions(
                        title: "test", logEvery: 100, checkpointEvery: 100, progress: .quiet,
                        evaluation: .init(every: 1) {
                            evaluated += 1
                            return []
                        }, readEvery: 100)
                ).run()
            }
            #expect(error?.problem.contains("the loss became nan at step 7") == true)
            #expect(evaluated == 7)
        }
    }

    @Test func aLossThatIsReadLateNamesItsOwnImages() throws {
        try withTemporaryFolder { folder in
            let task = RegressionTask()
            task.poisonedStep = 7
            let error = #expect(throws: InputError.self) {
                try run(task, folder, logEvery: 100, checkpointEvery: 6, readEvery: 4)
            }
            #expect(error?.problem.contains("the loss became nan at step 7") == true)
            #expect(error?.problem.contains("image7-0.jpg, image7-1.jpg") == true)
            let kept = try Checkpoint.read(lastCheckpoint(folder))
            #expect(kept.state["step"] == 6)
        }
    }

    // The log reaches past the last checkpoint when a run dies; the steps done again are not logged twice.
    @Test func aRunThatDiedGoesOnFromItsLastCheckpoint() throws {
        try withTemporaryFolder { folder in
            let whole = RegressionTask()
            try run(whole, "\(folder)/whole", logEvery: 1)
            let first = RegressionTask()
            first.poisonedStep = 8
            #expect(throws: InputError.self) { try run(first, "\(folder)/parts", logEvery: 1, checkpointEvery: 3) }
            #expect(try log("\(folder)/parts").count == 8)
            let resumed = RegressionTask()
            try run(resumed, "\(folder)/parts", resume: true, logEvery: 1, checkpointEvery: 3)
            #expect(resumed.steps == Array(6..<12))
            #expect(resumed.bytes == whole.bytes)
            #expect(try log("\(folder)/parts") == log("\(folder)/whole"))
        }
    }

    // v = µ·v + g with |g| ≤ 1e-6, ten times: the weights move by less than 12 · .02 · 10 · 1e-6 and the decay.
    /// No part of a checkpoint may bring a run that goes on to something that is no number.
    @Test(arguments: ["model.", "velocity."]) func aStateThatIsNotFiniteIsRefused(part: String) throws {
        try withTemporaryFolder { folder in
            #expect(throws: InterruptedError.self) { try run(RegressionTask(), folder, stopAfter: 3) }
            let path = lastCheckpoint(folder)
            let file = try SafetensorsFile(path: path)
            let name = try #require(file.entries.first { $0.name.hasPrefix(part) && $0.dtype == .float32 }?.name)
            let tensors = file.entries.map { entry in
                let tensor = file.tensor(entry.name)!
                return (name: entry.name, tensor: entry.name == name ? tensor * Double.nan : tensor)
            }
            try SafetensorsFile.write(tensors, metadata: file.metadata, to: path)
            let error = #expect(throws: InputError.self) { try run(RegressionTask(), folder, resume: true) }
            #expect(
                error?.subject == path && error?.problem.contains("\(name) holds values that are not finite") == true)
        }
    }

    @Test func gradientsAreClipped() throws {
        try withTemporaryFolder { folder in
            let task = RegressionTask()
            let before = task.parameters.entries.flatMap { $0.tensor.doubles }
            try run(task, folder, gradientClip: 1e-6)
            let after = task.parameters.entries.flatMap { $0.tensor.doubles }
            #expect(zip(before, after).allSatisfy { abs($0 - $1) < 3e-4 } && before != after)
            // What is logged is the norm before it was cut.
            #expect(try log(folder).allSatisfy { ($0["gradient_norm"]?.doubleValue ?? 0) > 1e-3 })
        }
    }

    @Test func checkpointsThatDoNotFitAreRefused() throws {
        try withTemporaryFolder { folder in
            #expect(throws: InterruptedError.self) { try run(RegressionTask(), folder, stopAfter: 9) }
            let file = lastCheckpoint(folder)
            func refusal(_ task: RegressionTask) -> String? {
                let error = #expect(throws: InputError.self) { try run(task, folder, resume: true) }
                #expect(error?.subject == file)
                return error?.problem
            }
            #expect(refusal(RegressionTask(width: 6))?.contains("hidden.weight [8, 4], expected [6, 4]") == true)
            #expect(refusal(RegressionTask(steps: 8)) == "belongs to no step of this run")
            var checkpoint = try Checkpoint.read(file)
            checkpoint.tensors.removeAll { $0.name == "velocity.output.bias" }
            try checkpoint.write(to: file)
            #expect(refusal(RegressionTask()) == "has no optimiser state of output.bias")
            try SafetensorsFile.write([("model.hidden.weight", Tensor.zeros([8, 4]))], to: file)
            #expect(refusal(RegressionTask()) == "is not a checkpoint")
        }
    }
}
