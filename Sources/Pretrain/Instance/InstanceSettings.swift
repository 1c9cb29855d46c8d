internal import Support
public import Torch

/// The settings of instance discrimination.
public struct InstanceSettings: Hashable, Sendable {
    /// D
    public var dimension = 128
    public var loss = InstanceLossKind.nce
    /// m
    public var negatives = 4096
    public var negativesMode = NegativesMode.perSample
    /// Whether an image is kept from being its own noise.
    public var excludesPositive = false
    /// How Z is estimated.
    public var partition = PartitionEstimate.Method.frozen(batches: 1)
    /// τ
    public var temperature = 0.07
    public var bankMomentum = 0.5
    public var bankStorage = BankStorage.fp32
    /// λ of the proximal term λ‖f − v‖² (Wu et al., equation 9); 0 leaves it out.
    public var proximal = 0.0

    public init() {}
}

extension PartitionEstimate.Method {
    var json: JSON {
        switch self {
        case .frozen(let batches): ["frozen_after_batches": .integer(batches)]
        case .movingAverage(let decay): ["moving_average": .number(decay)]
        }
    }
}

/// How the rows of a memory bank are stored.
public enum BankStorage: String, CaseIterable, Sendable {
    case fp32
    /// Half the memory; similarities change by about 1e-3.
    case bf16

    public var dtype: DType { self == .fp32 ? .float32 : .bfloat16 }
}
