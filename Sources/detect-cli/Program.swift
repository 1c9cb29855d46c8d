internal import Glibc
internal import Support

/// What surrounds every command: signals, error lines and exit codes.
enum Program {
    /// Exit codes are part of the command line's contract.
    enum ExitCode {
        static let done: Int32 = 0
        static let failed: Int32 = 1
        static let wrongUsage: Int32 = 2
        static let interrupted: Int32 = 130
    }

    /// Prints the name of a step, at once, also where the output is a pipe.
    @Sendable static func announce(_ step: String) {
        print("· \(step)")
        fflush(nil)
    }

    static func run(_ arguments: [String]) -> Int32 {
        // A reader that goes away (`| head`) must not kill a training run before its checkpoint.
        signal(SIGPIPE, SIG_IGN)
        // A file-size limit is an error like a full disk, not a reason to die.
        signal(SIGXFSZ, SIG_IGN)
        do {
            try commandTable.run(arguments) { print($0) }
            try checkOutput()
            return ExitCode.done
        } catch let error as UsageError {
            report(error)
            return ExitCode.wrongUsage
        } catch let error as InterruptedError {
            report(error)
            return ExitCode.interrupted
        } catch {
            report(error)
            return ExitCode.failed
        }
    }

    /// Throws when results for standard output were lost to anything but a reader that has seen enough.
    private static func checkOutput() throws {
        if fflush(nil) != 0, errno != EPIPE { throw Files.systemError("standard output", "cannot be written") }
    }

    private static func report(_ error: any Error) {
        let line = "error: \(error)".split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
        // What the command has printed comes before the error, also in a log that takes both.
        fflush(nil)
        _ = Array(line.utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}
