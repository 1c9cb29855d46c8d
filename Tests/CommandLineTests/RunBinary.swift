import Foundation
import TestSupport

/// What a run of detect-cli left behind.
struct Outcome {
    var exitCode: Int32
    var output: String
    var errors: String
}

/// The binary under test: it is built into the folder of the test bundle.
let binary: URL = {
    let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("detect-cli")
}()

/// Runs detect-cli, or another program that gets its path as `$0`, and waits for its end.
///
/// - Parameters:
///   - shell: A shell command in which `"$0"` is detect-cli and `"$@"` the arguments.
///   - timeLimit: Seconds after which the process is killed with its children; its exit code is then 9 (SIGKILL).
func run(
    _ arguments: [String], shell: String = "exec \"$0\" \"$@\"", environment: [String: String] = [:],
    folder: String? = nil, timeLimit: Double = 60
) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", shell, binary.path] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    // Files, not pipes: a pipe that fills while nobody reads would stop the process.
    let scratch = try TemporaryFolder(["stdout": "", "stderr": ""])
    defer { withExtendedLifetime(scratch) {} }
    let files = ["stdout", "stderr"].map { URL(fileURLWithPath: "\(scratch.path)/\($0)") }
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let identifier = process.processIdentifier
    // The whole group, of which the shell is the leader: what it has started must not live on.
    let watchdog = DispatchWorkItem { kill(-identifier, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + timeLimit, execute: watchdog)
    process.waitUntilExit()
    watchdog.cancel()
    return Outcome(
        exitCode: process.terminationStatus,
        output: String(decoding: try Data(contentsOf: files[0]), as: UTF8.self),
        errors: String(decoding: try Data(contentsOf: files[1]), as: UTF8.self))
}

/// The names of the shared libraries that a run of detect-cli looks for, from the dynamic loader's own report.
func librariesLoaded(_ arguments: [String]) throws -> Set<String> {
    let report = try run(arguments, environment: ["LD_DEBUG": "files"]).errors
    return Set(report.matches(of: #/file=(?:[^ ]*/)?([^ /]+) /#).map { String($0.1) })
}
