internal import Distributed
internal import Glibc
internal import Support
internal import Synchronization

/// What surrounds every command: signals, error lines and exit codes.
enum Program {
    /// Exit codes are part of the command line's contract.
    enum ExitCode {
        static let done: Int32 = 0
        static let failed: Int32 = 1
        static let wrongUsage: Int32 = 2
        static let interrupted: Int32 = 130
    }

    private static let joined = Mutex<World?>(nil)

    /// The processes this one works with, which are told why it ends.
    static var world: World? {
        get { joined.withLock { $0 } }
        set { joined.withLock { $0 = newValue } }
    }

    /// Says which step begins.
    @Sendable static func announce(_ step: String) { Console.remark("· \(step)") }

    static func run(_ arguments: [String]) -> Int32 {
        // A reader that goes away (`| head`) must not kill a training run before its checkpoint.
        signal(SIGPIPE, SIG_IGN)
        // A file-size limit is an error like a full disk, not a reason to die.
        signal(SIGXFSZ, SIG_IGN)
        do {
            try commandTable.run(arguments) { print($0) }
            try checkOutput()
            return ExitCode.done
        } catch is PartDone {
            return ExitCode.done
        } catch let error as UsageError {
            world?.fail(error)
            Console.error("\(error)")
            return ExitCode.wrongUsage
        } catch let error as InterruptedError {
            Console.error("\(error)")
            return ExitCode.interrupted
        } catch {
            world?.fail(error)
            Console.error("\(error)")
            return ExitCode.failed
        }
    }

    /// Throws when results for standard output were lost to anything but a reader that has seen enough.
    private static func checkOutput() throws {
        if fflush(nil) != 0, errno != EPIPE { throw Files.systemError("standard output", "cannot be written") }
    }
}
