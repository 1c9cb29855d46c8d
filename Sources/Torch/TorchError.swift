internal import CTorch
internal import Glibc

/// A failure reported by libtorch, with its own words and without its backtrace.
public struct TorchError: Error, Hashable, Sendable, CustomStringConvertible {
    public var message: String
    public init(_ message: String) { self.message = message }
    public var description: String {
        "libtorch: " + (message.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
    }
}

/// Runs a C call that reports failure through an error out-parameter. The one place where C errors become Swift's.
func throwing<Result>(
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) throws(TorchError) -> Result {
    var message: UnsafeMutablePointer<CChar>?
    let result = body(&message)
    guard let message else { return result }
    defer { libtorch.release_error(message) }
    throw TorchError(String(cString: message))
}

/// The same for calls whose failure is a programmer's error: traps with the message and `context`.
func trapping<Result>(
    _ context: @autoclosure () -> String, _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    do {
        return try throwing(body)
    } catch {
        stop(context(), error.message)
    }
}

/// Ends the program: in a line when memory is not enough, which no check of options can foresee, else with a trap.
func stop(_ context: String, _ message: String) -> Never {
    guard ["can't allocate memory", "out of memory"].contains(where: message.contains) else {
        fatalError("\(context): \(message)")
    }
    let line = "error: not enough memory for \(context); give smaller batches, images or networks\n"
    _ = Array(line.utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    exit(1)
}
