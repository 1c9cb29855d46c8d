public import Support

/// Small random damage to bytes: what a short run without coverage feedback tries.
public enum Mutation {
    /// The bytes with one to four changes; a function of the bytes and the state of `random`.
    public static func apply(to bytes: [UInt8], _ random: inout RandomStream) -> [UInt8] {
        var result = bytes
        for _ in 0..<1 + random.integer(below: 4) {
            if result.isEmpty { result.append(UInt8(truncatingIfNeeded: random.next())) }
            let place = random.integer(below: result.count)
            let length = min(result.count - place, 1 + random.integer(below: 16))
            switch random.integer(below: 7) {
            case 0: result[place] ^= 1 << UInt8(random.integer(below: 8))
            case 1: result[place] = interesting[random.integer(below: interesting.count)]
            case 2: result.insert(interesting[random.integer(below: interesting.count)], at: place)
            case 3: result.removeSubrange(place..<place + length)
            case 4: result.insert(contentsOf: result[place..<place + length], at: random.integer(below: result.count))
            case 5: result.removeSubrange(place...)
            default:
                // A length or count as large as it can be, or one off.
                for offset in 0..<min(4, length) { result[place + offset] = random.chance(0.5) ? 0xFF : 0x7F }
            }
        }
        return result
    }

    private static let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF] + Array("\n\t \"&<>/.-+e09,:[]{}".utf8)
}
