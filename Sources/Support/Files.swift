public import Foundation

#if canImport(Glibc)
internal import Glibc
#endif

/// Reading and writing whole files so that a crash, a kill or a full disk never leaves a half-written one.
public enum Files {
    /// Writes beside `path`, flushes to the disk, and renames over it; what was there before stays until then.
    ///
    /// - Throws: `InputError` naming the file (no space, no permission, missing folder); nothing is left behind.
    public static func writeAtomically(_ data: Data, to path: String) throws {
        try writeAtomically(to: path) { write in
            try data.withUnsafeBytes { try write($0) }
        }
    }

    /// The same for text, as UTF-8.
    public static func writeAtomically(_ text: String, to path: String) throws {
        try writeAtomically(Data(text.utf8), to: path)
    }

    /// The same for content produced in pieces, so that large files need no second copy in memory.
    public static func writeAtomically(
        to path: String, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let file = try AtomicFile(path)
        try body(file.append)
        try file.commit()
    }

    /// Hands all bytes to the system, however many calls that takes.
    ///
    /// - Throws: `InputError` naming `path` (disk full).
    public static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
        try writeAll(bytes, path: path) { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// The same with a system call of the caller's, which takes what is left and says how much of it went.
    static func writeAll(
        _ bytes: UnsafeRawBufferPointer, path: String, _ call: (UnsafeRawBufferPointer) -> Int
    ) throws {
        var rest = bytes
        while !rest.isEmpty {
            let written = call(rest)
            if written < 0 {
                if errno == EINTR { continue }
                throw systemError(path, "cannot be written")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// The bytes of a file; throws `InputError` naming the file.
    ///
    /// - Parameter limit: Most bytes that make sense for such a file; a longer one is refused before it is read.
    public static func read(_ path: String, limit: Int? = nil) throws -> Data {
        let name = systemPath(path)
        var status = stat()
        guard stat(name, &status) == 0 else { throw systemError(path, "cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw InputError(path, "is not a regular file", remedy: "give the path of a file")
        }
        if let limit, status.st_size > limit {
            throw InputError(path, "is \(status.st_size) bytes long; at most \(limit) are accepted for such a file")
        }
        // Foundation cannot name a file whose name is not UTF-8.
        let isText = String(validating: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) != nil
        guard isText else { return try readPiecewise(name, path: path) }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw systemError(path, "cannot be read")
        }
    }

    /// The bytes of a regular file, mapped read-only; unmapped with the last copy of the data.
    ///
    /// - Throws: `InputError` naming the file; nothing waits for a pipe to be written to.
    public static func mapped(_ path: String) throws -> Data {
        let descriptor = open(systemPath(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw systemError(path, "cannot be read") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemError(path, "cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw InputError(
                path, isFolder ? "is a folder" : "is not a regular file", remedy: "give the path of a file")
        }
        let length = Int(status.st_size)
        // An empty file cannot be mapped.
        if length == 0 { return Data() }
        guard let start = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw systemError(path, "cannot be read")
        }
        return Data(bytesNoCopy: start, count: length, deallocator: .custom { _ = munmap($0, $1) })
    }

    /// Whether there is a regular file at a path.
    public static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(systemPath(path), &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func readPiecewise(_ name: [CChar], path: String) throws -> Data {
        let descriptor = open(name, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError(path, "cannot be read") }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do { return try handle.readToEnd() ?? Data() } catch { throw systemError(path, "cannot be read") }
    }

    /// The path for a system call: its own bytes, or, where no such file is there and a part of it is written as
    /// `String(escaping:)` does, the bytes that stands for.
    public static func systemPath(_ path: String) -> [CChar] {
        let plain = Array(path.utf8CString)
        guard let bytes = path.unescapedBytes, access(plain, F_OK) != 0 else { return plain }
        return bytes.map { CChar(bitPattern: $0) } + [0]
    }

    /// The text of a file, without a byte order mark; throws `InputError` when it cannot be read or is not UTF-8.
    public static func readText(_ path: String) throws -> String { try TextFile.text(read(path), name: path) }

    /// Closes a file that was locked by `flock`, and gives the lock up at once: a child process that is just being started
    /// holds a copy of the descriptor until it runs its own program, and would keep the lock for so long.
    public static func unlockAndClose(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Removes a file; it is no error when there is none.
    public static func remove(_ path: String) { unlink(path) }

    public static func exists(_ path: String) -> Bool { access(systemPath(path), F_OK) == 0 }

    public static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(systemPath(path), &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The path from the root, with what exists of it free of links, "." and "..".
    public static func resolved(_ path: String) -> String {
        if let found = realpath(systemPath(path), nil) {
            defer { free(found) }
            return String(escaping: UnsafeRawBufferPointer(start: found, count: strlen(found)))
        }
        // Of a folder that has been removed.
        if path == "." { return path }
        let parent = path.parentFolder
        let start = resolved(parent.isEmpty ? "." : parent)
        return start == "/" ? "/\(path.fileName)" : "\(start)/\(path.fileName)"
    }

    /// Makes a folder and those above it; one that exists is fine.
    public static func makeFolder(_ path: String) throws {
        if mkdir(path, 0o777) == 0 { return }
        if errno == ENOENT, let parent = path.parentFolder.nonEmpty, parent != path {
            try makeFolder(parent)
            if mkdir(path, 0o777) == 0 { return }
        }
        let failure = systemError(path, "the folder cannot be made")
        if !isFolder(path) { throw failure }
    }

    /// Names of the entries of a folder, sorted by their UTF-8 bytes, hidden ones left out. A name that is not UTF-8 is
    /// written as `String(escaping:)` does.
    public static func list(_ path: String) throws -> [String] {
        guard let folder = opendir(systemPath(path)) else { throw systemError(path, "the folder cannot be read") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    String(escaping: UnsafeRawBufferPointer(start: name, count: strlen(name)))
                }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Throws `InputError` when a file cannot be written at `path`: before the work whose results it is to hold.
    ///
    /// Folders that are not there yet can be made; what is there is left as it is.
    public static func requireWritable(_ path: String) throws {
        if isFolder(path) { throw InputError(path, "is a folder", remedy: "give the path of a file") }
        guard let place = AtomicFile.place(of: path) else {
            guard access(systemPath(path), W_OK) == 0 else { throw systemError(path, "cannot be written") }
            return
        }
        var folder = place.parentFolder
        while !folder.isEmpty, !exists(folder) { folder = folder.parentFolder }
        if folder.isEmpty { folder = "." }
        guard isFolder(folder) else {
            throw InputError(path, "cannot be written: \(folder) is no folder", remedy: "check the path")
        }
        guard access(systemPath(folder), W_OK | X_OK) == 0 else { throw systemError(path, "cannot be written") }
    }

    /// Throws `InputError` when the disk of a folder has less room than is going to be written.
    ///
    /// - Parameter use: What it is for, in a few words: "a checkpoint".
    public static func requireSpace(_ bytes: Int, in folder: String, for use: String) throws {
        var status = statvfs()
        // Where that cannot be told, writing will tell.
        guard statvfs(systemPath(folder), &status) == 0 else { return }
        let free = Double(status.f_bavail) * Double(status.f_frsize)
        guard free < Double(bytes) else { return }
        throw InputError(
            folder, "has \(free.byteText) free, and \(use) takes \(Double(bytes).byteText)",
            remedy: "free some space, or give a folder on another disk")
    }

    /// The current system error as an `InputError` about `path`.
    public static func systemError(_ path: String, _ problem: String) -> InputError {
        let code = errno
        let remedy =
            switch code {
            case ENOENT: "check the path"
            case EACCES, EPERM, EROFS: "check the permissions"
            case ENOSPC, EDQUOT: "free some space and run again"
            default: ""
            }
        return InputError(path, "\(problem) (\(String(cString: strerror(code))))", remedy: remedy)
    }
}

extension String {
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
