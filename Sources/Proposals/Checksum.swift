/// 64-bit FNV-1a: finds torn and damaged records; no protection against intent.
///
/// Source: Fowler, Noll, Vo; offset basis and prime of the 64-bit variant.
struct Checksum {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    @inline(__always)
    mutating func update(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { update(byte) }
    }
}
