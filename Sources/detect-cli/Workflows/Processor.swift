internal import Support
internal import Torch

extension Processor {
    /// The precision that is fast here: bf16 where the processor multiplies it itself, else fp32.
    static var fastPrecision: Precision { Capability.here.multipliesBFloat16 ? .bf16 : .fp32 }
}
