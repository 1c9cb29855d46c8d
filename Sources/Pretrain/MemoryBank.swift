public import Torch

/// One unit vector for every training image, as it was when the image was last seen (Wu et al., section 3.1).
public final class MemoryBank {
    /// [n, D] float32, rows of unit length.
    public let rows: Tensor

    public var count: Int { rows.size(0) }
    public var dimension: Int { rows.size(1) }

    /// Random directions, uniform on the sphere.
    public init(count: Int, dimension: Int, generator: Generator, device: Device = .cpu) {
        rows = Tensor.randn([count, dimension], generator: generator).l2Normalized().to(device: device)
    }

    /// The rows of these images ([B] int64), copied.
    public func select(_ indices: Tensor) -> Tensor { rows.indexSelect(0, indices) }

    /// v ← normalise(m · v + (1 − m) · f) for the images of a batch; f: [B, D] unit rows.
    ///
    /// m = 0 is the paper's update, m = .5 the reference code's.
    public func update(_ indices: Tensor, with features: Tensor, momentum: Double) {
        withoutGradients {
            let features = features.detach().to(dtype: .float32)
            let mixed = momentum == 0 ? features : select(indices) * momentum + features * (1 - momentum)
            rows.indexCopy_(0, indices, mixed.l2Normalized())
        }
    }
}
