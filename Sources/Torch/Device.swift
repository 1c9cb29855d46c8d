public import Support
internal import CTorch

/// Element types, with libtorch's numbering.
public enum DType: Int32, Sendable, Hashable {
    case uint8 = 0
    case int32 = 3
    case int64 = 4
    case float16 = 5
    case float32 = 6
    case float64 = 7
    case bool = 11
    case bfloat16 = 15

    public var byteCount: Int {
        switch self {
        case .uint8, .bool: 1
        case .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        case .uint8, .int32, .int64, .bool: false
        }
    }
}

/// How the elements of a [N, C, H, W] tensor lie in memory.
public enum MemoryFormat: Int, Sendable {
    case contiguous = 0
    case preserve = 1
    /// NHWC in memory: what the convolutions of oneDNN and cuDNN like best.
    case channelsLast = 2
}

/// Where tensors live.
public struct Device: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Int32, Sendable {
        case cpu = 0
        case cuda = 1
    }

    public var kind: Kind
    public var index: Int

    public static let cpu = Device(kind: .cpu, index: 0)
    public static func cuda(_ index: Int = 0) -> Device { Device(kind: .cuda, index: index) }

    /// From `cpu`, `cuda` or `cuda:N`; nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "cpu": self = .cpu
        case "cuda": self = .cuda()
        default:
            guard text.hasPrefix("cuda:"), let index = Int(text.dropFirst(5)), index >= 0 else { return nil }
            self = .cuda(index)
        }
    }

    init(kind: Kind, index: Int) {
        self.kind = kind
        self.index = index
    }

    public var description: String { kind == .cpu ? "cpu" : "cuda:\(index)" }

    /// Makes the device ready: loads libtorch, for a GPU also its CUDA part. Throws with a remedy when it cannot.
    public func activate() throws(TorchError) {
        try Runtime.load()
        guard kind == .cuda else {
            // Each layer frees buffers of many megabytes that the next one asks for again. Handing them back to the
            // system in between costs a quarter of the time of a network: every page is faulted in and cleared anew.
            libtorch.keep_freed_memory()
            return
        }
        do {
            _ = try throwing { libtorch.load_cuda($0) }
        } catch {
            throw TorchError("no CUDA here (\(error.message)); use the CPU, or a libtorch built with CUDA")
        }
        let count = Int(libtorch.cuda_device_count())
        if index >= count { throw TorchError("there is no GPU \(index), this machine has \(count); use the CPU") }
    }

    /// GPUs that this process sees, once one was activated.
    public static var gpuCount: Int { Int(libtorch.cuda_device_count()) }

    /// Waits until everything sent to the device is done; nothing to wait for on the CPU.
    public func synchronize() throws(TorchError) {
        if kind == .cuda { _ = try throwing { libtorch.cuda_synchronize(Int32(index), $0) } }
    }
}

/// Settings of libtorch that hold for the whole process.
public enum Runtime {
    /// Version of the libtorch this was built against.
    public static var version: String { String(cString: libtorch.version()) }

    /// Threads one operator may use on the CPU. Part of what makes a run reproducible bit by bit.
    public static var threads: Int {
        get { Int(libtorch.thread_count()) }
        set { libtorch.set_thread_count(Int32(newValue)) }
    }

    /// Tensor handles that are alive; for leak tests.
    public static var liveTensors: Int { Int(libtorch.tensor_live_count()) }
}

/// A random generator of libtorch whose state can be kept in a checkpoint.
public final class Generator {
    let handle: OpaquePointer
    public let device: Device

    public init(seed: UInt64, device: Device = .cpu) {
        self.device = device
        handle = trapping("generator on \(device)") {
            libtorch.generator_make(device.kind.rawValue, Int32(device.index), seed, $0)
        }!
    }

    deinit { libtorch.generator_release(handle) }

    /// The whole state as bytes ([n] uint8); setting it continues the sequence exactly.
    public var state: Tensor { Tensor(owning: trapping("generator state") { libtorch.generator_state(handle, $0) }!) }

    public func restore(_ state: Tensor) throws(TorchError) {
        _ = try throwing { libtorch.generator_set_state(handle, state.handle, $0) }
    }
}

extension Device: OptionValue {
    public init?(argument: String) { self.init(argument) }
    public static var kind: String { "cpu, cuda or cuda:N" }
    public static var choices: [String] { ["cpu", "cuda"] }
    public var argument: String { description }
}
