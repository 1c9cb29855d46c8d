import Foundation
import Imaging
import Support

/// A folder that is removed with its last owner.
final class TemporaryFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("datasets-\(UUID())").path

    init() throws { try Files.makeFolder(path) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ data: Data, _ name: String) throws {
        let file = "\(path)/\(name)"
        try Files.makeFolder(file.parentFolder)
        try data.write(to: URL(fileURLWithPath: file))
    }

    /// An image of one colour.
    func writeImage(_ name: String, level: Int, width: Int = 24, height: Int = 16) throws {
        let color = Color(red: UInt8(level), green: UInt8(255 - level), blue: UInt8(level / 2))
        let image = Image(size: ImageSize(width: width, height: height), color: color)
        try write(name.hasSuffix("png") ? image.encodedPNG() : image.encodedJPEG(), name)
    }
}
