internal import Distributed
internal import Foundation
internal import Support
internal import Torch

/// Says what this machine has and lacks, with a remedy for everything that is missing.
struct DoctorCommand: Command {
    static let name = "doctor"
    static let summary =
        "checks libtorch, libraries, GPU, data folder, the machine, and whether processes reach each other"
    static let isShared = true
    static let example = """
        detect-cli doctor --json doctor.json
        torchrun --no-python --nproc-per-node 2 detect-cli doctor
        """

    let data: Option<String?>
    let device: Option<Device>
    let processes: ProcessOptions
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        device = parser.option(
            "device", "cpu|cuda", "what several processes exchange tensors of", default: Device.cpu)
        processes = ProcessOptions(parser)
        parser.group("Results")
        data = parser.optional("data", "DIR", "the data folder to look at", shown: "$DETECT_DATA")
        json = parser.json()
    }

    func run() throws {
        let together = try Finding.processes(processes, on: device.value)
        let folder = data.value ?? ProcessInfo.processInfo.environment["DETECT_DATA"]
        let findings =
            [Finding.libtorch()] + Finding.libraries() + [Finding.fonts(), .gpu(), .data(folder)]
            + [.processor(), .memory(), .disk(), together]
        let ink = Console.ink(.output)
        for finding in findings { print(finding.text(ink)) }
        try json.write(.object([.init("findings", .array(findings.map(\.json)))]))
        let missing = findings.filter { $0.state == .missing }.map(\.subject)
        if !missing.isEmpty {
            throw InputError("doctor", "missing: \(missing.joined(separator: ", "))", remedy: "see the remedies above")
        }
    }
}

/// What was found out about one thing.
struct Finding {
    enum State: String {
        case ok
        /// Worth knowing; everything that does not need it works.
        case note
        case missing

        var style: Ink.Style {
            switch self {
            case .ok: .green
            case .note: .yellow
            case .missing: .red
            }
        }
    }

    var subject: String
    var state: State
    var detail: String
    /// Empty when there is nothing to do.
    var remedy = ""

    func text(_ ink: Ink) -> String {
        let line = "\(ink(state.rawValue.padded(9), state.style))\(subject.padded(12))\(detail)"
        return remedy.isEmpty ? line : "\(line)\n\(String(repeating: " ", count: 21))→ \(remedy)"
    }

    var json: JSON {
        [
            "subject": .string(subject), "state": .string(state.rawValue), "detail": .string(detail),
            "remedy": .string(remedy),
        ]
    }
}
