public import Foundation

/// SHA-256 (FIPS 180-4), for checking weight files and fingerprinting data sets.
public struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var pending: [UInt8] = []
    private var length: UInt64 = 0

    public init() {}

    public static func hex(_ data: Data) -> String {
        var hash = SHA256()
        hash.update(data)
        return hash.finish()
    }

    public mutating func update(_ data: some Sequence<UInt8>) {
        let bytes = ContiguousArray(data)
        length &+= UInt64(bytes.count)
        bytes.withUnsafeBufferPointer { buffer in
            var position = 0
            if !pending.isEmpty {
                position = min(64 - pending.count, buffer.count)
                pending.append(contentsOf: buffer[0..<position])
                if pending.count < 64 { return }
                let block = pending
                block.withUnsafeBufferPointer { compress($0.baseAddress!) }
                pending.removeAll(keepingCapacity: true)
            }
            while position + 64 <= buffer.count {
                compress(buffer.baseAddress! + position)
                position += 64
            }
            pending.append(contentsOf: buffer[position...])
        }
    }

    /// The digest as 64 lower-case hexadecimal digits.
    public mutating func finish() -> String {
        let bits = length &* 8
        let zeros = (119 - Int(length % 64)) % 64
        update([0x80] + [UInt8](repeating: 0, count: zeros))
        update((0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) })
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    private mutating func compress(_ block: UnsafePointer<UInt8>) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
            for i in 0..<16 {
                w[i] = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(block[4 * i + $1]) }
            }
            for i in 16..<64 {
                let s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3)
                let s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10)
                w[i] = w[i - 16] &+ s0 &+ w[i - 7] &+ s1
            }
            var (a, b, c, d, e, f, g, h) = (
                state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]
            )
            for i in 0..<64 {
                let s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
                let t1 = h &+ s1 &+ ((e & f) ^ (~e & g)) &+ Self.constants[i] &+ w[i]
                let s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
                let t2 = s0 &+ ((a & b) ^ (a & c) ^ (b & c))
                (h, g, f, e, d, c, b, a) = (g, f, e, d &+ t1, c, b, a, t1 &+ t2)
            }
            for (i, value) in [a, b, c, d, e, f, g, h].enumerated() { state[i] &+= value }
        }
    }

    private func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value >> count | value << (32 - count) }

    /// Cube roots of the first 64 primes: the first 32 fractional bits (FIPS 180-4, 4.2.2).
    private static let constants: [UInt32] = {
        var primes: [Int] = []
        var candidate = 2
        while primes.count < 64 {
            if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
            candidate += 1
        }
        return primes.map { prime in
            // floor(cbrt(p) · 2^32) by integer bisection; the low 32 bits are the fraction.
            var low: UInt64 = 0
            var high: UInt64 = 8 << 32
            while high - low > 1 {
                let middle = (low + high) / 2
                let square = middle.multipliedFullWidth(by: middle)
                // middle³ ≤ p·2⁹⁶, in 192 bits: (high, low) of square times middle.
                let lowPart = square.low.multipliedFullWidth(by: middle)
                let highPart = square.high.multipliedFullWidth(by: middle)
                let (word1, carry) = lowPart.high.addingReportingOverflow(highPart.low)
                let word2 = highPart.high + (carry ? 1 : 0)
                let limit = UInt64(prime) << 32
                let exceeds = word2 > 0 || word1 > limit || (word1 == limit && lowPart.low > 0)
                if exceeds { high = middle } else { low = middle }
            }
            return UInt32(truncatingIfNeeded: low)
        }
    }()
}
