internal import Foundation
internal import Glibc
public import Support
internal import Synchronization
public import Torch

/// The processes of a run: this one, and those it works with.
///
/// Rank 0 leads: it alone owns the run folder and what is written and shown. `World.alone` is a single process, for which
/// every operation gives its own value back.
public final class World: Sendable {
    public let launch: Launch
    /// What tensors are exchanged by; nil alone.
    public let group: ProcessGroup?
    /// The same for the statistics of batch norm, whose messages come in between.
    public let statistics: ProcessGroup?
    private let store: KeyValueStore?
    /// Seconds that a process waits for one that does not answer.
    private let timeout: Double
    /// Texts that have been shared.
    private let shared = Atomic(0)

    static let failureKey = "failure"

    /// A process that nobody else works with.
    public static let alone = World()

    private init() {
        (launch, group, statistics, store, timeout) = (.alone, nil, nil, nil, 0)
    }

    /// Meets the other processes.
    ///
    /// - Parameters:
    ///   - device: Where the tensors of the run are, already activated.
    ///   - patience: Seconds to wait for all to come.
    ///   - timeout: Seconds to wait, later, for one that does not answer.
    /// - Throws: `InputError` naming who has not come, or what does not fit.
    public init(_ launch: Launch, device: Device, patience: Double, timeout: Double) throws {
        guard launch.size > 1 else {
            (self.launch, group, statistics, store, self.timeout) = (launch, nil, nil, nil, 0)
            return
        }
        guard ProcessGroup.isAvailable else {
            throw InputError(
                "libtorch \(Runtime.version)", "has no Gloo, by which processes work together",
                remedy: "use one that has it, such as the one that `make setup` installs")
        }
        self.launch = launch
        self.timeout = timeout
        let store = try Rendezvous(launch, patience: patience)()
        self.store = store
        do throws(TorchError) {
            let (rank, size) = (launch.rank, launch.size)
            group = try ProcessGroup("detect", rank: rank, size: size, store: store, device: device, timeout: timeout)
            statistics = try ProcessGroup(
                "norm", rank: rank, size: size, store: store, device: device, timeout: timeout)
        } catch {
            throw InputError(
                "rank \(launch.rank)", "cannot be reached by the others (\(error.message.firstLine))",
                remedy:
                    "on several machines set GLOO_SOCKET_IFNAME, and NCCL_SOCKET_IFNAME, to their network's interface")
        }
    }

    public var rank: Int { launch.rank }
    public var size: Int { launch.size }
    public var isLeader: Bool { launch.rank == 0 }

    /// The share of this process in what all do.
    public var share: Share { Share(rank: rank, of: size) }

    // MARK: Tensors

    public func mean(_ x: Tensor) -> Tensor { group?.mean(x) ?? x }
    /// [B, …] of each → [W·B, …] of all, by rank.
    public func gather(_ x: Tensor) -> Tensor { group?.gather(x) ?? x }
    /// [W·B, …] of all → [B, …] of this process.
    public func ownRows(_ x: Tensor) -> Tensor { group?.ownRows(x) ?? x }

    /// A function of the embeddings of all views of all processes: each gets its value, and its own part of the gradient.
    ///
    /// - Parameters:
    ///   - embeddings: [V·B, D], the first views of all images in front.
    ///   - views: V
    ///   - body: Of [V·W·B, D] in the same order; gives one value to be differentiated, and what else it has.
    public func function<Extra>(
        of embeddings: Tensor, views: Int, _ body: (Tensor) -> (value: Tensor, extra: Extra)
    ) -> (value: Tensor, extra: Extra) {
        guard let group, group.size > 1 else { return body(embeddings) }
        return group.function(of: embeddings) { all in
            // By rank, view and image; wanted by view, rank and image.
            let (rows, width) = (all.size(0), all.size(1))
            let count = rows / (views * group.size)
            return body(
                all.reshape(group.size, views, count, width).permute(1, 0, 2, 3).reshape(rows, width))
        }
    }

    /// Makes the leader's values those of all, in place.
    public func broadcast(_ tensors: [Tensor]) {
        guard let group, group.size > 1 else { return }
        withoutGradients { for tensor in tensors { tensor.copy_(group.broadcast(tensor)) } }
    }

    /// Makes the mean over all processes the value of each, in place.
    public func average(_ tensors: [Tensor]) { group?.average(tensors) }

    /// Rows of all processes, each of which may have another number of them: [nᵣ, …] → [Σnᵣ, …], by rank.
    public func gatherRows(_ x: Tensor) -> Tensor { size == 1 ? x : Tensor.cat(gatherParts(x)) }

    /// The same, by rank.
    private func gatherParts(_ x: Tensor) -> [Tensor] {
        guard let group, group.size > 1 else { return [x] }
        let counts = group.gather(Tensor([x.size(0)])).ints
        guard let most = counts.max(), most > 0 else { return counts.map { _ in x } }
        var shape = x.shape
        shape[0] = most - x.size(0)
        let padded = shape[0] == 0 ? x : Tensor.cat([x, Tensor.zeros(shape, dtype: x.dtype, device: x.device)])
        let all = group.gather(padded)
        return counts.enumerated().map { all.narrow(0, $0.offset * most, $0.element) }
    }

    /// Bytes of all processes, by rank.
    public func gather(bytes: [UInt8]) throws -> [[UInt8]] {
        if size == 1 { return [bytes] }
        let parts = gatherParts(bytes.withUnsafeBytes { Tensor(bytes: $0, shape: [bytes.count], dtype: .uint8) })
        try checkPeers()
        return parts.map { part in part.withBytes { Array($0) } }
    }

    // MARK: Random generators

    /// Tells the streams of processes from each other.
    private static let rankKey: UInt64 = 0x7261_6e6b

    /// Has every process but the leader draw other values than its neighbours.
    public func diverge(_ generator: Generator, seed: UInt64) {
        if isLeader { return }
        let own = Generator(seed: RandomStream(seed, Self.rankKey, UInt64(rank)).state, device: generator.device)
        // A generator takes the state of another of its device.
        do { try generator.restore(own.state) } catch { preconditionFailure("\(error)") }
    }

    /// The states of a generator in all processes, one behind the other: for a checkpoint.
    public func state(of generator: Generator) -> Tensor { gather(generator.state) }

    /// Gives a generator the state that this process had. That of another number of processes is left: nothing may then draw
    /// from it.
    public func restore(_ generator: Generator, from states: Tensor) throws {
        if size == 1, states.count == generator.state.count { return try generator.restore(states) }
        guard states.count == generator.state.count * size else { return }
        // A copy: libtorch reads a state from the beginning of its memory.
        try generator.restore(ownRows(states).clone())
    }

    // MARK: Agreement

    /// Ends the part of every process but the leader, which goes on by itself with what all have made.
    ///
    /// - Throws: `PartDone`, which is no failure.
    public func leaveToLeader() throws {
        try checkPeers()
        if !isLeader { throw PartDone() }
    }

    /// Whether it is so in any of the processes.
    public func any(_ isSo: Bool) -> Bool {
        guard let group, group.size > 1 else { return isSo }
        return group.max(Tensor([isSo ? 1 : 0])).ints[0] > 0
    }

    /// A text of the leader, for all. The leader's failure to make it is everybody's.
    public func leaders(_ text: () throws -> String) throws -> String {
        guard let store, size > 1 else { return try text() }
        let key = "shared/\(shared.wrappingAdd(1, ordering: .relaxed).newValue)"
        if isLeader {
            let made = try text()
            try store.set(key, to: made)
            return made
        }
        try wait(for: key, store)
        return try store.get(key, patience: timeout)
    }

    /// Texts of all processes, by rank.
    public func texts(_ own: String) throws -> [String] {
        guard let store, size > 1 else { return [own] }
        let key = "shared/\(shared.wrappingAdd(1, ordering: .relaxed).newValue)"
        try store.set("\(key)/\(rank)", to: own)
        return try (0..<size).map { rank in
            try wait(for: "\(key)/\(rank)", store)
            return try store.get("\(key)/\(rank)", patience: timeout)
        }
    }

    /// Waits until all processes have come here.
    ///
    /// - Throws: `PeerError` when one has gone.
    public func barrier() throws {
        group?.barrier()
        try checkPeers()
    }

    private func wait(for key: String, _ store: KeyValueStore) throws {
        let deadline = ContinuousClock.now + .seconds(timeout)
        do throws(TorchError) {
            while try !store.has(key) {
                if try store.has(Self.failureKey) { break }
                if .now > deadline { throw TorchError("timed out") }
                Thread.sleep(forTimeInterval: 0.01)
            }
            if try store.has(key) { return }
        } catch {
            throw PeerError(store: store, error)
        }
        throw PeerError(store: store)
    }

    // MARK: Failures

    /// Throws when an operation with the others has failed: because one of them has gone, and why it said it did.
    public func checkPeers() throws(PeerError) {
        guard let failure = group?.failure ?? statistics?.failure, let store else { return }
        throw PeerError(store: store, failure)
    }

    /// Tells the others and the launcher why this process ends.
    public func fail(_ error: any Error) {
        guard size > 1 else { return }
        if error is PartDone { return }
        if !(error is PeerError) {
            let (name, text) = ("rank \(rank)", "\(error)".firstLine)
            try? store?.set(Self.failureKey, to: text.hasPrefix(name) ? text : "\(name): \(text)")
        }
        Self.tellLauncher("\(error)".firstLine)
    }

    /// torchrun shows as the root cause what the first process to fail has left in a file of its own.
    private static func tellLauncher(_ message: String) {
        guard let path = getenv("TORCHELASTIC_ERROR_FILE").map({ String(cString: $0) }), !path.isEmpty else { return }
        let now = String(Int(Date().timeIntervalSince1970))
        let report: JSON = [
            "message": [
                "message": .string(message), "extraInfo": ["timestamp": .string(now)],
            ]
        ]
        if !Files.exists(path) { try? Files.writeAtomically(report.line, to: path) }
    }
}

/// This process has done its part of what several do; the leader does the rest.
public struct PartDone: Error {
    public init() {}
}

/// Another process of the run has gone: this one cannot go on either. Says what the other has said.
public struct PeerError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String

    /// How Gloo and NCCL say that the other end is gone.
    private static let connectionWords = ["onnection", "Read error", "Broken pipe", "reset by peer", "remote process"]
    /// Seconds in which a process that goes says why.
    private static let grace = 2.0

    init(store: KeyValueStore, _ failure: TorchError? = nil) {
        do throws(TorchError) {
            let deadline = ContinuousClock.now + .seconds(Self.grace)
            while try !store.has(World.failureKey), .now < deadline { Thread.sleep(forTimeInterval: 0.02) }
            if try store.has(World.failureKey) {
                description = try store.get(World.failureKey, patience: 1)
            } else if failure?.message.lowercased().contains("timed out") == true {
                description = "another process does not answer; the last checkpoint is kept"
            } else if let message = failure?.message, !Self.connectionWords.contains(where: message.contains) {
                description = "libtorch: \(message.firstLine)"
            } else {
                description =
                    "another process has gone without a word (killed, or out of memory?); the last checkpoint is kept"
            }
        } catch {
            description = "rank 0 has gone; see what it has printed"
        }
    }
}

extension String {
    fileprivate var firstLine: String { split(whereSeparator: \.isNewline).first.map(String.init) ?? "" }
}
