internal import CProcessor
internal import Foundation

/// The processor of this machine.
public enum Processor {
    /// Linux's names of the instruction sets beyond plain x86-64 that programs can use here, of those that matter.
    public static let instructionSets: Set<String> = sets(where: processor_has_set)

    /// Those that this program uses without asking.
    public static let setsBuiltFor: Set<String> = sets(where: processor_needs_set)

    /// Its maker's name for it; empty where Linux does not tell.
    public static let model: String = {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") } ?? ""
        return String(line.drop { $0 != ":" }.dropFirst(2))
    }()

    /// Cores that this process may use: those it may run on, and no more than a container or a batch system gives it time for.
    public static let coreCount: Int = {
        let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)
        return ControlGroup.quota().map { max(1, min(cores, Int($0.rounded(.up)))) } ?? cores
    }()

    private static func sets(where isTrue: (Int32) -> Bool) -> Set<String> {
        Set((0..<processor_set_count()).filter(isTrue).map { String(cString: processor_set_name($0)) })
    }
}
