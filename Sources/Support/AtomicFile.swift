internal import Foundation

#if canImport(Glibc)
internal import Glibc
#endif

/// A file that is written piece by piece beside its place and appears under its name only when it is complete.
///
/// Dropping it before `commit` removes what was written; what stood at the path before stays until then.
public final class AtomicFile {
    public let path: String
    private let temporary: String
    /// Negative once the file is in place.
    private var descriptor: Int32

    /// - Throws: `InputError` naming the file (no permission, missing folder).
    public init(_ path: String) throws {
        self.path = path
        temporary = "\(path).partial-\(getpid())"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be written") }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(temporary)
    }

    /// Adds bytes at the end; throws `InputError` naming the file (no space).
    public func append(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(descriptor >= 0, "\(path) is complete already")
        try Files.writeAll(bytes, to: descriptor, path: path)
    }

    /// Replaces bytes that were written before, from `offset` on.
    public func overwrite(at offset: Int, _ bytes: UnsafeRawBufferPointer) throws {
        precondition(descriptor >= 0, "\(path) is complete already")
        try Files.writeAll(bytes, path: path) { rest in
            pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + bytes.count - rest.count))
        }
    }

    /// Flushes to the disk and renames into place.
    public func commit() throws {
        precondition(descriptor >= 0, "\(path) is complete already")
        if fsync(descriptor) != 0 { throw Files.systemError(path, "cannot be flushed to the disk") }
        let closed = close(descriptor)
        descriptor = -1
        if closed != 0 || rename(temporary, path) != 0 {
            let failure = Files.systemError(path, "cannot be put in place")
            unlink(temporary)
            throw failure
        }
        // The rename itself must survive a power cut too.
        let parent = path.parentFolder
        let folder = open(parent.isEmpty ? "." : parent, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }
}
