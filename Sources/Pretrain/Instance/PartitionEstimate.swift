public import Support
public import Torch

/// Z of noise-contrastive estimation (Wu et al., equation 7), a number of the whole run: n · mean of exp(v_jᵀv/τ) over
/// noise images. Kept on the device of the features, where no step has to wait for it.
public final class PartitionEstimate {
    public enum Method: Hashable, Sendable {
        /// The mean over the first batches, then constant; one batch in the reference code.
        case frozen(batches: Int)
        /// A moving average that follows the features: z ← decay·z + (1 − decay)·estimate.
        case movingAverage(decay: Double)
    }

    public let method: Method
    /// One float64 value, changed in its place; nil before the first batch.
    public private(set) var tensor: Tensor?
    /// Batches that have counted; only where their number matters, for a mean that will be frozen.
    public private(set) var batches = 0

    public init(_ method: Method = .frozen(batches: 1)) { self.method = method }

    /// nil before the first batch. Waits for the device.
    public var value: Double? { tensor?.item }

    /// Whether another batch would still change it.
    public var isOpen: Bool {
        switch method {
        case .frozen(let limit): batches < limit
        case .movingAverage: true
        }
    }

    /// Whether a batch does the same operations as the one before.
    var isSteady: Bool {
        switch method {
        case .frozen: !isOpen
        case .movingAverage: tensor != nil
        }
    }

    /// Takes in the estimate of a batch, one float64 value.
    public func add(_ estimate: Tensor) {
        if case .frozen = method { batches += 1 }
        guard let old = tensor else {
            tensor = estimate.clone()
            return
        }
        switch method {
        case .frozen: old.add_((estimate - old) / Double(batches))
        case .movingAverage(let decay): old.copy_(old * decay + estimate * (1 - decay))
        }
    }

    /// ln Z, one float64 value. Traps before the first batch.
    var logarithm: Tensor {
        guard let tensor else { preconditionFailure("Z is not known before the first batch") }
        return tensor.log()
    }

    /// For a checkpoint.
    public var state: JSON { ["value": value.map { .number($0) } ?? .null, "batches": .integer(batches)] }

    public func restore(_ state: JSON?, device: Device) {
        tensor = state?["value"]?.doubleValue.map { Tensor.full([], $0, dtype: .float64, device: device) }
        batches = state?["batches"]?.intValue ?? 0
    }
}
