internal import Foundation
internal import Support
internal import Torch

/// `machine.json` of a run folder: where and by which command it was run, an entry each time it was begun or gone on with. It
/// says nothing about what a run comes to, so it is no part of the configuration.
enum MachineRecord {
    static let name = "machine.json"

    /// Adds this process to the file in a run folder.
    static func add(to folder: String) throws {
        let path = "\(folder)/\(name)"
        // One that cannot be read is begun anew: no run fails for it.
        let known = Files.exists(path) ? (try? JSON.read(path))?.arrayValue ?? [] : []
        try Files.writeAtomically(JSON.array(known + [here]).pretty, to: path)
    }

    private static var here: JSON {
        [
            "command": .array(CommandLine.arguments.map { .string($0) }),
            "folder": .string(FileManager.default.currentDirectoryPath),
            "started": .string(Date().formatted(.iso8601)), "version": .string(Toolkit.version),
            "libtorch": .string(Runtime.version), "processor": .string(Processor.model),
            "cores": .integer(Processor.coreCount), "threads": .integer(Runtime.threads),
            "memory_gib": .number((Double(ProcessInfo.processInfo.physicalMemory) / 1_073_741_824 * 10).rounded() / 10),
            "system": .string(system),
        ]
    }

    private static var system: String {
        let text = (try? Files.readText("/etc/os-release")) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") } ?? "PRETTY_NAME=Linux"
        return String(line.dropFirst("PRETTY_NAME=".count)).filter { $0 != "\"" }
    }
}
