internal import CTorch

/// Processes that work on the same tensors, by c10d: Gloo for those on the CPU, NCCL for those of a GPU.
///
/// All processes call the same operations in the same order, on tensors of the same shapes. Nothing of it is recorded for gradients.
/// A process that has gone makes an operation fail: `failure` then says so and every later operation gives its own input back, in the
/// right shape, so that models read without `try`; whoever drives them looks at `failure` before anything of it is kept.
public final class ProcessGroup: @unchecked Sendable {
    /// One thread calls the operations of a group.
    public let rank: Int
    public let size: Int
    /// What the operators know it by.
    let name: String
    /// Whether NCCL is there for tensors of a GPU; without it they go through the CPU.
    public let servesGPU: Bool
    /// What the first operation that failed has said.
    public private(set) var failure: TorchError?

    private static let allReduce = Operator("_c10d_functional::all_reduce")
    private static let allGather = Operator("_c10d_functional::all_gather_into_tensor")
    private static let broadcastOperator = Operator("_c10d_functional::broadcast")
    private static let wait = Operator("_c10d_functional::wait_tensor")

    /// Meets the others at the store; blocks until all are there.
    ///
    /// - Parameters:
    ///   - device: Where the tensors of the run are.
    ///   - timeout: Seconds that an operation waits for a process that does not answer.
    public init(
        _ name: String, rank: Int, size: Int, store: KeyValueStore, device: Device, timeout: Double
    ) throws(TorchError) {
        (self.name, self.rank, self.size) = (name, rank, size)
        servesGPU = device.kind == .cuda && Self.hasNCCL
        let servesGPU = servesGPU
        _ = try throwing {
            libtorch.group_make(
                store.handle, name, Int32(rank), Int32(size), servesGPU, KeyValueStore.milliseconds(timeout), $0)
        }
    }

    /// Whether this libtorch can join processes at all.
    public static var isAvailable: Bool { libtorch.has_gloo() }

    /// Whether it can join GPUs: libtorch with CUDA, once a GPU was asked for.
    public static var hasNCCL: Bool { libtorch.has_nccl() }

    /// Σ over all processes, of floating-point numbers or integers.
    public func sum(_ x: Tensor) -> Tensor { call(Self.allReduce, x, [.string("sum")]) }

    /// The largest over all processes.
    public func max(_ x: Tensor) -> Tensor { call(Self.allReduce, x, [.string("max")]) }

    /// The mean over all processes, of floating-point numbers.
    public func mean(_ x: Tensor) -> Tensor { size == 1 ? x : sum(x) * (1 / Double(size)) }

    /// Makes the mean over all processes the value of each tensor, in place; all in one message.
    public func average(_ tensors: [Tensor]) {
        if size == 1 || tensors.isEmpty { return }
        withoutGradients {
            let means = mean(Tensor.cat(tensors.map { $0.reshape(-1) }))
            var start = 0
            for tensor in tensors {
                tensor.copy_(means.narrow(0, start, tensor.count).reshape(tensor.shape))
                start += tensor.count
            }
        }
    }

    /// [B, …] of each process → [W·B, …], in the order of ranks.
    public func gather(_ x: Tensor) -> Tensor {
        let all = call(Self.allGather, x, [.int(size)])
        // After a failure the shape is still what follows needs.
        return all.size(0) == x.size(0) * size ? all : Tensor.cat(Array(repeating: all, count: size))
    }

    /// What one process has, for all.
    public func broadcast(_ x: Tensor, from source: Int = 0) -> Tensor {
        call(Self.broadcastOperator, x, [.int(source)])
    }

    /// This process's rows of what all have: [W·B, …] → [B, …].
    public func ownRows(_ x: Tensor) -> Tensor {
        let count = x.size(0) / size
        return x.narrow(0, rank * count, count)
    }

    /// Waits for all processes.
    public func barrier() { _ = sum(Tensor.zeros([1])) }

    /// Notes a failure that something else than an operation of the group has met, such as a backward pass.
    public func note(_ error: TorchError) { failure = failure ?? error }

    private func call(_ operation: Operator, _ x: Tensor, _ arguments: [Operator.Argument]) -> Tensor {
        if size == 1 || failure != nil { return x }
        let isElsewhere = x.device.kind != .cpu && !servesGPU
        let input = isElsewhere ? x.detach().to(device: .cpu) : x.detach()
        do throws(TorchError) {
            // The functional forms copy first: Gloo itself would read memory as if no tensor had strides.
            let begun = try operation.call([.tensor(input.contiguous())] + arguments + [.string(name)], 1)[0]!
            let result = try Self.wait.call([.tensor(begun)], 1)[0]!
            return isElsewhere ? result.to(device: x.device) : result
        } catch {
            note(error)
            return x
        }
    }
}

extension ProcessGroup {
    /// A function of what all processes have, of one value: each process gets its value and its own part of the gradient.
    ///
    /// Gradients of parameters are means over processes (`GradientExchange`), so what flows back is W times the own part: the mean
    /// is then the gradient of the value itself.
    ///
    /// - Parameters:
    ///   - x: [B, …], recorded for gradients.
    ///   - body: Of [W·B, …]; gives one value to be differentiated, and what else it has.
    public func function<Extra>(of x: Tensor, _ body: (Tensor) -> (value: Tensor, extra: Extra)) -> (
        value: Tensor, extra: Extra
    ) {
        if size == 1 { return body(x) }
        let all = gather(x)
        all.requiresGradient = true
        let (value, extra) = body(all)
        value.backward()
        let own = all.gradient.map(ownRows) ?? x.detach().zerosLike()
        return (value.detach().withGradient(own * Double(size), of: x), extra)
    }
}
