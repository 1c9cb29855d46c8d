internal import Support

/// Annotated images on disk: a PASCAL VOC development kit, or a folder laid out in one of the other ways people use.
public struct Devkit: Sendable {
    /// As it was given.
    public let path: String
    public let layout: DevkitLayout
    /// Image sets by a rule, instead of those the devkit brings.
    public var split: SetSplit?
    let index: DevkitIndex

    /// Opens the devkit at `path`.
    ///
    /// - Parameter year: which `VOCyyyy` folder; nil takes 2007 when it is there, else the only one there is.
    /// - Throws: `InputError` when the folder is in no known layout, or holds several devkits and no way to choose.
    public init(_ path: String, year: Int? = nil) throws { try self.init(path, part: year.map(String.init)) }

    /// - Parameter part: which of several devkits in the folder: a year, or the name of a folder.
    public init(_ path: String, part: String?) throws {
        self.path = path
        layout = try DevkitLayout.find(path, part: part)
        index = DevkitIndex(layout)
    }

    /// What it may be, for help texts.
    public static let help =
        "the folder of the annotated images: a VOCdevkit, Annotations/ with JPEGImages/, images/ with annotations/, or images and XML side by side"

    /// Whether a folder holds VOC's own layout: the others look like folders of images.
    public static func isVOC(_ path: String) -> Bool {
        guard let names = try? Files.list(path) else { return false }
        let folders = Set(names.map { $0.lowercased() })
        if names.contains(where: { DevkitLayout.year(of: $0) != nil && Files.isFolder("\(path)/\($0)") }) {
            return true
        }
        return (folders.contains("vocdevkit") || folders.contains("jpegimages"))
            && (try? Devkit(path))?.layout.isVOC == true
    }

    /// The folder that holds annotations, images and image sets, such as `VOCdevkit/VOC2007`.
    public var root: String { layout.root }
    /// nil where the folder is not named after one.
    public var year: Int? { layout.year }
    /// The folder of the images, or the first of several.
    public var imageFolder: String { layout.pairs[0].images }

    /// Where it is and how it is laid out, for people.
    public var text: String { "\(root) (\(layout.text))" }
}

extension Devkit: Hashable {
    public static func == (a: Devkit, b: Devkit) -> Bool {
        a.path == b.path && a.layout == b.layout && a.split == b.split
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(path)
        hasher.combine(layout)
    }
}

// MARK: Files of an image

extension Devkit {
    /// The annotation file of an id; where there is none, the path it should have.
    public func annotationPath(_ id: String) -> String {
        annotationFile(id) ?? "\(layout.pairs[0].annotations ?? layout.pairs[0].images)/\(id).xml"
    }

    /// The image file of an id, whatever the case of its extension; where there is none, the .jpg path.
    public func imagePath(_ id: String) -> String { imageFile(id) ?? "\(imageFolder)/\(id).jpg" }

    /// The annotation file of an id; nil where there is none.
    public func annotationFile(_ id: String) -> String? {
        if layout.isVOC, let folder = layout.pairs[0].annotations, Files.exists("\(folder)/\(id).xml") {
            return "\(folder)/\(id).xml"
        }
        return index.contents.entries[id]?.annotation
    }

    /// The image file of an id; nil where there is none.
    ///
    /// Names are the same where Unicode says so: é may be one character or two.
    public func imageFile(_ id: String) -> String? {
        if layout.isVOC {
            let stem = "\(imageFolder)/\(id)"
            let usual = [".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG"].lazy.map { stem + $0 }
            if let found = usual.first(where: Files.exists) { return found }
        }
        return index.contents.entries[id]?.image
    }
}
