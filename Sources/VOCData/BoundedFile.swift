internal import Support

#if canImport(Glibc)
internal import Glibc
#endif

/// An open file, closed when it goes out of scope.
struct BoundedFile: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// All bytes of a regular file of at most `limit` bytes.
    ///
    /// Foundation's `Data(contentsOf:)` costs more than parsing a VOC annotation does; thousands are read at a time.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        try BoundedFile(path).bytes(limit: limit)
    }

    private init(_ path: String) throws {
        self.path = path
        descriptor = open(Files.systemPath(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be read") }
    }

    deinit { close(descriptor) }

    private borrowing func bytes(limit: Int) throws -> [UInt8] {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Files.systemError(path, "cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw InputError(path, "is not a regular file") }
        let size = Int(status.st_size)
        guard size <= limit else {
            throw InputError(path, "is \(size) bytes long; at most \(limit) are accepted for such a file")
        }
        var failure: InputError?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
                if got == 0 { break }
                if got < 0 {
                    if errno == EINTR { continue }
                    failure = Files.systemError(path, "cannot be read")
                    break
                }
                count += got
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
