internal import Dispatch
internal import Synchronization

/// Runs `body` once for each index in 0 ..< count on up to `threads` threads and returns when all are done.
///
/// Indices are handed out in ascending order. After a body has thrown, no new index is started, and the error of
/// the lowest failing index among those that ran is rethrown.
public func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) throws -> Void) throws {
    guard count > 0 else { return }
    if threads <= 1 || count == 1 {
        for index in 0..<count { try body(index) }
        return
    }
    let next = Atomic<Int>(0)
    let failure = Mutex<(index: Int, error: any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            if index >= count { return }
            do {
                try body(index)
            } catch {
                failure.withLock { if $0 == nil || index < $0!.index { $0 = (index, error) } }
                next.store(count, ordering: .relaxed)
            }
        }
    }
    if let failed = failure.withLock({ $0?.error }) { throw failed }
}

/// Maps 0 ..< count in parallel; the results are in index order whatever the number of threads.
public func parallelMap<Result: Sendable>(
    _ count: Int, threads: Int, _ body: @Sendable (Int) throws -> Result
) throws -> [Result] {
    let results = Mutex([Result?](repeating: nil, count: count))
    try parallelFor(count, threads: threads) { index in
        let value = try body(index)
        results.withLock { $0[index] = value }
    }
    return results.withLock { $0.map { $0! } }
}
