internal import Foundation

#if canImport(Glibc)
internal import Glibc
#endif

/// A file that is written piece by piece beside its place and appears under its name only when it is complete.
///
/// Dropping it before `commit` removes what was written; what stood at the path before stays until then. A link keeps leading
/// to the file, which is replaced. What is no file, such as `/dev/stdout`, `/dev/null` or a pipe, is written to as it is.
public final class AtomicFile {
    public let path: String
    /// Where the file will be; nil when there is none to replace.
    private let place: String?
    /// Beside its place.
    private let temporary: String
    /// Negative once the file is in place.
    private var descriptor: Int32

    /// - Throws: `InputError` naming the file (no permission, missing folder).
    public init(_ path: String) throws {
        self.path = path
        place = Self.place(of: path)
        temporary = "\(place ?? path).partial-\(getpid())"
        descriptor =
            place == nil
            ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
            : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be written") }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        if place != nil { unlink(temporary) }
    }

    /// The file that is replaced by one written to `path`: where links lead; nil for what is no file, or is open already.
    static func place(of path: String) -> String? {
        var (own, led) = (stat(), stat())
        guard lstat(path, &own) == 0, stat(path, &led) == 0 else { return path }
        switch led.st_mode & S_IFMT {
        case S_IFDIR: return path
        case S_IFREG:
            if own.st_mode & S_IFMT != S_IFLNK { return path }
            // What /dev/stdout and /dev/fd/3 lead to is open, and would go on under no name.
            return ["/dev/", "/proc/"].contains(where: path.hasPrefix) ? nil : Files.resolved(path)
        default: return nil
        }
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
        guard let place else {
            let closed = close(descriptor)
            descriptor = -1
            if closed != 0 { throw Files.systemError(path, "cannot be written") }
            return
        }
        if fsync(descriptor) != 0 { throw Files.systemError(path, "cannot be flushed to the disk") }
        let closed = close(descriptor)
        descriptor = -1
        if closed != 0 || rename(temporary, place) != 0 {
            let failure = Files.systemError(path, "cannot be put in place")
            unlink(temporary)
            throw failure
        }
        // The rename itself must survive a power cut too.
        let parent = place.parentFolder
        let folder = open(parent.isEmpty ? "." : parent, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }
}
