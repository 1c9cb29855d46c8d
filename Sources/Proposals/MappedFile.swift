internal import Foundation
internal import Support

/// Maps a file read-only. Pages that are read count as memory of the process until `letGo` gives them back.
enum MappedFile {
    /// The bytes of a file; unmapped with the last copy of the data.
    static func data(_ path: String) throws -> Data {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be read") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Files.systemError(path, "cannot be read") }
        let length = Int(status.st_size)
        // An empty file cannot be mapped.
        if length == 0 { return Data() }
        guard let start = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw Files.systemError(path, "cannot be read")
        }
        return Data(bytesNoCopy: start, count: length, deallocator: .custom { _ = munmap($0, $1) })
    }

    /// Gives back the pages of a part of mapped bytes that has been read; a later look reads them from the file again.
    ///
    /// The first page goes whole and the last one stays, so that reading part after part leaves nothing behind.
    static func letGo(_ part: Range<Int>, of bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        let page = Int(getpagesize())
        let (first, end) = (part.lowerBound / page * page, part.upperBound / page * page)
        if first < end { madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, MADV_DONTNEED) }
    }
}
