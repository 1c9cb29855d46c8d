internal import CTorch

extension Tensor {
    /// Whether operations on this tensor are recorded for gradients.
    public var requiresGradient: Bool {
        get { libtorch.requires_gradient(handle) }
        set {
            _ = trapping("requiresGradient of \(dtype)\(shape)") {
                libtorch.set_requires_gradient(handle, newValue, $0)
            }
        }
    }

    /// The gradient that `backward` has accumulated, or nil.
    public var gradient: Tensor? {
        get { libtorch.gradient(handle).map { Tensor(owning: $0) } }
        set { libtorch.set_gradient(handle, newValue?.handle) }
    }

    /// Adds d(self)/d(leaf) to the gradient of every leaf; for a tensor of one element, or with the gradient given.
    public func backward(_ gradient: Tensor? = nil) {
        _ = trapping("backward of \(dtype)\(shape)") { libtorch.backward(handle, gradient?.handle, $0) }
    }

    /// This value, computed outside the graph, as a function of `input` with the given gradient (of `input`'s shape):
    /// for losses whose gradient has a closed form that is cheaper than the recorded one. One element.
    public func withGradient(_ gradient: Tensor, of input: Tensor) -> Tensor {
        let linear = (input * gradient.detach()).sum()
        return linear + (detach() - linear.detach())
    }
}

/// Runs `body` without recording operations for gradients. Thread-local: no `await` inside.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = libtorch.set_gradient_mode(false)
    defer { _ = libtorch.set_gradient_mode(before) }
    return try body()
}

/// The arithmetic of the forward pass.
public enum Precision: String, Sendable, CaseIterable {
    case fp32
    /// Mixed precision: convolutions and products in bfloat16, parameters and statistics in float32.
    case bf16
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
