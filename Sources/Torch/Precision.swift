internal import CTorch

/// The arithmetic of the forward pass.
public enum Precision: String, Sendable, CaseIterable {
    case fp32
    /// Mixed precision: convolutions and products in bfloat16, parameters and statistics in float32.
    case bf16

    /// The type of weights and activations where no gradient is needed.
    public var dtype: DType { self == .bf16 ? .bfloat16 : .float32 }
}

/// Runs `body`, which is told whether autocast was on, without it.
func withoutAutocast<Result>(on device: Device, _ body: (_ wasOn: Bool) throws -> Result) rethrows -> Result {
    let before = libtorch.set_autocast(device.kind.rawValue, false, DType.bfloat16.rawValue)
    defer { _ = libtorch.set_autocast(device.kind.rawValue, before, DType.bfloat16.rawValue) }
    return try body(before)
}

/// Runs the forward pass in `body` with autocast if the precision asks for it. Thread-local: no `await` inside.
public func withPrecision<Result>(
    _ precision: Precision, on device: Device, _ body: () throws -> Result
) rethrows -> Result {
    guard precision == .bf16 else { return try body() }
    let before = libtorch.set_autocast(device.kind.rawValue, true, DType.bfloat16.rawValue)
    defer {
        _ = libtorch.set_autocast(device.kind.rawValue, before, DType.bfloat16.rawValue)
        if !before { libtorch.clear_autocast_cache() }
    }
    return try body()
}
