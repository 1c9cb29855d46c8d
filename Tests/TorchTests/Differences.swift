import Torch

/// Half of what a value gains when a tensor is moved by `step` instead of by −`step`; the tensor is put back.
func centralDifference(of leaf: Tensor, along step: Tensor, _ value: () -> Double) -> Double {
    func move(_ distance: Double) { withoutGradients { _ = leaf.add_(step * distance) } }
    move(1)
    let above = value()
    move(-2)
    defer { move(1) }
    return (above - value()) / 2
}
