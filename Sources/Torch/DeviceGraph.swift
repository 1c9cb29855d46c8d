internal import CTorch

/// Work of a device that is recorded once and replayed: one launch by the host where the work takes hundreds.
///
/// What is recorded reads and writes the same memory each time, so inputs are copied into tensors that stay, and results
/// are read from them. It must neither wait for values nor make tensors of values of the host: both trap. Numbers of the
/// host that go into it stay what they were; random generators are to be asked outside.
///
/// On the CPU, where a call costs little, replaying does the work anew under the same rules.
public final class DeviceGraph {
    /// Whether the code that asks is being recorded.
    @TaskLocal static var isRecording = false

    public let device: Device
    /// Of a GPU.
    private let handle: OpaquePointer?
    private var work: (() -> Void)?

    /// From here on the thread works in a stream of its own, until the graph is gone.
    ///
    /// - Throws: What libtorch says when it cannot record there.
    public init(on device: Device) throws(TorchError) {
        self.device = device
        handle = device.kind == .cpu ? nil : try throwing { libtorch.graph_make(Int32(device.index), $0) }
    }

    deinit { if let handle { libtorch.graph_release(handle) } }

    /// Records `work`, which is not done before it is replayed. Once for each graph.
    public func record(_ work: @escaping () -> Void) throws(TorchError) {
        precondition(self.work == nil, "a graph is recorded once")
        self.work = work
        guard let handle else { return }
        _ = try throwing { libtorch.graph_begin(handle, $0) }
        Self.$isRecording.withValue(true) { work() }
        _ = try throwing { libtorch.graph_end(handle, $0) }
    }

    /// Does the recorded work, or has the device do it.
    public func replay() throws(TorchError) {
        guard let work else { preconditionFailure("nothing was recorded") }
        guard let handle else { return Self.$isRecording.withValue(true) { work() } }
        _ = try throwing { libtorch.graph_replay(handle, $0) }
    }

    static func refuse(_ what: String) {
        precondition(!isRecording, "\(what) while a graph is recorded: it would not be done again by a replay")
    }
}
