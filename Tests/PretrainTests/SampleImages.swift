import Datasets
import Imaging
import Support

/// Noise images of 20×20 pixels, PNG and JPEG in turn, in the class folders `a` and `b`.
func makeSampleImages(_ count: Int, in folder: String) throws -> ImageFolder {
    for i in 0..<count {
        var random = RandomStream(5, UInt64(i))
        let size = ImageSize(width: 20, height: 20)
        let image = Image(size: size, pixels: (0..<size.pixelCount * 3).map { _ in UInt8(random.integer(below: 256)) })
        let name = "\(folder)/\(i % 2 == 0 ? "a" : "b")/\(i).\(i % 3 == 0 ? "png" : "jpg")"
        try Files.makeFolder(name.parentFolder)
        try image.write(to: name)
    }
    return try ImageFolder(path: folder)
}

/// The same in one folder, which gives no labels.
func makeUnlabelledImages(_ count: Int, in folder: String) throws -> ImageFolder {
    try Files.makeFolder(folder)
    for i in 0..<count {
        try Image(size: ImageSize(width: 20, height: 20), color: .white).write(to: "\(folder)/\(i).png")
    }
    return try ImageFolder(path: folder)
}
