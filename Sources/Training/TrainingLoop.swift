public import Distributed
internal import Foundation
public import Support
public import Torch

/// What the loop trains. Steps are counted from 0 over the whole run.
public protocol TrainingTask: AnyObject {
    var parameters: Parameters { get }
    var optimizer: any Optimizer { get }
    var totalSteps: Int { get }
    var stepsPerEpoch: Int { get }
    func learningRate(atStep step: Int) -> Double
    /// The forward pass of a step; steps are asked for in order, from the one a run is resumed at.
    func forward(step: Int) throws -> StepResult
    /// What the checkpoint needs beside parameters, buffers and the optimiser's state. All processes ask for it together.
    var extraState: Checkpoint { get }
    /// Running statistics that each process measures over its own images: they are averaged after every step
    /// of several.
    var localStatistics: [Tensor] { get }
    func restore(extraState: Checkpoint) throws
}

extension TrainingTask {
    public var localStatistics: [Tensor] { [] }

    /// What follows the forward pass of a step: gradients, clipping, the update by `apply`. Gives all measurements.
    func update(
        _ step: StepLoss, clip: Double?, byOperators: Bool? = nil, exchange: GradientExchange? = nil,
        profile: StageClock?, apply: (any Optimizer) -> Void
    ) -> [(name: String, value: Tensor)] {
        var values = [(name: "loss", value: step.loss)] + step.values
        profile.measure("backward") { step.backward(optimizer, exchange) }
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
    /// Done every so many steps and at the end, such as a picture of how far it is; must not change the task.
    public var visit: Visit?
    /// Told the means that each log line holds.
    public var onLog: (([String: Double]) -> Void)?
    /// Measures the loop's own stages, beside those the task measures.
    public var profile: StageClock?
    /// Captures one step and replays it from then on; for a `CapturableTask`.
    public var capturesSteps = false
    /// Steps whose measurements are read together; nil for what suits the device.
    public var readEvery: Int?
    /// Stops after this many steps as an interruption would; for tests and time-limited jobs.
    public var stopAfter: Int?
    /// The processes that train together. The first alone writes, shows and evaluates.
    public var world = World.alone

    /// A measurement that takes longer than a step, such as the accuracy of a probe.
    public struct Evaluation {
        public var every: Int
        public var measure: () throws -> [(name: String, value: Double)]

        public init(every: Int, _ measure: @escaping () throws -> [(name: String, value: Double)]) {
            self.every = max(1, every)
            self.measure = measure
        }
    }

    public struct Visit {
        public var every: Int
        public var body: () throws -> Void

        public init(every: Int, _ body: @escaping () throws -> Void) {
            self.every = max(1, every)
            self.body = body
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
    private var world: World { options.world }
    /// nil for a single process.
    private let exchange: GradientExchange?

    public init(_ task: any TrainingTask, folder: RunFolder, options: LoopOptions) {
        exchange = options.world.group.map { group in
            GradientExchange(task.optimizer.groups.flatMap { $0.entries.map(\.tensor) }, over: group)
        }
        self.task = task
        self.folder = folder
        self.options = options
    }

    /// Where a run keeps its last checkpoint.
    public static func checkpointPath(_ folder: RunFolder) -> String { "\(folder.checkpoints)/last.safetensors" }

    /// What a finished run reports.
    public struct Outcome: Sendable {
        public var steps: Int
        /// The last value of every measurement.
        public var lastValues: [String: Double]
        /// Of the part of the run since it was begun or resumed, all processes together.
        public var imagesPerSecond: Double
        public var seconds: Double
    }

    /// Trains; throws `InterruptedError` after saving when a stop was asked for, and `InputError` naming the images of
    /// a batch whose loss is not finite, with the last checkpoint left as it is.
    @discardableResult
    public func run() throws -> Outcome {
        var progress = try begin()
        var measurements = StepMeasurements()
        let captured = options.capturesSteps ? try capturedStep() : nil
        while progress.done < task.totalSteps {
            let (step, rate) = (progress.done, task.learningRate(atStep: progress.done))
            let images = try captured.map { try run($0, step, rate, &measurements) } ?? run(step, rate, &measurements)
            options.profile?.step()
            progress.finishStep(images: images * world.size)

            var due = whatIsDue(after: progress.done)
            let isReading = due.needsValues || measurements.count >= readEvery
            // Where values stay on a GPU, processes meet when they are read; a single one meets nobody.
            if isReading || world.size == 1 { due.stop = world.any(Interruption.isRequested) || due.stop }
            if isReading || due.needsValues { try read(&measurements, into: &progress) }
            if due.log {
                try progress.logMeans(learningRate: rate)
                if world.isLeader { options.onLog?(progress.last) }
            }
            if let evaluation = due.evaluation {
                if world.isLeader { try progress.logEvaluation(evaluation.measure) }
                due.stop = world.any(Interruption.isRequested) || due.stop
            }
            if world.isLeader { try due.visit?.body() }
            progress.show()
            if due.save || due.stop { try save(progress) }
            if due.stop, progress.done < task.totalSteps { throw stopped(progress) }
        }
        return end(progress)
    }

    /// From the beginning, or from the last checkpoint of a run that is resumed.
    private func begin() throws -> LoopProgress {
        try requireSpace()
        let path = Self.checkpointPath(folder)
        var (done, sums) = (0, LoopProgress.Sums())
        if world.isLeader, folder.isResumed, Files.exists(path) { (done, sums) = try restore(path) }
        if world.size > 1 { done = try share(done) }
        return LoopProgress(
            done: done, sums, log: world.isLeader ? try RunLog(folder, keepingStepsThrough: done) : nil,
            bar: ProgressBar(
                options.title, total: task.totalSteps, unit: "steps", start: done,
                style: world.isLeader ? options.progress : .quiet),
            shown: options.shown, stepsPerEpoch: task.stepsPerEpoch)
    }

    private func capturedStep() throws -> CapturedStep {
        guard let task = task as? any CapturableTask else { preconditionFailure("\(type(of: task)) captures no steps") }
        return try CapturedStep(task, gradientClip: options.gradientClip)
    }

    /// What follows a step.
    private struct Due {
        var log: Bool
        var evaluation: LoopOptions.Evaluation?
        var visit: LoopOptions.Visit?
        var save: Bool
        var stop: Bool
        /// Whether losses are read first: nothing that is not finite is evaluated or gets into a checkpoint.
        var needsValues: Bool { log || save || stop || evaluation != nil || visit != nil }
    }

    private func whatIsDue(after done: Int) -> Due {
        let isLast = done == task.totalSteps
        return Due(
            log: isLast || done % options.logEvery == 0,
            evaluation: options.evaluation.flatMap { isLast || done % $0.every == 0 ? $0 : nil },
            visit: options.visit.flatMap { isLast || done % $0.every == 0 ? $0 : nil },
            save: isLast || done % options.checkpointEvery == 0,
            stop: options.stopAfter == done)
    }

    /// Throws when a loss is not finite.
    private func read(_ measurements: inout StepMeasurements, into progress: inout LoopProgress) throws {
        let steps = measurements.take(meanOver: world)
        try world.checkPeers()
        for step in steps {
            guard let loss = step.values.first?.value, loss.isFinite else { throw notFinite(step) }
            progress.add(step.values)
        }
    }

    private func stopped(_ progress: LoopProgress) -> InterruptedError {
        progress.stopShowing()
        return InterruptedError("stopped after step \(progress.done) of \(task.totalSteps); resume it to go on")
    }

    private func end(_ progress: LoopProgress) -> Outcome {
        progress.showEnd()
        task.optimizer.clearGradients()
        let seconds = progress.seconds
        return Outcome(
            steps: task.totalSteps, lastValues: progress.last.isEmpty ? lastLogged() : progress.last,
            imagesPerSecond: seconds > 0 ? Double(progress.images) / seconds : 0, seconds: seconds)
    }

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
        try world.checkPeers()
        // Where reading costs nothing, a loss that is not finite stops before it does harm.
        if readEvery == 1, !result.loss.loss.item.isFinite {
            throw notFinite(
                .init(number: step, values: [("loss", result.loss.loss.item)], imageNames: result.imageNames))
        }
        let values = task.update(
            result.loss, clip: options.gradientClip, exchange: exchange, profile: options.profile
        ) {
            $0.step(learningRate: rate)
        }
        if world.size > 1 { world.average(task.localStatistics) }
        try world.checkPeers()
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

    /// Throws `InputError` when a checkpoint and the weights will not fit on the disk.
    private func requireSpace() throws {
        let extra = task.extraState.tensors.map(\.tensor)
        guard world.isLeader else { return }
        let tensors =
            task.parameters.entries.map(\.tensor) + task.optimizer.state.map(\.tensor) + extra
        // The earlier checkpoint stays until the new one is written; the weights at the end are less than that.
        let bytes = 2 * tensors.reduce(0) { $0 + $1.shape.reduce($1.dtype.byteCount, *) }
        try Files.requireSpace(bytes, in: folder.path, for: "its checkpoints")
    }

    private func save(_ progress: LoopProgress) throws {
        let extra = task.extraState
        try world.checkPeers()
        // Nobody goes on, or away, before it is written.
        defer { if world.size > 1 { world.group?.barrier() } }
        guard world.isLeader else { return }
        var checkpoint = Checkpoint(
            state: ["step": .integer(progress.done), "sums": progress.sums.json, "task": extra.state])
        checkpoint.add("model", task.parameters.entries.map { ($0.name, $0.tensor) })
        checkpoint.add(task.optimizer.stateName, task.optimizer.state)
        checkpoint.add("task", extra.tensors)
        try checkpoint.write(to: Self.checkpointPath(folder))
    }

    /// Gives all processes what the leader begins with, so that they need neither its files nor the same random values.
    private func share(_ done: Int) throws -> Int {
        let extra = task.extraState
        let text = try world.leaders { JSON.object([.init("step", .integer(done)), .init("task", extra.state)]).line }
        let state = try JSON.parse(text.utf8)
        world.broadcast(task.parameters.entries.map(\.tensor))
        world.broadcast(task.optimizer.state.map(\.tensor))
        var shared = Checkpoint(state: state["task"] ?? [:])
        shared.tensors = extra.tensors.map { ($0.name, $0.tensor.clone()) }
        world.broadcast(shared.tensors.map(\.tensor))
        try world.checkPeers()
        if !world.isLeader { try task.restore(extraState: shared) }
        return state["step"]?.intValue ?? 0
    }

    /// Throws `InputError` naming file and tensor when one of the state is not finite: weights, velocities, a bank, a queue.
    private func requireFinite(_ checkpoint: Checkpoint, _ path: String) throws(InputError) {
        var check = WeightCheck()
        for (name, tensor) in checkpoint.tensors { check.examine(name, tensor) }
        try check.require(
            in: path,
            remedy: "start the run anew in another folder; a training that diverged wants a lower learning rate")
    }

    private func restore(_ path: String) throws -> (step: Int, sums: LoopProgress.Sums) {
        let checkpoint = try Checkpoint.read(path)
        guard let step = checkpoint.state["step"]?.intValue, (0...task.totalSteps).contains(step) else {
            throw InputError(path, "belongs to no step of this run", remedy: "resume with the options of the run")
        }
        try requireFinite(checkpoint, path)
        try task.parameters.loadExactly(checkpoint.tensors("model"), from: path)
        let saved = checkpoint.tensors(task.optimizer.stateName)
        for (name, own) in task.optimizer.state {
            guard let saved = saved[name], saved.shape == own.shape else {
                throw InputError(
                    path, "has no optimiser state of \(name)", remedy: "resume with the options of the run")
            }
            own.copy_(saved)
        }
        var extra = Checkpoint(state: checkpoint.state["task"] ?? [:])
        extra.tensors = checkpoint.tensors("task").map { ($0.key, $0.value) }
        try task.restore(extraState: extra)
        return (step, LoopProgress.Sums(json: checkpoint.state["sums"]))
    }
}
