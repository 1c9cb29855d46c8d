internal import Support

/// What generator and discriminator share: maps whose sides double from one to the next while their channels halve, from 4 × 4 up
/// to the image.
struct AdversarialMaps {
    /// Cells a side of the smallest map.
    static let leastSide = 4
    /// Cells a side of the kernels between them, of stride 2.
    static let kernel = 5
    /// Of all weights at first (section 4.1, and DCGAN before).
    static let deviation = 0.02
    /// Sides that images can have.
    static let sides = [16, 32, 64, 128]

    /// Channels from the largest map to the smallest, the image left out: `width` at half its side, then twice as many each.
    let channels: [Int]

    /// - Throws: `InputError` for a side that is none of `sides`.
    init(side: Int, width: Int) throws(InputError) {
        guard Self.sides.contains(side) else {
            throw InputError(
                "generated size", "images of \(side) pixels cannot be made by doubling a map of \(Self.leastSide)",
                remedy:
                    "give --generated-size \(Self.sides.map(String.init).joined(separator: ", ")), or such an --image-size"
            )
        }
        channels = (0..<(side / Self.leastSide).trailingZeroBitCount).map { width << $0 }
    }

    /// Of the smallest map.
    var deepest: Int { channels.last! }
    var deepestValues: Int { deepest * Self.leastSide * Self.leastSide }
}
