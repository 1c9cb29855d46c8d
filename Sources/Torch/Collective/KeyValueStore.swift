internal import CTorch
internal import Glibc

/// Texts by which the processes of a run find each other and tell what went wrong (c10d's `TCPStore`).
///
/// Lives as long as the process. Errors are libtorch's own words; whoever asks knows what they mean.
public final class KeyValueStore: @unchecked Sendable {
    // The store locks what it does.
    let handle: OpaquePointer

    /// - Parameters:
    ///   - listener: A listening socket, with which this process keeps the texts; nil to ask the process at that address.
    ///   - prefix: What all keys stand under.
    ///   - seconds: How long to wait for the other end.
    public init(host: String, port: Int, listener: Int32?, prefix: String, patience seconds: Double) throws(TorchError)
    {
        handle = try throwing {
            libtorch.store_make(host, Int32(port), listener ?? -1, prefix, Self.milliseconds(seconds), $0)
        }!
    }

    public func set(_ key: String, to value: String) throws(TorchError) {
        _ = try throwing { libtorch.store_set(handle, key, value, $0) }
    }

    /// Waits until the key has a text.
    public func get(_ key: String, patience seconds: Double) throws(TorchError) -> String {
        let text = try throwing { libtorch.store_get(handle, key, Self.milliseconds(seconds), $0) }!
        defer { free(text) }
        return String(cString: text)
    }

    public func has(_ key: String) throws(TorchError) -> Bool {
        try throwing { libtorch.store_has(handle, key, $0) } == 1
    }

    /// Counts the calls for a key by all processes, this one included.
    public func count(_ key: String) throws(TorchError) -> Int {
        Int(try throwing { libtorch.store_add(handle, key, $0) })
    }

    static func milliseconds(_ seconds: Double) -> Int64 { Int64(max(1, seconds * 1000)) }
}
