internal import CTorch

/// Means of gradients over the processes of a group.
///
/// On the CPU, and on GPUs joined by NCCL, c10d's `Reducer` exchanges full buckets while others are still being computed; its buckets
/// are fixed before the first step, so that a run that is resumed sums in the same order.
public final class GradientExchange {
    private let group: ProcessGroup
    private let parameters: [Tensor]
    private var reducer: OpaquePointer?

    /// Gradients that arrive first go in a small bucket, so that the exchange begins early (DistributedDataParallel does the same).
    private static let firstBytes = 1 << 20
    private static let bytes = 8 << 20

    /// - Parameter parameters: What is trained, in the order of the layers, the same in every process.
    public init(_ parameters: [Tensor], over group: ProcessGroup) {
        (self.parameters, self.group) = (parameters, group)
    }

    deinit { if let reducer { libtorch.reducer_release(reducer) } }

    /// The backward pass of `loss`, which begins without gradients and leaves the means over processes. Failures go to the group.
    public func backward(_ loss: Tensor) {
        if group.failure != nil { return }
        do throws(TorchError) {
            guard group.size > 1, parameters.allSatisfy({ $0.device.kind == .cpu || group.servesGPU }) else {
                try loss.differentiate()
                return average()
            }
            let reducer = if let reducer { reducer } else { try make(for: loss) }
            _ = try throwing { libtorch.reducer_prepare(reducer, $0) }
            try loss.differentiate()
        } catch {
            group.note(error)
        }
    }

    /// The same for several passes, of which each reaches some of the parameters: exchanged after them.
    public func backward(_ passes: () -> Void) {
        passes()
        average()
    }

    private func make(for loss: Tensor) throws(TorchError) -> OpaquePointer {
        let handles = parameters.map(\.handle)
        let made = try throwing {
            libtorch.reducer_make(
                group.name, loss.handle, handles, Int64(handles.count), Int64(Self.firstBytes), Int64(Self.bytes), $0)
        }!
        reducer = made
        return made
    }

    private func average() { group.average(parameters.compactMap(\.gradient)) }
}
