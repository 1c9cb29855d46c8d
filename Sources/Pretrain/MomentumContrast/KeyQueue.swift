internal import Support
package import Torch
package import Training

/// The keys of the last images, the oldest replaced first (He et al., CVPR 2020, section 3.2).
package final class KeyQueue {
    /// [K, D], unit vectors; random at first.
    package let rows: Tensor
    /// [K] int64: whose keys they are; −1 at first.
    package let indices: Tensor
    /// [] int64: the row that is replaced next. A tensor, so that a captured step moves it.
    private let position: Tensor

    package var count: Int { rows.size(0) }

    package init(count: Int, dimension: Int, generator: Generator, device: Device) {
        rows = Tensor.randn([count, dimension], generator: generator).l2Normalized().to(device: device)
        indices = Tensor.full([count], -1, dtype: .int64, device: device)
        position = Tensor.zeros([1], dtype: .int64, device: device)
    }

    /// Replaces the oldest rows by `keys` [B, D] of the images `owners` [B].
    package func enqueue(_ keys: Tensor, of owners: Tensor) {
        withoutGradients {
            let length = keys.size(0)
            let places = wrapped(position + Tensor.arange(length, device: rows.device))
            rows.indexCopy_(0, places, keys)
            indices.indexCopy_(0, places, owners)
            position.copy_(wrapped(position + Double(length)))
        }
    }

    private func wrapped(_ places: Tensor) -> Tensor {
        Tensor.where(places.greaterOrEqual(Double(count)), places - Double(count), places).to(dtype: .int64)
    }

    // MARK: State

    package var state: [(name: String, tensor: Tensor)] {
        [("queue", rows), ("queue_indices", indices), ("queue_position", position)]
    }

    /// - Throws: `InputError` when the state is of another queue.
    package func restore(_ state: Checkpoint) throws {
        for (name, tensor) in self.state {
            guard let saved = state[name], saved.shape == tensor.shape else {
                throw InputError(
                    "the checkpoint", "has no queue of \(count.counted("key"))",
                    remedy: "resume with the options of the run")
            }
            tensor.copy_(saved)
        }
    }
}
