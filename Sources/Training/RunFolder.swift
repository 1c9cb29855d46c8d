internal import Glibc
public import Support

/// The folder of one training run, held exclusively for as long as the value lives.
///
/// `config.json` · `metrics.jsonl` · `checkpoints/` · `weights.safetensors` · pictures. The lock is on `.lock` and
/// ends with the process, however that ends.
public final class RunFolder: Sendable {
    public let path: String
    /// Whether an earlier run is being continued.
    public let isResumed: Bool
    private let lock: Int32

    /// Opens the folder, made if need be, and writes the configuration into it.
    ///
    /// - Parameters:
    ///   - resume: Go on with the run in the folder, if there is one; without it the folder must be empty.
    ///   - config: Every resolved option of the run: an object.
    ///   - mayDiffer: Members of `config` that may change on resuming, such as "workers"; nested ones with a point,
    ///     "data.path". A name covers everything below it.
    /// - Throws: `InputError`: in use by another process, not empty, no run to resume, or another configuration.
    public init(_ path: String, resume: Bool, config: JSON, mayDiffer: Set<String> = []) throws {
        self.path = path
        try Files.makeFolder(path)
        lock = try Self.lock(path)
        do {
            isResumed = try Self.prepare(path, resume: resume, config: config, mayDiffer: mayDiffer)
        } catch {
            Files.unlockAndClose(lock)
            throw error
        }
    }

    /// The folder of a run that another process writes: nothing of it is opened, made or locked.
    public init(ofOtherProcess path: String) {
        self.path = path
        isResumed = false
        lock = -1
    }

    deinit { if lock >= 0 { Files.unlockAndClose(lock) } }

    public var config: String { Self.config(in: path) }
    public var metrics: String { "\(path)/metrics.jsonl" }
    /// For TensorBoard, which looks for "tfevents" in the name.
    public var events: String { "\(path)/events.out.tfevents.detect" }
    public var checkpoints: String { "\(path)/checkpoints" }
    public var weights: String { "\(path)/weights.safetensors" }

    /// The path of a picture or table of this run.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// The configuration of a run, for reading only: takes no lock.
    ///
    /// - Throws: `InputError` when the folder holds no run.
    public static func readConfig(_ path: String) throws -> JSON {
        guard Files.exists(config(in: path)) else {
            throw InputError(path, "holds no run (config.json is missing)", remedy: "give the folder of a run")
        }
        return try JSON.read(config(in: path))
    }

    private static func config(in path: String) -> String { "\(path)/config.json" }
}

extension RunFolder {
    private static func lock(_ path: String) throws -> Int32 {
        let file = "\(path)/.lock"
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be locked") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let failure = Files.systemError(path, "cannot be locked")
            let isHeld = errno == EWOULDBLOCK
            close(descriptor)
            if !isHeld { throw failure }
            let holder = (try? Files.readText(file)).flatMap { Int($0) }.map { "process \($0)" } ?? "another process"
            throw InputError(
                path, "is in use by \(holder)", remedy: "wait until that has ended, or give another run folder")
        }
        // Only told to whoever finds the folder locked; a failure to write it changes nothing else.
        let holder = Array("\(getpid())".utf8)
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, holder, holder.count, 0) }
        return descriptor
    }

    /// Checks what the folder holds against what is wanted, and writes `config.json`. True when a run goes on.
    private static func prepare(_ path: String, resume: Bool, config: JSON, mayDiffer: Set<String>) throws -> Bool {
        let stored = Files.exists(Self.config(in: path)) ? try JSON.read(Self.config(in: path)) : nil
        if !resume || stored == nil {
            let names = try Files.list(path)
            if stored != nil {
                throw InputError(
                    path, "already holds a run", remedy: "resume it, or give another run folder")
            }
            if let first = names.first(where: { !$0.contains(".partial-") && $0 != "checkpoints" }) {
                throw InputError(
                    path, "is not empty (\(first)) and holds no run", remedy: "give an empty or a new folder")
            }
        }
        try Files.makeFolder("\(path)/checkpoints")
        for folder in [path, "\(path)/checkpoints"] { try removeLeftovers(folder) }
        // Numbers and texts as they read back, so that the comparison is between like and like.
        let written = try JSON.parse(config.line.utf8)
        if let stored, let (name, old, new) = firstDifference(stored, written, except: mayDiffer) {
            throw InputError(
                path, "was started with \(name) = \(old), not \(new)",
                remedy: "give the same value, or another run folder")
        }
        if stored != written { try Files.writeAtomically(config.pretty, to: Self.config(in: path)) }
        return stored != nil
    }

    /// Half-written files of a process that was killed: with the lock held, nobody is writing them any more.
    private static func removeLeftovers(_ folder: String) throws {
        for name in try Files.list(folder) where name.contains(".partial-") { unlink("\(folder)/\(name)") }
    }

    /// The first member in which two configurations differ, and what each has.
    ///
    /// - Parameter except: Members that do not count; nested ones with a point, "data.path".
    public static func firstDifference(
        _ stored: JSON?, _ wanted: JSON?, under name: String = "", except: Set<String>
    ) -> (name: String, stored: String, wanted: String)? {
        if stored == wanted || except.contains(name) { return nil }
        if let old = stored?.members, let new = wanted?.members {
            let names = old.map(\.name) + new.map(\.name).filter { stored?[$0] == nil }
            return names.lazy.compactMap { member in
                let path = name.isEmpty ? member : "\(name).\(member)"
                return firstDifference(stored?[member], wanted?[member], under: path, except: except)
            }.first
        }
        // The order of members and 1 against 1.0 say nothing about the run.
        if let old = stored?.doubleValue, let new = wanted?.doubleValue, old == new { return nil }
        return (name, stored?.line ?? "nothing", wanted?.line ?? "nothing")
    }
}
