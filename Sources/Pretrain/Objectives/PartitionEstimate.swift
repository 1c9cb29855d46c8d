internal import Foundation
public import Support

/// Z of noise-contrastive estimation (Wu et al., equation 7), a number of the whole run: n · mean of exp(v_jᵀv/τ) over
/// noise images.
public struct PartitionEstimate: Hashable, Sendable {
    public enum Method: Hashable, Sendable {
        /// The mean over the first batches, then constant; one batch in the reference code.
        case frozen(batches: Int)
        /// A moving average that follows the features: z ← decay·z + (1 − decay)·estimate.
        case movingAverage(decay: Double)
    }

    public let method: Method
    /// nil before the first batch.
    public private(set) var value: Double?
    /// Batches that have counted.
    public private(set) var batches = 0

    public init(_ method: Method = .frozen(batches: 1)) { self.method = method }

    /// Whether another batch would still change it.
    public var isOpen: Bool {
        switch method {
        case .frozen(let limit): batches < limit
        case .movingAverage: true
        }
    }

    /// Takes in the estimate of a batch. Traps when that is not positive: a sum of exponentials cannot be.
    public mutating func add(_ estimate: Double) {
        precondition(estimate > 0 || estimate.isNaN, "an estimate of Z of \(estimate)")
        batches += 1
        switch (method, value) {
        case (_, nil): value = estimate
        case (.frozen, let old?): value = old + (estimate - old) / Double(batches)
        case (.movingAverage(let decay), let old?): value = decay * old + (1 - decay) * estimate
        }
    }

    /// ln Z. Traps before the first batch.
    var logarithm: Double {
        guard let value else { preconditionFailure("Z is not known before the first batch") }
        return log(value)
    }

    /// For a checkpoint.
    public var state: JSON { ["value": value.map { .number($0) } ?? .null, "batches": .integer(batches)] }

    public mutating func restore(_ state: JSON?) {
        value = state?["value"]?.doubleValue
        batches = state?["batches"]?.intValue ?? 0
    }
}
