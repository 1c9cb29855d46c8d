internal import Distributed
internal import Support
package import Torch

/// Options of every command that runs a network.
package struct ComputeOptions {
    package let device: Option<Device>
    package let precision: Option<Precision>
    package let threads: Option<Int>
    private let placed = Placed()

    private final class Placed {
        var place: Workplace?
    }

    /// Where the command works, once `activate` or `ProcessOptions.join` was called.
    package internal(set) var place: Workplace {
        get { placed.place ?? Workplace(world: .alone, device: device.value) }
        nonmutating set { placed.place = newValue }
    }

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
            Console.remark("this processor has no bf16 arithmetic; --precision fp32 is faster here", label: "note")
        }
    }
}

/// Options of every command that reads images in bulk.
package struct LoadingOptions {
    package let workers: Option<Int>
    package let limit: Option<Int?>

    package init(_ parser: ArgumentParser) {
        parser.group("Data")
        workers = parser.workers("decode and augment images", default: Processor.coreCount, shown: "all cores")
        limit = parser.limit()
    }
}

/// Options of every command that trains into a run folder.
package struct RunOptions {
    package let folder: Option<String>
    package let resume: Option<Bool>
    package let seed: Option<UInt64>

    package init(_ parser: ArgumentParser) {
        parser.group("Run")
        folder = parser.runFolder("weights")
        resume = parser.resume()
        seed = parser.seed()
    }
}

extension Program {
    /// Where a run ends: how to look at it.
    static func sayReport(_ folders: String...) {
        Console.remark("see it whole: detect-cli report \(folders.joined(separator: " "))")
    }
}

extension ArgumentParser {
    /// `--set NAME`
    package func dataSet() -> Option<String?> {
        optional(
            "set", "NAME", "the image set of a VOCdevkit, train or test of CIFAR, or a folder of a .tar",
            shown: "trainval, train, all")
    }

    /// `--limit N`
    ///
    /// - Parameter remark: When it holds.
    package func limit(remark: String? = nil) -> Option<Int?> {
        optional(
            "limit", "N", Self.text("use only N images: the first ones of each class, else the first", remark),
            .atLeast(1))
    }

    /// `--workers N`
    package func workers(_ work: String, default fallback: Int, shown: String? = nil) -> Option<Int> {
        option(
            "workers", "N", "threads that \(work); changes no result", default: fallback, shown: shown,
            .between(1, 1024))
    }

    /// `--run DIR`
    ///
    /// - Parameter results: What it receives beside configuration and metrics.
    package func runFolder(_ results: String) -> Option<String> {
        required("run", "DIR", "the folder that receives configuration, metrics and \(results)")
    }

    /// `--no-published`
    package func omitsPublished() -> Option<Bool> { flag("no-published", "leave out the figures of papers") }

    /// `--resume`
    package func resume() -> Option<Bool> {
        flag("resume", "continue the run in that folder from its last checkpoint")
    }

    /// `--checkpoint-every N` of trainings that count steps.
    package func checkpointEvery(default fallback: Int) -> Option<Int> {
        option("checkpoint-every", "N", Self.checkpointHelp, default: fallback, .atLeast(1))
    }

    /// The same of trainings that count epochs.
    package func checkpointEvery() -> Option<Int?> {
        optional("checkpoint-every", "N", Self.checkpointHelp, shown: "one epoch", .atLeast(1))
    }

    private static var checkpointHelp: String { "steps between checkpoints" }

    /// `--image-size N` where there are weights that say it, too.
    package func networkInput() -> Option<Int?> {
        optional(
            "image-size", "N", "side of the network's input", shown: "what the weights were trained on",
            .between(8, 4096))
    }

    /// `--threads N`
    package func threads() -> Option<Int> {
        option(
            "threads", "N", "threads that compute", default: Processor.coreCount, shown: "all cores", .between(1, 1024))
    }

    /// `--seed N`
    package func seed() -> Option<UInt64> {
        option("seed", "N", "decides every random choice", default: 0)
    }

    /// `--sync-batchnorm`
    package func synchronizesBatchNorm() -> Option<Bool> {
        flag("sync-batchnorm", "statistics of batch norm over the images of all processes, not of each one")
    }

    /// `--full-precision`
    package func fullPrecision() -> Option<Bool> {
        flag(
            "full-precision",
            "write all digits to the detection files, not three decimals of the score and one of the box")
    }

    /// `--json FILE` and `--report FILE`
    package func results() -> ResultOptions { ResultOptions(self) }

    /// `--json FILE`
    package func json() -> Option<String?> {
        output(optional("json", "FILE", "write the results there for machines, too"))
    }
}

extension Option where Value == String? {
    /// Writes the results where `--json FILE` says, if it is given.
    func write(_ results: @autoclosure () -> JSON) throws {
        guard let path = value else { return }
        if !path.parentFolder.isEmpty { try Files.makeFolder(path.parentFolder) }
        try Files.writeAtomically(results().pretty, to: path)
    }
}
