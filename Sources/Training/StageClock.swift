public import Support
public import Torch

/// Where the time of a run goes, by named stages of a step.
///
/// On a GPU work is queued, so each stage waits for the device before it is measured: the sum is honest, but a profiled
/// run is slower than another.
public final class StageClock {
    private let device: Device
    private let clock = ContinuousClock()
    private var seconds: [(name: String, sum: Double)] = []
    /// Number of times that `step` was called.
    public private(set) var steps = 0

    public init(device: Device = .cpu) { self.device = device }

    /// Runs a stage; stages of equal name add up. They must not be nested.
    public func measure<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        let start = clock.now
        let result = try body()
        // A failing device makes itself heard at the next operator.
        try? device.synchronize()
        let elapsed = (clock.now - start) / .seconds(1)
        if let position = seconds.firstIndex(where: { $0.name == name }) {
            seconds[position].sum += elapsed
        } else {
            seconds.append((name, elapsed))
        }
        return result
    }

    /// Ends a step.
    public func step() { steps += 1 }

    /// Mean milliseconds a step of each stage, in the order they first ran.
    public var milliseconds: [(name: String, value: Double)] {
        seconds.map { ($0.name, 1000 * $0.sum / Double(max(1, steps))) }
    }

    /// {"stage": milliseconds a step}.
    public var json: JSON { .object(milliseconds.map { JSON.Member($0.name, .number($0.value)) }) }
}

extension StageClock? {
    /// Measures where there is a clock.
    public func measure<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        guard let self else { return try body() }
        return try self.measure(name, body)
    }
}
