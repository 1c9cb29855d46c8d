internal import COpenBLAS
internal import Synchronization

/// Keeps OpenBLAS on the calling thread, where the caller itself spreads the work over threads.
enum SingleThreadedBLAS {
    /// OpenBLAS has one thread count for the whole process: the first scope saves it and the last one restores it.
    private static let users = Mutex<(count: Int, saved: Int32)>((0, 1))

    /// Throws `InputError` where there is no OpenBLAS.
    static func scope<Result>(_ body: () throws -> Result) throws -> Result {
        try requireOpenBLAS()
        users.withLock { users in
            if users.count == 0 {
                users.saved = openBLAS.get_num_threads()
                openBLAS.set_num_threads(1)
            }
            users.count += 1
        }
        defer {
            users.withLock { users in
                users.count -= 1
                if users.count == 0 { openBLAS.set_num_threads(users.saved) }
            }
        }
        return try body()
    }
}
