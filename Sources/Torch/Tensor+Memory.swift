#if canImport(Glibc)
internal import Glibc
#endif

extension Tensor {
    /// Asks the system to back this tensor by large pages: for tensors much larger than the caches that are read at random,
    /// before they are filled. Without effect on a GPU, on small tensors, and where the system declines.
    public func preferHugePages() {
        guard device.kind == .cpu, isContiguous() else { return }
        #if os(Linux)
        withMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            // Whole pages only, of the size that large ones have on x86-64.
            let page = 1 << 21
            let first = (UInt(bitPattern: start) + UInt(page - 1)) & ~UInt(page - 1)
            let end = (UInt(bitPattern: start) + UInt(bytes.count)) & ~UInt(page - 1)
            if first < end { _ = madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_HUGEPAGE) }
        }
        #endif
    }
}
