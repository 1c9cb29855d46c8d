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
    public func backward(_ gradient: Tensor? = nil) { backward(gradient, [], keepsGraph: false) }

    /// Adds d(self)/d(leaf) to the gradient of these leaves alone, and computes nothing for others; for a tensor of one element.
    ///
    /// - Parameter keepsGraph: Whether another value of the same forward pass is still to have its gradient.
    public func backward(to leaves: [Tensor], keepsGraph: Bool) {
        if !leaves.isEmpty { backward(nil, leaves, keepsGraph: keepsGraph) }
    }

    /// `backward` for passes that exchange gradients with other processes, which may be gone.
    func differentiate() throws(TorchError) {
        _ = try throwing { libtorch.backward(handle, nil, [], 0, false, $0) }
    }

    private func backward(_ gradient: Tensor?, _ leaves: [Tensor], keepsGraph: Bool) {
        let handles = leaves.map { Optional($0.handle) }
        _ = trapping("backward of \(dtype)\(shape)") {
            libtorch.backward(handle, gradient?.handle, handles, Int64(handles.count), keepsGraph, $0)
        }
        withExtendedLifetime(leaves) {}
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
