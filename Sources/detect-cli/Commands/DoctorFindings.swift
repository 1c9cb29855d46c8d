internal import Distributed
internal import Foundation
internal import Glibc
internal import Graphics
internal import Support
internal import Torch

extension Finding {
    static func libtorch() -> Finding {
        if let refusal = Capability.here.refusal {
            return Finding(
                subject: "libtorch", state: .missing, detail: refusal.problem, remedy: refusal.remedy)
        }
        do {
            try Runtime.load()
        } catch {
            return Finding(
                subject: "libtorch", state: .missing, detail: error.message,
                remedy: "run `make setup`, or set LIBTORCH to the folder of torch 2.11 or later, and build again")
        }
        return Finding(
            subject: "libtorch", state: .ok,
            detail: Runtime.version + (libtorchFolder().map { " in \($0)" } ?? ""))
    }

    static func libraries() -> [Finding] {
        let needed = [
            (subject: "OpenBLAS", file: "libopenblas.so.0", package: "libopenblas-dev"),
            (subject: "libxml2", file: "libxml2.so", package: "libxml2-dev"),
            (subject: "TurboJPEG", file: "libturbojpeg.so.0", package: "libturbojpeg0-dev"),
            (subject: "libpng", file: "libpng16.so.16", package: "libpng-dev"),
            (subject: "zlib", file: "libz.so.1", package: "zlib1g-dev"),
            (subject: "Pango", file: "libpangocairo-1.0.so.0", package: "libpango1.0-dev"),
        ]
        return needed.map { library in
            if let path = pathOfLibrary(library.file) {
                return Finding(subject: library.subject, state: .ok, detail: path)
            }
            return Finding(
                subject: library.subject, state: .missing, detail: "\(library.file) was not found",
                remedy: "run `make setup`, or `apt-get install \(library.package)`")
        }
    }

    /// Pictures are drawn without them, too, but with letters of ASCII alone.
    static func fonts() -> Finding {
        Lettering.hasFonts
            ? Finding(subject: "fonts", state: .ok, detail: "pictures have letters of this system's fonts")
            : Finding(
                subject: "fonts", state: .note,
                detail: "none were found; pictures have built-in letters, which are ASCII's",
                remedy: "install fonts, such as those of the package fonts-dejavu-core")
    }

    /// A GPU is never needed; one that lies idle is worth a line.
    static func gpu() -> Finding {
        let nodes = ((try? Files.list("/dev")) ?? []).filter { name in
            name.hasPrefix("nvidia") && Int(name.dropFirst("nvidia".count)) != nil
        }
        let hasLibrary = libtorchFolder().map { Files.exists("\($0)/libtorch_cuda.so") } ?? false
        if nodes.isEmpty {
            return Finding(subject: "GPU", state: .note, detail: "no NVIDIA device; everything runs on the CPU")
        }
        let found = "\(nodes.count.counted("NVIDIA device"))"
        if pathOfLibrary("libcuda.so.1") == nil {
            return Finding(
                subject: "GPU", state: .note, detail: "\(found), but libcuda.so.1 was not found",
                remedy: "install the NVIDIA driver's libraries to use --device cuda")
        }
        if !hasLibrary {
            return Finding(
                subject: "GPU", state: .note, detail: "\(found), but this libtorch is a CPU build",
                remedy: "set LIBTORCH to a CUDA build of torch to use --device cuda")
        }
        return Finding(subject: "GPU", state: .ok, detail: "\(found), libtorch has CUDA")
    }

    static func data(_ folder: String?) -> Finding {
        guard let folder else {
            return Finding(
                subject: "data", state: .note, detail: "DETECT_DATA is not set; tests on real images are skipped",
                remedy: "set DETECT_DATA to the folder that holds VOCdevkit")
        }
        guard Files.isFolder(folder) else {
            return Finding(
                subject: "data", state: .missing, detail: "\(folder) is not a folder",
                remedy: "correct DETECT_DATA or --data, or unset it")
        }
        if !Files.isFolder("\(folder)/VOCdevkit/VOC2007") {
            return Finding(
                subject: "data", state: .note, detail: "\(folder) holds no VOCdevkit/VOC2007",
                remedy: "`detect-cli synthesize` makes a small data set of the same form")
        }
        return Finding(subject: "data", state: .ok, detail: folder)
    }

    /// What the launcher has said, and whether the processes can add numbers up together. All but the leader end here.
    static func processes(_ options: ProcessOptions, on device: Device) throws -> Finding {
        let subject = "processes"
        let launch: Launch
        do throws(InputError) {
            launch = try Launch { ProcessInfo.processInfo.environment[$0] }
        } catch {
            return Finding(
                subject: subject, state: .missing, detail: "\(error.subject): \(error.problem)", remedy: error.remedy)
        }
        guard launch.size > 1 else {
            let gloo = (try? Runtime.load()) != nil && ProcessGroup.isAvailable
            return Finding(
                subject: subject, state: gloo ? .ok : .note,
                detail: "a single one; "
                    + (gloo ? "torchrun, mpirun or srun start more" : "libtorch has no Gloo to join more"))
        }
        let world = try options.meet(launch, on: device)
        let (rounds, values) = (5, 1 << 20)
        let x = Tensor.full([values], Double(world.rank + 1)).to(device: device.kind == .cpu ? .cpu : .cuda())
        let expected = Double(world.size + 1) / 2
        var milliseconds = Double.infinity
        for _ in 0..<rounds {
            let watch = ContinuousClock.now
            let mean = world.mean(x).to(device: .cpu).floats
            milliseconds = min(milliseconds, (ContinuousClock.now - watch) / .milliseconds(1))
            try world.checkPeers()
            if let wrong = mean.first(where: { Double($0) != expected }) {
                throw InputError(
                    "rank \(world.rank)", "has \(wrong) as the mean of 1 to \(world.size)",
                    remedy: "see that all processes have the same libtorch")
            }
        }
        let names = try world.texts("\(ProcessInfo.processInfo.hostName), rank \(launch.localRank) there")
        try world.leaveToLeader()
        let way = device.kind == .cpu ? "Gloo" : world.group?.servesGPU == true ? "NCCL" : "Gloo, through the CPU"
        let hosts = Set(names.map { $0.split(separator: ",")[0] }).count
        return Finding(
            subject: subject, state: .ok,
            detail: "\(launch.size) (\(launch.launcher?.rawValue ?? "")) on \(hosts.counted("machine")) by way of "
                + "\(launch.host):\(launch.port); the mean of 4 MB over all takes \(milliseconds.fixed(1)) ms by \(way)"
        )
    }

    static func processor() -> Finding {
        let cores = Processor.coreCount
        let names = ["sse4_2", "avx2", "avx512f", "avx512_bf16", "amx_bf16"].filter(
            Processor.instructionSets.contains)
        let model = Processor.model
        let capability = Capability.here
        let kernels =
            switch capability.kernels {
            case .plain: "plain kernels, many times slower than with AVX2"
            case .avx2: "kernels for AVX2"
            case .avx512: "kernels for AVX-512"
            }
        let precision =
            capability.multipliesBFloat16
            ? "--precision bf16 is fast" : "no bf16 arithmetic, so --precision fp32 is faster than bf16"
        // Images, proposals and evaluation are the program's own code.
        let isBuiltNarrow = Processor.instructionSets.contains("avx2") && !Processor.setsBuiltFor.contains("avx2")
        return Finding(
            subject: "processor", state: capability.kernels == .plain ? .note : .ok,
            detail: cores.counted("core") + (model.isEmpty ? "" : ", \(model)")
                + (names.isEmpty ? "" : " (\(names.joined(separator: ", ")))") + ": \(kernels); \(precision)",
            remedy: isBuiltNarrow ? "this program is built for any x86-64; `make build` makes one for this machine" : ""
        )
    }

    static func memory() -> Finding {
        let physical = Double(ProcessInfo.processInfo.physicalMemory)
        // A container's own limit, when there is one.
        let limit = (try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8))
            .flatMap { Double($0.filter { !$0.isWhitespace }) }
        let bytes = min(physical, limit ?? physical)
        let enough = bytes >= 3 * gigabyte
        return Finding(
            subject: "memory", state: enough ? .ok : .note, detail: "\((bytes / gigabyte).fixed(1)) GiB",
            remedy: enough ? "" : "use a smaller --batch: ResNet-50 trains in 3 GiB and more")
    }

    static func disk() -> Finding {
        var status = statvfs()
        guard statvfs(".", &status) == 0 else {
            return Finding(subject: "disk", state: .note, detail: "free space cannot be read")
        }
        let free = Double(status.f_bavail) * Double(status.f_frsize)
        let enough = free >= 2 * gigabyte
        return Finding(
            subject: "disk", state: enough ? .ok : .note, detail: "\((free / gigabyte).fixed(1)) GiB free here",
            remedy: enough ? "" : "free some space: two checkpoints of a large run need up to 2 GiB")
    }
}

private let gigabyte = 0x1p30

/// The folder of the libtorch this program runs with, else of the one that a build would find.
private func libtorchFolder() -> String? {
    if let path = pathOfLibrary("libtorch_cpu.so") { return path.parentFolder }
    let root = ProcessInfo.processInfo.environment["LIBTORCH"] ?? ".libtorch/torch"
    return Files.exists("\(root)/lib/libtorch_cpu.so") ? "\(root)/lib" : nil
}

/// Where a shared library is loaded from, or would be.
private func pathOfLibrary(_ file: String) -> String? {
    func loaded() -> String? {
        // The last column of a mapping is its file; distributions add to the number in a library's name.
        // Files of /proc have no length, so they are read to the end.
        let bytes = (try? FileHandle(forReadingAtPath: "/proc/self/maps")?.readToEnd()) ?? Data()
        let maps = String(decoding: bytes, as: UTF8.self)
        return maps.split(separator: "\n").lazy.compactMap { line in
            line.firstIndex(of: "/").map { String(line[$0...]) }
        }.first { $0.fileName.hasPrefix(file) }
    }
    if let path = loaded() { return path }
    guard let handle = dlopen(file, RTLD_LAZY | RTLD_LOCAL) else { return nil }
    defer { dlclose(handle) }
    return loaded() ?? file
}
