internal import Glibc
internal import Synchronization

/// The run was asked to stop (SIGINT or SIGTERM) and did so after saving; exit code 130.
public struct InterruptedError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was saved and how to go on.
    public var description: String

    public init(_ description: String = "interrupted") { self.description = description }
}

/// Notices SIGINT and SIGTERM, so that a training loop can finish its step and write a checkpoint.
///
/// The first signal only sets a flag; the second one ends the process at once with exit code 130.
public enum Interruption {
    private static let signals = Atomic<Int>(0)

    /// Starts to watch; until then the signals keep their usual effect. Calling it again does no harm.
    public static func watch() {
        // Initialises both here: the handler must not be the first to touch them.
        _ = signals.load(ordering: .relaxed)
        _ = Console.isQuiet
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            // Only what may be called in a signal handler: atomics, write(2) and _exit(2).
            if Interruption.signals.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue > 0 { _exit(130) }
            if Console.isQuiet { return }
            let note: StaticString = "\ninterrupted: stopping after this step; once more stops at once\n"
            let code = errno
            _ = write(2, note.utf8Start, note.utf8CodeUnitCount)
            errno = code
        }
        // Files being read or written go on: the loop decides where to stop.
        action.sa_flags = SA_RESTART
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        // A launcher may have left them blocked, as programs do that start others from a worker thread.
        var watched = sigset_t()
        sigemptyset(&watched)
        sigaddset(&watched, SIGINT)
        sigaddset(&watched, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &watched, nil)
    }

    /// Gives the signals their usual effect again and forgets a request.
    public static func stopWatching() {
        signal(SIGINT, SIG_DFL)
        signal(SIGTERM, SIG_DFL)
        signals.store(0, ordering: .sequentiallyConsistent)
    }

    public static var isRequested: Bool { signals.load(ordering: .relaxed) > 0 }

    /// Throws `InterruptedError` once a stop is requested; for work that has nothing to save.
    public static func check() throws(InterruptedError) {
        if isRequested { throw InterruptedError() }
    }
}
