internal import Support

/// A PASCAL VOC development kit on disk: images, annotations and image sets of one year.
public struct Devkit: Hashable, Sendable {
    /// The folder that holds `VOC2007/`.
    public let path: String
    public let year: Int

    /// Opens the devkit at `path`.
    ///
    /// - Parameter year: which `VOCyyyy` folder; nil takes 2007 when it is there, else the only one there is.
    /// - Throws: `InputError` when there is no such folder, or several and no way to choose.
    public init(_ path: String, year: Int? = nil) throws {
        guard Files.isFolder(path) else {
            throw InputError(path, "is not a folder", remedy: "give the folder that holds VOC2007/")
        }
        let years = try Files.list(path).compactMap { name -> Int? in
            guard name.hasPrefix("VOC"), name.count == 7, Files.isFolder("\(path)/\(name)") else { return nil }
            return Int(name.dropFirst(3))
        }
        self.path = path
        if let year {
            guard years.contains(year) else {
                throw InputError(path, "has no folder VOC\(year)", remedy: Self.remedy(path, years))
            }
            self.year = year
        } else if years.contains(2007) {
            self.year = 2007
        } else if let only = years.first, years.count == 1 {
            self.year = only
        } else {
            throw InputError(path, "is not a VOC devkit: it holds no VOC2007 folder", remedy: Self.remedy(path, years))
        }
    }

    private static func remedy(_ path: String, _ years: [Int]) -> String {
        if !years.isEmpty { return "choose one of the years " + years.map(String.init).joined(separator: ", ") }
        if Files.isFolder("\(path)/ImageSets") { return "give the folder above it" }
        return "give the folder that holds VOC2007/"
    }

    /// The folder of the year, such as `VOCdevkit/VOC2007`.
    public var root: String { "\(path)/VOC\(year)" }

    public var imageFolder: String { "\(root)/JPEGImages" }

    public func annotationPath(_ id: String) -> String { "\(root)/Annotations/\(id).xml" }

    /// The image file of an id: the first of .jpg, .png, .jpeg, .JPG, .PNG, .JPEG that exists, and the .jpg path when
    /// none does.
    public func imagePath(_ id: String) -> String {
        let stem = "\(imageFolder)/\(id)"
        return [".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG"].lazy.map { stem + $0 }.first(where: Files.exists)
            ?? stem + ".jpg"
    }
}
