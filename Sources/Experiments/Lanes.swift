internal import Foundation
internal import Support
internal import Synchronization
internal import Torch

/// Pieces of work that are done beside each other, each with operators of one thread.
///
/// Small networks gain little from several threads in an operator; and what one thread computes does not depend on how
/// many there are.
enum Lanes {
    /// As libtorch's own threads and the main one have: networks are deep.
    private static let stackBytes = 64 << 20

    /// Does all of `work`, at most `lanes` pieces at a time; the error of the first piece that failed is thrown.
    static func run(_ lanes: Int, _ work: [@Sendable () throws -> Void]) throws {
        let threads = Runtime.threads
        Runtime.threads = 1
        defer { Runtime.threads = threads }
        if lanes < 2 || work.count < 2 {
            for piece in work { try piece() }
            return
        }
        let next = Atomic<Int>(0)
        let failures = Mutex<[Int: any Error]>([:])
        let group = DispatchGroup()
        for _ in 0..<min(lanes, work.count) {
            group.enter()
            let thread = Thread {
                // A setting of each thread.
                Runtime.threads = 1
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < work.count, failures.withLock({ $0.isEmpty }) else { break }
                    do { try work[index]() } catch { failures.withLock { $0[index] = error } }
                }
                group.leave()
            }
            thread.stackSize = stackBytes
            thread.start()
        }
        group.wait()
        if let first = failures.withLock({ $0.min { $0.key < $1.key } }) { throw first.value }
    }
}
