package import Distributed
internal import Foundation
internal import Support
package import Torch

/// Options of every command that many processes can do together, started by torchrun, mpirun or srun.
package struct ProcessOptions {
    private let wait: Option<Double>
    private let timeout: Option<Double>

    package init(_ parser: ArgumentParser) {
        parser.group("Many processes")
        wait = parser.option(
            "wait", "SECONDS", "how long a process waits for the others to be started", default: 60, .above(0))
        timeout = parser.option(
            "peer-timeout", "SECONDS", "how long it then waits for one that does not answer", default: 1800, .above(0))
    }

    /// Makes the device of this process usable, sets its number of threads and meets the other processes. Called once by a
    /// command.
    ///
    /// - Throws: `InputError` naming what the launcher has said wrongly, or who has not come.
    @discardableResult
    func join(_ compute: ComputeOptions) throws -> World {
        let launch = try launch()
        if launch.size == 1 {
            try compute.activate()
            return .alone
        }
        return try meet(launch, compute)
    }

    /// The same for a command that by itself needs no tensors.
    func joinOthers(_ compute: ComputeOptions) throws -> World {
        let launch = try launch()
        return launch.size == 1 ? .alone : try meet(launch, compute)
    }

    /// Meets the other processes for nothing but to see whether they can be met.
    func meet(_ launch: Launch, on device: Device) throws -> World {
        let world = try World(launch, device: device.activate(in: launch), patience: wait.value, timeout: timeout.value)
        Program.world = world
        return world
    }

    private func launch() throws(InputError) -> Launch {
        try Launch { ProcessInfo.processInfo.environment[$0] }
    }

    private func meet(_ launch: Launch, _ compute: ComputeOptions) throws -> World {
        let device = try compute.activate(in: launch)
        let world = try World(launch, device: device, patience: wait.value, timeout: timeout.value)
        Program.world = world
        compute.place = Workplace(world: world, device: device)
        return world
    }
}

/// Where a command works: together with whom, and on which device.
package struct Workplace {
    package var world: World
    package var device: Device
}

extension ComputeOptions {
    /// Makes the device of one of several processes usable: of the GPUs of a machine each takes its own, of the cores an equal part.
    fileprivate func activate(in launch: Launch) throws -> Device {
        let device = device.value
        guard device.index == 0 else {
            throw UsageError(
                "--device \(device) is one GPU for \(launch.size) processes", remedy: "give --device cuda")
        }
        let own = try device.activate(in: launch)
        Runtime.threads = threads.isGiven ? threads.value : max(1, Processor.coreCount / launch.localSize)
        return own
    }
}

extension Device {
    /// Makes this process's own of a machine's GPUs usable, or the processor.
    fileprivate func activate(in launch: Launch) throws -> Device {
        try activate()
        if kind == .cpu { return self }
        // A launcher may show each process one GPU alone.
        let own = Device.cuda(launch.localRank % max(1, Device.gpuCount))
        try own.activate()
        return own
    }
}
