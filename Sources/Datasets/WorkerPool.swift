internal import Dispatch
internal import Foundation
internal import Synchronization

/// Threads that do numbered jobs in order of their numbers, a bounded distance ahead of whoever takes the results.
///
/// Dropping the pool stops the threads after the jobs in hand and waits for them.
public final class WorkerPool<Output: Sendable>: Sendable {
    private let state: PoolState<Output>
    private let threads: Int

    /// - Parameter depth: jobs that may be in work or done and not taken.
    public init(threads: Int, jobs: Int, depth: Int, _ body: @escaping @Sendable (Int) throws -> Output) {
        self.threads = threads
        let state = PoolState<Output>(depth: depth)
        self.state = state
        for _ in 0..<threads {
            // Threads of their own and not a dispatch queue's: they block, and those of a queue are few.
            let thread = Thread {
                // A name given before `start()` has returned gets lost.
                state.begin.wait()
                Thread.current.name = "image loader"
                state.work(jobs: jobs, body)
            }
            thread.stackSize = 4 << 20
            thread.start()
        }
        for _ in 0..<threads { state.begin.signal() }
    }

    deinit {
        state.isStopped.store(true, ordering: .sequentiallyConsistent)
        for _ in 0..<threads { state.room.signal() }
        for _ in 0..<threads { state.ended.wait() }
    }

    /// The result of a job, which is then forgotten. Blocks; rethrows the job's error. Traps unless each job is taken once
    /// and in ascending order: it would wait for ever.
    public func take(_ job: Int) throws -> Output {
        state.firstUntaken.withLock { first in
            precondition(job >= first, "job \(job) of a pool has been taken")
            first = job + 1
        }
        while true {
            if let result = state.results.withLock({ $0.removeValue(forKey: job) }) {
                state.room.signal()
                return try result.get()
            }
            state.done.wait()
        }
    }
}

/// What threads and owner share; it does not keep the owner alive.
private final class PoolState<Output: Sendable>: Sendable {
    let results = Mutex<[Int: Result<Output, any Error>]>([:])
    let nextJob = Atomic<Int>(0)
    let firstUntaken = Mutex(0)
    let isStopped = Atomic<Bool>(false)
    /// One signal for each thread, when all have been started.
    let begin = DispatchSemaphore(value: 0)
    /// One signal for each further job that may be begun.
    let room = DispatchSemaphore(value: 0)
    /// One signal for each job done.
    let done = DispatchSemaphore(value: 0)
    /// One signal for each thread that has ended.
    let ended = DispatchSemaphore(value: 0)

    init(depth: Int) {
        // Not by the initial value: Dispatch traps when a semaphore dies below it.
        for _ in 0..<depth { room.signal() }
    }

    func work(jobs: Int, _ body: (Int) throws -> Output) {
        defer { ended.signal() }
        while true {
            room.wait()
            if isStopped.load(ordering: .sequentiallyConsistent) { return }
            let job = nextJob.wrappingAdd(1, ordering: .relaxed).oldValue
            if job >= jobs { return }
            let result = Result { try body(job) }
            results.withLock { $0[job] = result }
            done.signal()
        }
    }
}
