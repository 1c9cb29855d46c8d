import Imaging
import TestSupport

extension TemporaryFolder {
    /// An image of one colour.
    func writeImage(_ name: String, level: Int, width: Int = 24, height: Int = 16) throws {
        let color = Color(red: UInt8(level), green: UInt8(255 - level), blue: UInt8(level / 2))
        let image = Image(size: ImageSize(width: width, height: height), color: color)
        try write(name.hasSuffix("png") ? image.encodedPNG() : image.encodedJPEG(), name)
    }
}
