internal import Foundation
internal import Support

/// Mapped files. Pages that are read count as memory of the process until `letGo` gives them back.
enum MappedFile {
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
