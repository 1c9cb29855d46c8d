internal import Foundation
internal import Glibc
internal import Support
internal import Torch

/// How the processes of a run find each other: with messages that name what is missing, in the time that was given.
struct Rendezvous {
    let launch: Launch
    /// Seconds that a process waits for the others.
    let patience: Double
    private let deadline: ContinuousClock.Instant

    /// Between two looks at whether something has come.
    private static let pause = Duration.milliseconds(20)
    private static let connectPause = Duration.milliseconds(100)

    init(_ launch: Launch, patience: Double) {
        (self.launch, self.patience) = (launch, patience)
        deadline = .now + .seconds(patience)
    }

    private var name: String { "rank \(launch.rank)" }
    private var left: Double { max(0, (deadline - .now) / .seconds(1)) }
    private var place: String { "\(launch.host):\(launch.port)" }

    /// A store that all processes of this start have reached.
    ///
    /// - Throws: `InputError`: nobody there, a rank twice, or another version or number of processes.
    func callAsFunction() throws -> KeyValueStore {
        let store = try open()
        do {
            try meet(at: store)
        } catch let error as TorchError {
            throw InputError(place, "is no longer there (\(error))", remedy: "look at what rank 0 has printed")
        }
        return store
    }

    private func open() throws -> KeyValueStore {
        let isServer = launch.rank == 0 && !launch.isHostedByLauncher
        let listener = isServer ? try listen() : nil
        if !isServer { try reach() }
        do throws(TorchError) {
            return try KeyValueStore(
                host: launch.host, port: launch.port, listener: listener, prefix: "detect/\(launch.restarts)",
                patience: max(1, left))
        } catch {
            throw InputError(
                place, "is no meeting point of this program (\(error))", remedy: "give another MASTER_PORT")
        }
    }

    private func meet(at store: KeyValueStore) throws {
        guard try store.count("rank/\(launch.rank)") == 1 else {
            throw InputError(
                place, "has two processes that say they are rank \(launch.rank)",
                remedy: "give each run a MASTER_PORT of its own, and each process its rank")
        }
        // What every process must have in common before a message of one means the same to another.
        let own = "version \(Toolkit.version), libtorch \(Runtime.version), \(launch.size) processes"
        if launch.rank == 0 {
            try store.set("who", to: own)
        } else {
            try wait(for: "who", at: store, missing: "rank 0")
            let first = try store.get("who", patience: 1)
            if first != own {
                let error = InputError(
                    name, "has \(own), rank 0 has \(first)", remedy: "start the same program for all")
                try? store.set(World.failureKey, to: "\(error)")
                throw error
            }
        }
        try store.set("here/\(launch.rank)", to: "1")
        for rank in 0..<launch.size { try wait(for: "here/\(rank)", at: store, missing: "rank \(rank)") }
    }

    private func wait(for key: String, at store: KeyValueStore, missing: String) throws {
        while try !store.has(key) {
            if try store.has(World.failureKey) {
                throw PeerError(store: store)
            }
            if left == 0 {
                throw InputError(
                    name, "has waited \(patience.short) s for \(try absent(store) ?? missing) of \(launch.size)",
                    remedy: "see that all processes are started, or wait longer (--wait)")
            }
            Thread.sleep(forTimeInterval: Self.pause / .seconds(1))
        }
    }

    /// The ranks that have not come.
    private func absent(_ store: KeyValueStore) throws -> String? {
        let ranks = try (0..<launch.size).filter { try !store.has("here/\($0)") && $0 != launch.rank }
        let shown = ranks.prefix(8).map(String.init).joined(separator: ", ") + (ranks.count > 8 ? ", …" : "")
        return ranks.isEmpty ? nil : "rank \(shown)"
    }

    // MARK: Sockets

    private func addresses() throws -> [(family: Int32, address: [UInt8])] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(launch.host, String(launch.port), &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard code == 0 else {
            throw InputError(
                "MASTER_ADDR=\(launch.host)", "is no known machine (\(String(cString: gai_strerror(code))))",
                remedy: "give the name or the address of rank 0's machine")
        }
        return sequence(first: list, next: { $0?.pointee.ai_next }).prefix { $0 != nil }.map { entry in
            let entry = entry!.pointee
            return (
                entry.ai_family,
                Array(UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen)))
            )
        }
    }

    private func withSocket<Result>(
        _ address: (family: Int32, address: [UInt8]),
        _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> (descriptor: Int32, result: Result) {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let result = address.address.withUnsafeBytes {
            body(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
        }
        return (descriptor, result)
    }

    /// A socket at rank 0's address alone; libtorch would listen on all addresses of the machine.
    private func listen() throws -> Int32 {
        var code: Int32 = 0
        for address in try addresses() {
            let (descriptor, isDone) = withSocket(address) { descriptor, pointer, length in
                var yes: Int32 = 1
                setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout.size(ofValue: yes)))
                return bind(descriptor, pointer, length) == 0 && Glibc.listen(descriptor, 4096) == 0
            }
            if isDone { return descriptor }
            code = errno
            close(descriptor)
        }
        throw InputError(
            place, "cannot be listened on: \(String(cString: strerror(code)))",
            remedy: "give another MASTER_PORT, or the MASTER_ADDR of this machine")
    }

    /// Waits until somebody listens there.
    private func reach() throws {
        repeat {
            for address in (try? addresses()) ?? [] {
                let (descriptor, isDone) = withSocket(address) { descriptor, pointer, length in
                    var limit = timeval(tv_sec: 5, tv_usec: 0)
                    setsockopt(
                        descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout.size(ofValue: limit)))
                    return connect(descriptor, pointer, length) == 0
                }
                close(descriptor)
                if isDone { return }
            }
            Thread.sleep(forTimeInterval: Self.connectPause / .seconds(1))
        } while left > 0
        throw InputError(
            name, "has found no rank 0 at \(place) within \(patience.short) s",
            remedy: "see that rank 0 runs and can be reached there, or wait longer (--wait)")
    }
}

extension Double {
    /// "4" or "2.5".
    var short: String { self == rounded() ? String(Int(self)) : fixed(1) }
}
