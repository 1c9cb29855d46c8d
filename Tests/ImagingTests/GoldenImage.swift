import Foundation
import Imaging
import Support
import TestSupport
import Testing

/// A picture Pillow made; `Golden/make_golden.py` wrote it.
struct GoldenImage: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var width: Int
    var height: Int
    var rgb: Data
    var file: Data?
    var box: [Double]?
    var factor: Double?

    var image: Image { Image(size: ImageSize(width: width, height: height), pixels: [UInt8](rgb)) }
    var testDescription: String { "\(name) \(width)x\(height) \(box ?? []) \(factor.map { "\($0)" } ?? "")" }

    static func load(_ name: String) throws -> [GoldenImage] {
        try JSONDecoder().decode([GoldenImage].self, from: Files.read(Golden.path("\(name).json")))
    }
}

/// The largest difference of any two levels; 256 for images of different size.
func largestDifference(_ a: Image, _ b: Image) -> Int {
    guard a.size == b.size else { return 256 }
    return zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

/// A colourful picture that has all frequencies.
func samplePicture(width: Int, height: Int) -> Image {
    var image = Image(size: ImageSize(width: width, height: height))
    for y in 0..<height {
        for x in 0..<width {
            image[x, y] = Color(
                red: UInt8(truncatingIfNeeded: x * 255 / max(1, width)), green: UInt8(truncatingIfNeeded: x * y / 16),
                blue: UInt8(truncatingIfNeeded: y * 255 / max(1, height)))
        }
    }
    return image
}
