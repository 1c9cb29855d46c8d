internal import Foundation
internal import Support
package import Torch

/// Options of every command that runs a network.
package struct ComputeOptions {
    package let device: Option<Device>
    package let precision: Option<Precision>
    package let threads: Option<Int>

    package init(_ parser: ArgumentParser, precision default: Precision = .fp32, shown: String? = nil) {
        parser.group("Compute")
        device = parser.option("device", "cpu|cuda[:N]", "where the network runs", default: Device.cpu)
        precision = parser.choice("precision", "arithmetic of the network", default: `default`, shown: shown)
        threads = parser.threads()
    }

    /// Makes the device usable and sets the number of threads; throws with a remedy when there is none. Called once by a
    /// command.
    func activate() throws {
        try device.value.activate()
        Runtime.threads = threads.value
        if device.value == .cpu, precision.value == .bf16, !Capability.here.multipliesBFloat16 {
            FileHandle.standardError.write(
                Data("note: this processor has no bf16 arithmetic; --precision fp32 is faster here\n".utf8))
        }
    }
}

/// Options of every command that reads images in bulk.
package struct LoadingOptions {
    package let workers: Option<Int>
    package let limit: Option<Int?>

    package init(_ parser: ArgumentParser) {
        parser.group("Data")
        workers = parser.option(
            "workers", "N", "threads that decode and augment images; changes no result",
            default: max(1, ProcessInfo.processInfo.activeProcessorCount), shown: "all cores", .between(1, 1024))
        limit = parser.optional(
            "limit", "N", "use only N images: the first ones of each class, else the first", .atLeast(1))
    }
}

/// Options of every command that trains into a run folder.
package struct RunOptions {
    package let folder: Option<String>
    package let resume: Option<Bool>
    package let seed: Option<UInt64>

    package init(_ parser: ArgumentParser) {
        parser.group("Run")
        folder = parser.required("run", "DIR", "the folder that receives configuration, metrics and weights")
        resume = parser.flag("resume", "continue the run in that folder from its last checkpoint")
        seed = parser.seed()
    }
}

extension ArgumentParser {
    /// `--set NAME`
    package func dataSet() -> Option<String?> {
        optional(
            "set", "NAME", "the image set of a VOCdevkit, train or test of CIFAR, or a folder of a .tar",
            shown: "trainval, train, all")
    }

    /// `--threads N`
    package func threads() -> Option<Int> {
        option(
            "threads", "N", "threads that compute", default: max(1, ProcessInfo.processInfo.activeProcessorCount),
            shown: "all cores", .between(1, 1024))
    }

    /// `--seed N`
    package func seed() -> Option<UInt64> {
        option("seed", "N", "decides every random choice", default: 0)
    }

    /// `--full-precision`
    package func fullPrecision() -> Option<Bool> {
        flag(
            "full-precision",
            "write all digits to the detection files, not three decimals of the score and one of the box")
    }

    /// `--json FILE`
    package func json() -> Option<String?> {
        output(optional("json", "FILE", "write the results there for machines, too"))
    }
}

extension Option where Value == String? {
    /// Writes the results where `--json FILE` says, if it is given.
    func write(_ results: @autoclosure () -> JSON) throws {
        if let path = value { try Files.writeAtomically(results().pretty, to: path) }
    }
}
