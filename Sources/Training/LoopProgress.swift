internal import Support

/// How far a run has come and what it has measured; shows both in the log and on the progress bar.
struct LoopProgress {
    /// Sums since the last log line; part of the checkpoint, so that a resumed run logs the same lines.
    struct Sums {
        private(set) var steps = 0
        private var values: [(name: String, sum: Double)] = []

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

    /// Steps that are done.
    private(set) var done: Int
    private(set) var sums: Sums
    /// The last value of every measurement.
    private(set) var last: [String: Double] = [:]
    /// Of all processes, since the run was begun or resumed.
    private(set) var images = 0

    /// nil where another process writes it.
    private let log: RunLog?
    private let bar: ProgressBar
    private let shown: [(name: String, label: String)]
    private let stepsPerEpoch: Int
    private let began = ContinuousClock.now
    /// The images and the time since the last log line.
    private var windowImages = 0
    private var windowBegan: ContinuousClock.Instant

    init(
        done: Int, _ sums: Sums, log: RunLog?, bar: ProgressBar, shown: [(name: String, label: String)],
        stepsPerEpoch: Int
    ) {
        self.done = done
        self.sums = sums
        self.log = log
        self.bar = bar
        self.shown = shown
        self.stepsPerEpoch = stepsPerEpoch
        windowBegan = began
    }

    var seconds: Double { Self.seconds(since: began) }

    mutating func finishStep(images count: Int) {
        done += 1
        images += count
        windowImages += count
    }

    mutating func add(_ values: [(name: String, value: Double)]) { sums.add(values) }

    /// Logs the means of the steps since the last log line.
    mutating func logMeans(learningRate: Double) throws {
        let speed = Double(windowImages) / Self.seconds(since: windowBegan)
        try append([("lr", learningRate)] + sums.means + [("images_per_second", speed)])
        sums = Sums()
        windowImages = 0
        windowBegan = .now
    }

    /// Logs what an evaluation says; its time is not part of the speed of the steps.
    mutating func logEvaluation(_ measure: () throws -> [(name: String, value: Double)]) throws {
        let paused = ContinuousClock.now
        try append(try measure())
        windowBegan += ContinuousClock.now - paused
    }

    private mutating func append(_ line: [(name: String, value: Double)]) throws {
        try log?.append(step: done, epoch: Double(done) / Double(stepsPerEpoch), line)
        last.merge(line) { $1 }
    }

    func show() { bar.update(done, detail: detail) }

    /// Ends the bar, with the state it showed last.
    func stopShowing() { bar.finish() }

    /// Ends the bar with the final state.
    func showEnd() { bar.finish(detail: detail) }

    /// "loss 3.2145  kNN .41": the running means, else what was logged last.
    private var detail: String {
        shown.compactMap { name, label in
            (sums.mean(name) ?? last[name]).map { "\(label) \(Self.short($0))" }
        }.joined(separator: "  ")
    }

    /// Four significant decimals without a row of zeros for small values.
    private static func short(_ value: Double) -> String {
        let size = value.magnitude
        return value.fixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 0.01 || size == 0 ? 4 : 6)
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - start) / .seconds(1)
    }
}
