import Support
import Synchronization
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ParallelTests {
    private struct Failure: Error, Equatable { var index: Int }

    @Test(arguments: [1, 2, 5])
    func everyIndexRunsOnce(threads: Int) throws {
        let counts = Mutex([Int](repeating: 0, count: 1000))
        try parallelFor(1000, threads: threads) { index in counts.withLock { $0[index] += 1 } }
        #expect(counts.withLock { $0 } == [Int](repeating: 1, count: 1000))
    }

    @Test func nothingToDo() throws {
        try parallelFor(0, threads: 4) { index in throw Failure(index: index) }
        #expect(try parallelMap(0, threads: 4) { $0 } == [])
    }

    @Test(arguments: [1, 2, 7])
    func mapKeepsTheOrder(threads: Int) throws {
        #expect(try parallelMap(500, threads: threads) { $0 * $0 } == (0..<500).map { $0 * $0 })
    }

    @Test(arguments: [1, 4])
    func theFirstErrorIsRethrownAndStopsTheRest(threads: Int) throws {
        let started = Atomic<Int>(0)
        #expect(throws: Failure(index: 3)) {
            try parallelFor(1_000_000, threads: threads) { index in
                started.wrappingAdd(1, ordering: .relaxed)
                if index == 3 { throw Failure(index: index) }
            }
        }
        #expect(started.load(ordering: .relaxed) < 1_000_000)
    }
}
