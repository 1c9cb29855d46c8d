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
