import FuzzTargets
import Glibc

// libFuzzer around the parsers: detect-fuzz TARGET [libFuzzer's options and corpus folders].

typealias Callback = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32

/// libFuzzer's main loop, from the part of it that brings no `main`.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>, _ callback: Callback
) -> Int32

guard CommandLine.arguments.count > 1, let chosen = FuzzTarget(rawValue: CommandLine.arguments[1]) else {
    print("usage: detect-fuzz \(FuzzTarget.allCases.map(\.rawValue).joined(separator: "|")) [options] [folders]")
    exit(2)
}
nonisolated(unsafe) var target = FuzzTarget.annotation
target = chosen

// The target's name is ours; all that follows is libFuzzer's. The number of arguments is read first: Swift counts them
// anew up to the first null.
nonisolated(unsafe) var arguments = CommandLine.unsafeArgv
nonisolated(unsafe) var count = CommandLine.argc - 1
for index in 1...Int(count) { arguments[index] = arguments[index + 1] }
exit(
    runFuzzer(&count, &arguments) { bytes, length in
        do {
            try target.run(Array(UnsafeBufferPointer(start: bytes, count: length)))
        } catch {
            fatalError("\(error)")
        }
        return 0
    })
