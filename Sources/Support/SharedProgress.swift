internal import Synchronization

/// A progress bar that several threads move; their reports may come out of order.
public final class SharedProgress: Sendable {
    private struct State: ~Copyable {
        // Only touched under the lock.
        nonisolated(unsafe) let bar: ProgressBar
        var done: Int
    }

    private let state: Mutex<State>

    public init(
        _ title: String, total: Int, unit: String, start: Int = 0, style: ProgressBar.Style = .automatic
    ) {
        state = Mutex(State(bar: ProgressBar(title, total: total, unit: unit, start: start, style: style), done: start))
    }

    /// So many more units are done.
    public func advance(by count: Int = 1) {
        state.withLock {
            $0.done += count
            $0.bar.update($0.done)
        }
    }

    /// `done` units are done, or more.
    @Sendable public func update(_ done: Int, of total: Int) {
        state.withLock {
            $0.done = max($0.done, done)
            $0.bar.update($0.done)
        }
    }

    /// Shows the final state.
    public func finish() { state.withLock { $0.bar.finish() } }
}
