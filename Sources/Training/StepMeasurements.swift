internal import Distributed
internal import Torch

/// What steps have measured, left on the device until somebody needs it: reading a value makes the host wait for all
/// that the device has still to do.
struct StepMeasurements {
    struct Step {
        /// Counted from 0.
        var number: Int
        var values: [(name: String, value: Double)]
        var imageNames: () -> [String]
    }

    private var pending: [(number: Int, names: [String], values: Tensor, imageNames: () -> [String])] = []

    /// Steps that have not been read.
    var count: Int { pending.count }

    /// - Parameter values: [names], float64.
    mutating func add(step number: Int, _ names: [String], _ values: Tensor, imageNames: @escaping () -> [String]) {
        pending.append((number, names, values, imageNames))
    }

    /// Reads all of them at once, in order: their means over the processes.
    mutating func take(meanOver world: World) -> [Step] {
        if pending.isEmpty { return [] }
        defer { pending = [] }
        var values = world.mean(Tensor.cat(pending.map(\.values))).doubles[...]
        return pending.map { step in
            defer { values = values.dropFirst(step.names.count) }
            return Step(number: step.number, values: Array(zip(step.names, values)), imageNames: step.imageNames)
        }
    }
}

extension [(name: String, value: Tensor)] {
    /// One tensor of all values: [count], float64.
    var joined: Tensor { Tensor.stack(map { $0.value.detach().to(dtype: .float64) }) }
}
