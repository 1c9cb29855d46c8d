internal import Foundation
internal import Support

/// A file open for reading and writing that no other process may open this way at the same time.
struct LockedFile: ~Copyable {
    private let path: String
    private let descriptor: Int32

    /// Opens the file, which is made when it is absent. Throws `InputError` when another process has it.
    init(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be written") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw InputError(path, "is being written by another process", remedy: "wait for it, or stop it")
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { Files.unlockAndClose(descriptor) }

    func length() throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Files.systemError(path, "cannot be read") }
        return Int(status.st_size)
    }

    func truncate(to length: Int) throws {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw Files.systemError(path, "cannot be written") }
    }

    /// Up to `count` bytes; fewer where the file ends.
    func read(_ count: Int, at offset: Int) throws -> Data {
        var data = Data(count: count)
        var done = 0
        try data.withUnsafeMutableBytes { bytes in
            while done < count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
                let got = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
                if got < 0 {
                    if errno == EINTR { continue }
                    throw Files.systemError(path, "cannot be read")
                }
                if got == 0 { break }
                done += got
            }
        }
        return data.prefix(done)
    }

    /// Writes all of `data`; a failure (such as a full disk) may leave a part of it.
    func write(_ data: Data, at offset: Int) throws {
        try data.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
                if written < 0 {
                    if errno == EINTR { continue }
                    throw Files.systemError(path, "cannot be written")
                }
                done += written
            }
        }
    }

    func remove() { unlink(path) }
}
