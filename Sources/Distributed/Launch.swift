public import Support

/// What a launcher has told this process: which of how many it is, and where the others meet.
///
/// `torchrun`, `mpirun` and `srun` speak through environment variables; a process that none of them has started is alone.
public struct Launch: Hashable, Sendable {
    public enum Launcher: String, Sendable {
        case torchrun
        case mpirun
        case srun
    }

    /// nil for a process that is alone.
    public var launcher: Launcher?
    /// Which process this is, from 0.
    public var rank = 0
    /// How many there are.
    public var size = 1
    /// Which it is among those of this machine.
    public var localRank = 0
    public var localSize = 1
    /// Where rank 0, or the launcher, keeps what all have to know.
    public var host = "127.0.0.1"
    public var port = Self.usualPort
    /// Whether the launcher keeps it, so that rank 0 only asks, too.
    public var isHostedByLauncher = false
    /// How often the launcher has started the processes again.
    public var restarts = 0

    /// A process that nobody else works with.
    public static let alone = Launch()

    private static let usualPort = 29500

    private init() {}

    private struct Names {
        var launcher: Launcher
        var rank, size, localRank, localSize: String
    }

    // Open MPI's, and Slurm's within a step: a batch script outside srun has SLURM_PROCID and SLURM_NTASKS as well.
    private static let all = [
        Names(
            launcher: .torchrun, rank: "RANK", size: "WORLD_SIZE", localRank: "LOCAL_RANK",
            localSize: "LOCAL_WORLD_SIZE"),
        Names(
            launcher: .mpirun, rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE",
            localRank: "OMPI_COMM_WORLD_LOCAL_RANK", localSize: "OMPI_COMM_WORLD_LOCAL_SIZE"),
        Names(
            launcher: .srun, rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS", localRank: "SLURM_LOCALID",
            localSize: "SLURM_STEP_TASKS_PER_NODE"),
    ]

    /// Reads the variables that the launchers set.
    ///
    /// - Throws: `InputError` naming the variable that makes no sense.
    public init(environment: (String) -> String?) throws(InputError) {
        func number(_ name: String) throws(InputError) -> Int? {
            guard let text = environment(name), !text.isEmpty else { return nil }
            guard let number = Int(text), number >= 0 else {
                throw InputError(
                    "\(name)=\(text)", "is no number", remedy: "start the processes with torchrun, mpirun or srun")
            }
            return number
        }
        for names in Self.all {
            let (rank, size) = (try number(names.rank), try number(names.size))
            if rank == nil, size == nil { continue }
            // Slurm sets the rank outside a step, too.
            if names.launcher == .srun, size == nil { continue }
            guard let rank, let size else {
                let (given, missing) = rank == nil ? (names.size, names.rank) : (names.rank, names.size)
                throw InputError(given, "is set without \(missing)", remedy: "set both, or neither")
            }
            guard rank < size else {
                throw InputError("\(names.rank)=\(rank)", "with \(names.size)=\(size)", remedy: "ranks count from 0")
            }
            launcher = names.launcher
            (self.rank, self.size) = (rank, size)
            localRank = try number(names.localRank) ?? rank
            // "2(x3),1": tasks of each node. What is the same everywhere is a plain number.
            localSize =
                names.launcher == .srun
                ? environment(names.localSize).flatMap { Int($0.prefix { $0.isNumber }) } ?? size
                : try number(names.localSize) ?? size
            localSize = max(localRank + 1, min(size, localSize))
            break
        }
        restarts = try number("TORCHELASTIC_RESTART_COUNT") ?? 0
        isHostedByLauncher = environment("TORCHELASTIC_USE_AGENT_STORE") == "True"
        if size == 1 { return }
        if let given = environment("MASTER_ADDR"), !given.isEmpty {
            host = given
        } else if localSize < size {
            throw InputError(
                "MASTER_ADDR", "is not set, but the processes are on several machines",
                remedy: "set it to the first machine's name for all of them")
        }
        port = try number("MASTER_PORT") ?? Self.usualPort
        guard (1...65535).contains(port) else {
            throw InputError("MASTER_PORT=\(port)", "is no port", remedy: "give one from 1 to 65535")
        }
    }

    /// As people read it: "rank 1 of 2 (mpirun)".
    public var description: String {
        launcher.map { "rank \(rank) of \(size) (\($0.rawValue))" } ?? "a single process"
    }
}
