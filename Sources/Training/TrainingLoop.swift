internal import Foundation
public import Support
public import Torch

/// What the loop trains. Steps are counted from 0 over the whole run.
public protocol TrainingTask: AnyObject {
    var parameters: Parameters { get }
    var optimizer: SGD { get }
    var totalSteps: Int { get }
    var stepsPerEpoch: Int { get }
    func learningRate(atStep step: Int) -> Double
    /// The forward pass of a step; steps are asked for in order, from the one a run is resumed at.
    func forward(step: Int) throws -> StepResult
    /// What the checkpoint needs beside parameters, buffers and velocities.
    var extraState: Checkpoint { get }
    func restore(extraState: Checkpoint) throws
}

extension TrainingTask {
    /// What follows the forward pass of a step: gradients, clipping, the update by `apply`. Gives all measurements.
    func update(
        _ step: StepLoss, clip: Double?, byOperators: Bool? = nil, profile: StageClock?, apply: (SGD) -> Void
    ) -> [(name: String, value: Tensor)] {
        var values = [(name: "loss", value: step.loss)] + step.values
        profile.measure("backward") { step.loss.backward() }
        profile.measure("optimiser") {
            if let clip { values.append(("gradient_norm", optimizer.clipGradients(clip, byOperators: byOperators))) }
            apply(optimizer)
            step.afterUpdate()
        }
        return values
    }
}

/// How often the loop reports and saves.
public struct LoopOptions {
    public var title: String
    /// Largest joint norm of the gradients; nil leaves them as they are.
    public var gradientClip: Double?
    /// Steps between two lines of `metrics.jsonl`.
    public var logEvery: Int
    /// Steps between two checkpoints, beside the one at the end of the run.
    public var checkpointEvery: Int
    public var progress: ProgressBar.Style
    /// Measurements that the progress shows, with their short names.
    public var shown: [(name: String, label: String)]
    /// Measured every so many steps and at the end, and logged in a line of its own; must not change the task.
    public var evaluation: Evaluation?
    /// Measures the loop's own stages, beside those the task measures.
    public var profile: StageClock?
    /// Captures one step and replays it from then on; for a `CapturableTask`.
    public var capturesSteps = false
    /// Steps whose measurements are read together; nil for what suits the device.
    public var readEvery: Int?
    /// Stops after this many steps as an interruption would; for tests and time-limited jobs.
    public var stopAfter: Int?

    /// A measurement that takes longer than a step, such as the accuracy of a probe.
    public struct Evaluation {
        public var every: Int
        public var measure: () throws -> [(name: String, value: Double)]

        public init(every: Int, _ measure: @escaping () throws -> [(name: String, value: Double)]) {
            self.every = max(1, every)
            self.measure = measure
        }
    }

    public init(
        title: String, gradientClip: Double? = nil, logEvery: Int, checkpointEvery: Int,
        progress: ProgressBar.Style = .automatic, shown: [(name: String, label: String)] = [("loss", "loss")],
        evaluation: Evaluation? = nil, profile: StageClock? = nil, capturesSteps: Bool = false, readEvery: Int? = nil,
        stopAfter: Int? = nil
    ) {
        self.capturesSteps = capturesSteps
        self.readEvery = readEvery
        self.profile = profile
        self.shown = shown
        self.evaluation = evaluation
        self.title = title
        self.gradientClip = gradientClip
        self.logEvery = max(1, logEvery)
        self.checkpointEvery = max(1, checkpointEvery)
        self.progress = progress
        self.stopAfter = stopAfter
    }
}

/// Runs a task to its end, from its beginning or from its last checkpoint; what it does depends on neither.
public struct TrainingLoop {
    private let task: any TrainingTask
    private let folder: RunFolder
    private let options: LoopOptions

    public init(_ task: any TrainingTask, folder: RunFolder, options: LoopOptions) {
        self.task = task
        self.folder = folder
        self.options = options
    }

    /// Where a run keeps its last checkpoint.
    public static func checkpointPath(_ folder: RunFolder) -> String { "\(folder.checkpoints)/last.safetensors" }

    /// Sums since the last log line; part of the checkpoint, so that a resumed run logs the same lines.
    private struct Sums {
        var steps = 0
        var values: [(name: String, sum: Double)] = []

        mutating func add(_ step: [(name: String, value: Double)]) {
            steps += 1
            for (name, value) in step {
                if let position = values.firstIndex(where: { $0.name == name }) {
                    values[position].sum += value
                } else {
                    values.append((name, value))
                }
            }
        }

        func mean(_ name: String) -> Double? { values.first { $0.name == name }.map { $0.sum / Double(steps) } }

        var means: [(name: String, value: Double)] { values.map { ($0.name, $0.sum / Double(steps)) } }

        var json: JSON {
            ["steps": .integer(steps), "sums": .object(values.map { JSON.Member($0.name, .number($0.sum)) })]
        }

        init() {}

        init(json: JSON?) {
            steps = json?["steps"]?.intValue ?? 0
            values = json?["sums"]?.members?.map { ($0.name, $0.value.doubleValue ?? 0) } ?? []
        }
    }

    /// What a finished run reports.
    public struct Outcome: Sendable {
        public var steps: Int
        /// The last value of every measurement.
        public var lastValues: [String: Double]
        /// Of this process's own share of the run.
        public var imagesPerSecond: Double
        public var seconds: Double
    }

    /// Trains; throws `InterruptedError` after saving when a stop was asked for, and `InputError` naming the images of
    /// a batch whose loss is not finite, with the last checkpoint left as it is.
    @discardableResult
    public func run() throws -> Outcome {
        var sums = Sums()
        var start = 0
        let path = Self.checkpointPath(folder)
        if folder.isResumed, Files.exists(path) { (start, sums) = try restore(path) }
        let log = try RunLog(folder, keepingStepsThrough: start)
        let bar = ProgressBar(
            options.title, total: task.totalSteps, unit: "steps", start: start, style: options.progress)
        let clock = ContinuousClock()
        let began = clock.now
        var windowStart = began
        var windowImages = 0
        var images = 0
        var last: [String: Double] = [:]
        var captured: CapturedStep?
        if options.capturesSteps {
            guard let task = task as? any CapturableTask else {
                preconditionFailure("\(type(of: task)) captures no steps")
            }
            captured = try CapturedStep(task, gradientClip: options.gradientClip)
        }
        var measurements = StepMeasurements()
        for step in start..<max(start, task.totalSteps) {
            let rate = task.learningRate(atStep: step)
            let count = try captured.map { try run($0, step, rate, &measurements) } ?? run(step, rate, &measurements)
            options.profile?.step()
            images += count
            windowImages += count
            let done = step + 1
            let epoch = Double(done) / Double(task.stepsPerEpoch)
            let isLogged = done % options.logEvery == 0 || done == task.totalSteps
            let evaluation = options.evaluation.flatMap { done % $0.every == 0 || done == task.totalSteps ? $0 : nil }
            var isStopping = Interruption.isRequested || options.stopAfter == done
            let isSaved = done == task.totalSteps || done % options.checkpointEvery == 0
            // Nothing that is not finite is evaluated or gets into a checkpoint.
            if isLogged || isSaved || isStopping || evaluation != nil || measurements.count >= readEvery {
                for step in measurements.take() {
                    guard let loss = step.values.first?.value, loss.isFinite else { throw notFinite(step) }
                    sums.add(step.values)
                }
            }
            if isLogged {
                let speed = Double(windowImages) / seconds(clock.now - windowStart)
                let line = [("lr", rate)] + sums.means + [("images_per_second", speed)]
                try log.append(step: done, epoch: epoch, line)
                last.merge(line) { $1 }
                sums = Sums()
                windowStart = clock.now
                windowImages = 0
            }
            if let evaluation {
                let paused = clock.now
                let line = try evaluation.measure()
                try log.append(step: done, epoch: epoch, line)
                last.merge(line) { $1 }
                // What is measured between steps is not part of their speed.
                windowStart += clock.now - paused
                isStopping = isStopping || Interruption.isRequested
            }
            bar.update(done, detail: detail(sums, last))
            if isSaved || isStopping { try save(step: done, sums, to: path) }
            if isStopping, done < task.totalSteps {
                bar.finish()
                throw InterruptedError("stopped after step \(done) of \(task.totalSteps); go on with --resume")
            }
        }
        bar.finish(detail: detail(sums, last))
        task.optimizer.clearGradients()
        let elapsed = seconds(clock.now - began)
        return Outcome(
            steps: task.totalSteps, lastValues: last.isEmpty ? lastLogged() : last,
            imagesPerSecond: elapsed > 0 ? Double(images) / elapsed : 0, seconds: elapsed)
    }

    /// "loss 3.2145  kNN .41": the running means, else what was logged last.
    private func detail(_ sums: Sums, _ last: [String: Double]) -> String {
        options.shown.compactMap { name, label in
            (sums.mean(name) ?? last[name]).map { "\(label) \(Self.short($0))" }
        }.joined(separator: "  ")
    }

    /// Four significant decimals without a row of zeros for small values.
    private static func short(_ value: Double) -> String {
        let size = value.magnitude
        return value.fixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 0.01 || size == 0 ? 4 : 6)
    }

    private func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

    /// The last value of every measurement, for a run that was already complete.
    private func lastLogged() -> [String: Double] {
        var values: [String: Double] = [:]
        for member in ((try? MetricsLog.read(folder.metrics)) ?? []).flatMap({ $0.members ?? [] }) {
            values[member.name] = member.value.doubleValue ?? values[member.name]
        }
        return values
    }

    /// One step, its measurements left where they are; gives the number of its images.
    private func run(_ step: Int, _ rate: Double, _ measurements: inout StepMeasurements) throws -> Int {
        task.optimizer.clearGradients()
        let result = try task.forward(step: step)
        // Where reading costs nothing, a loss that is not finite stops before it does harm.
        if readEvery == 1, !result.loss.loss.item.isFinite {
            throw notFinite(
                .init(number: step, values: [("loss", result.loss.loss.item)], imageNames: result.imageNames))
        }
        let values = task.update(result.loss, clip: options.gradientClip, profile: options.profile) {
            $0.step(learningRate: rate)
        }
        measurements.add(step: step, values.map(\.name), values.joined, imageNames: result.imageNames)
        return result.images
    }

    /// The same, from the first steps on as replays of a captured one.
    private func run(
        _ captured: CapturedStep, _ step: Int, _ rate: Double, _ measurements: inout StepMeasurements
    ) throws -> Int {
        let (inputs, names, values) = try captured.run(step: step, learningRate: rate)
        measurements.add(step: step, names, values, imageNames: inputs.imageNames)
        return inputs.images
    }

    /// Steps whose measurements are read together: on the CPU each as it is made, where reading costs nothing; a GPU
    /// would run out of work whenever the host waits for it.
    private var readEvery: Int {
        options.readEvery
            ?? (task.parameters.entries.first?.tensor.device.kind == .cpu ? 1 : Self.deviceReadEvery)
    }
    private static let deviceReadEvery = 16

    private func notFinite(_ step: StepMeasurements.Step) -> InputError {
        let loss = step.values.first?.value ?? .nan
        let names = step.imageNames()
        let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? " and \(names.count - 8) more" : "")
        return InputError(
            folder.path, "the loss became \(loss) at step \(step.number) with the images \(shown)",
            remedy: "lower the learning rate or look at these images; the last checkpoint is kept")
    }

    // MARK: Checkpoint

    private func save(step: Int, _ sums: Sums, to path: String) throws {
        let extra = task.extraState
        var checkpoint = Checkpoint(
            state: ["step": .integer(step), "sums": sums.json, "task": extra.state])
        checkpoint.add("model", task.parameters.entries.map { ($0.name, $0.tensor) })
        checkpoint.add("velocity", task.optimizer.state)
        checkpoint.add("task", extra.tensors)
        try checkpoint.write(to: path)
    }

    private func restore(_ path: String) throws -> (step: Int, sums: Sums) {
        let checkpoint = try Checkpoint.read(path)
        guard let step = checkpoint.state["step"]?.intValue, (0...task.totalSteps).contains(step) else {
            throw InputError(path, "belongs to no step of this run", remedy: "resume with the options of the run")
        }
        try task.parameters.loadExactly(checkpoint.tensors("model"), from: path)
        let velocities = checkpoint.tensors("velocity")
        for (name, velocity) in task.optimizer.state {
            guard let saved = velocities[name], saved.shape == velocity.shape else {
                throw InputError(
                    path, "has no optimiser state of \(name)", remedy: "resume with the options of the run")
            }
            velocity.copy_(saved)
        }
        var extra = Checkpoint(state: checkpoint.state["task"] ?? [:])
        extra.tensors = checkpoint.tensors("task").map { ($0.key, $0.value) }
        try task.restore(extraState: extra)
        return (step, Sums(json: checkpoint.state["sums"]))
    }
}
