/// The checksum of zip archives (polynomial 0xEDB88320), eight bytes a step.
enum CRC32 {
    /// Table k holds the remainders of a byte that k zero bytes follow.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
            tables[byte] = value
        }
        for index in 256..<8 * 256 {
            let last = tables[index - 256]
            tables[index] = last >> 8 ^ tables[Int(last & 0xFF)]
        }
        return tables
    }()

    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        tables.withUnsafeBufferPointer { tables in
            func table(_ number: Int, _ value: UInt64, _ shift: UInt64) -> UInt32 {
                tables[number * 256 + Int(value >> shift & 0xFF)]
            }
            var checksum: UInt32 = 0xFFFF_FFFF
            var position = 0
            while position + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let mixed = word ^ UInt64(checksum)
                checksum = table(7, mixed, 0) ^ table(6, mixed, 8) ^ table(5, mixed, 16) ^ table(4, mixed, 24)
                checksum ^= table(3, mixed, 32) ^ table(2, mixed, 40) ^ table(1, mixed, 48) ^ table(0, mixed, 56)
                position += 8
            }
            for byte in bytes[position...] { checksum = tables[Int((checksum ^ UInt32(byte)) & 0xFF)] ^ checksum >> 8 }
            return ~checksum
        }
    }
}
