internal import Support

/// The measurements of a run in both its forms: `metrics.jsonl` and a TensorBoard event file.
struct RunLog {
    private let metrics: MetricsLog
    private let events: EventFile

    /// Opens both, cut back to the step a run goes on from; see `MetricsLog`.
    init(_ folder: RunFolder, keepingStepsThrough step: Int) throws {
        metrics = try MetricsLog(folder.metrics, keepingStepsThrough: step)
        events = try EventFile(folder.events, keepingStepsThrough: step)
    }

    func append(step: Int, epoch: Double, _ values: [(name: String, value: Double)]) throws {
        try metrics.append(
            .object(
                [.init("step", .integer(step)), .init("epoch", .number(epoch))]
                    + values.map { .init($0.name, .number($0.value)) }))
        try events.append(step: step, values)
    }
}
