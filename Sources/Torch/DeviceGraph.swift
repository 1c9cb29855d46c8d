internal import CTorch

/// Work of a device that is captured once and replayed: one launch by the host where the work takes hundreds.
///
/// A replay reads and writes the memory that the captured work did: inputs are copied into tensors that stay, results are
/// read from those it left. What is captured must neither wait for values, nor bring values from the host or another
/// device, nor ask a random generator: all of it traps. Numbers of the host that go into it stay what they were.
///
/// On the CPU, where a call costs little, replaying does the work anew under the same rules. What it differs in: Swift's own
/// variables change with each replay, where a GPU's replay knows nothing of them.
public final class DeviceGraph {
    /// Whether the code that asks is being captured.
    @TaskLocal private static var isCapturing = false

    public let device: Device
    /// Of a GPU.
    private let handle: OpaquePointer?
    private var work: (() -> Void)?

    /// From here on the thread works in a stream of its own, until the graph is gone: on the thread that made it, before
    /// any graph that was made earlier.
    ///
    /// - Throws: What libtorch says when it cannot capture there.
    public init(on device: Device) throws(TorchError) {
        self.device = device
        handle = device.kind == .cpu ? nil : try throwing { libtorch.graph_make(Int32(device.index), $0) }
    }

    deinit { if let handle { libtorch.graph_release(handle) } }

    /// Captures `work`, which is not done before it is replayed. Once for each graph.
    public func capture(_ work: @escaping () -> Void) throws(TorchError) {
        precondition(self.work == nil, "a graph is captured once")
        self.work = work
        guard let handle else { return }
        _ = try throwing { libtorch.graph_begin(handle, $0) }
        Self.$isCapturing.withValue(true) { work() }
        _ = try throwing { libtorch.graph_end(handle, $0) }
    }

    /// Does the captured work, or has the device do it.
    public func replay() throws(TorchError) {
        guard let work else { preconditionFailure("nothing was captured") }
        guard let handle else { return Self.$isCapturing.withValue(true) { work() } }
        _ = try throwing { libtorch.graph_replay(handle, $0) }
    }

    /// Traps while a graph is captured.
    static func refuse(_ what: @autoclosure () -> String) {
        precondition(!isCapturing, "\(what()) while a graph is captured: a replay would not do it again")
    }
}
