internal import Support

/// How a folder of annotated images is laid out, found by looking at it.
///
/// `docs/DATA.md` shows each layout as a tree. Names of folders are compared without regard to case.
public struct DevkitLayout: Hashable, Sendable {
    /// A folder of images and the folder of their annotations; one inside the other, or the same.
    struct Pair: Hashable, Sendable {
        /// The image set that they are, where the folder above is named after one.
        var set: String?
        var images: String
        /// nil where nothing is annotated.
        var annotations: String?
    }

    /// The folder that holds everything.
    public let root: String
    /// Of VOC's own folders: 2007 of `VOC2007`.
    public let year: Int?
    let pairs: [Pair]
    /// The folder of the image-set files, which need not be there.
    let setFolder: String
    /// Whether the folders are VOC's: annotations and images of an id are then found without listing them.
    let isVOC: Bool
    /// In words: "Annotations + JPEGImages + ImageSets/Main".
    public let text: String

    static let imageFolders = ["jpegimages", "images", "image", "imgs", "img", "data", "photos", "pictures"]
    static let annotationFolders = [
        "annotations", "annotation", "annots", "annot", "labels", "label", "xmls", "xml", "anns", "ann",
    ]
    /// Folders that stand for image sets.
    static let splits: Set<String> = [
        "train", "training", "val", "valid", "validation", "test", "testing", "trainval",
    ]
}

// MARK: Finding

extension DevkitLayout {
    /// What a path can be, for help texts.
    static let remedy =
        "give a VOC devkit, a folder with Annotations/ and JPEGImages/, images/ beside annotations/, or images and XML "
        + "files side by side"

    /// The layout at `path`.
    ///
    /// - Parameter part: which of several data sets in it: a year, or the name of a folder; nil takes VOC2007 where it is
    ///   there, else the only one there is.
    /// - Throws: `InputError` when there is none, or several and no way to choose.
    static func find(_ path: String, part: String? = nil) throws -> DevkitLayout {
        guard Files.isFolder(path) else { throw InputError(path, "is not a folder", remedy: remedy) }
        let folder = try Folder(path)
        if let part { return try named(part, in: folder) }
        let years = folder.years
        if let year = years.first(where: { $0.year == 2007 }) ?? (years.count == 1 ? years.first : nil) {
            return voc(try Folder(folder.child(year.name)), year: year.year)
        }
        if !years.isEmpty {
            throw InputError(
                path, "holds several years and no VOC2007",
                remedy: "choose one of the years \(years.map { String($0.year) }.joined(separator: ", ")) "
                    + "in front of the set, as \(years[0].year):trainval")
        }
        if let own = own(folder) { return own }
        if let devkit = folder.folders.first(where: { $0.lowercased() == "vocdevkit" }) {
            return try find(folder.child(devkit))
        }
        let below = folder.folders.compactMap { name in (try? Folder(folder.child(name))).flatMap(own) }
        if let only = below.first, below.count == 1 { return only }
        if !below.isEmpty {
            let names = below.map(\.root.fileName)
            throw InputError(
                path, "holds several data sets: \(names.joined(separator: ", "))",
                remedy: "give one of them, as \(below[0].root), or name it in front of the set, as \(names[0]):train")
        }
        if let images = imagesAlone(folder) { return images }
        throw InputError(path, "is no devkit: it holds no annotated images in any known layout", remedy: remedy)
    }

    private static func named(_ part: String, in folder: Folder) throws -> DevkitLayout {
        try requireFileName(part, subject: folder.path, what: "folder in front of the set")
        let candidates = Int(part) == nil ? [part] : ["VOC\(part)", part]
        for name in candidates {
            if let found = folder.folders.first(where: { $0.lowercased() == name.lowercased() }) {
                let inside = try Folder(folder.child(found))
                if let year = Self.year(of: found) { return voc(inside, year: year) }
                if let own = own(inside) { return own }
            }
        }
        // The folder of the year itself was given.
        if let own = own(folder), candidates.contains(where: { $0.lowercased() == own.root.fileName.lowercased() }) {
            return own
        }
        if let devkit = folder.folders.first(where: { $0.lowercased() == "vocdevkit" }) {
            return try named(part, in: Folder(folder.child(devkit)))
        }
        let years = folder.years.map { String($0.year) }
        let others = folder.folders.filter { year(of: $0) == nil && (try? own(Folder(folder.child($0)))) != nil }
        let choice = years + others
        throw InputError(
            folder.path, Int(part) == nil ? "has no data set in a folder \(part)" : "has no folder VOC\(part)",
            remedy: choice.isEmpty
                ? "name the set alone" : "choose one of \(choice.joined(separator: ", ")) in front of the set")
    }

    /// A layout of the folder itself; nil when it has none.
    private static func own(_ folder: Folder) -> DevkitLayout? {
        let year = Self.year(of: folder.path.fileName)
        // VOC's three folders; the test sets of some years come without annotations.
        let three = ["annotations", "jpegimages", "imagesets"].compactMap { folder.named([$0]) }
        if three.count >= 2 || (year != nil && !three.isEmpty) { return voc(folder, year: year) }
        if let pair = pair(in: folder) {
            let names = [pair.images, pair.annotations ?? ""].map { $0 == folder.path ? "" : $0.fileName }
            let text =
                pair.images == pair.annotations
                ? "images and XML side by side" + (names[0].isEmpty ? "" : " in \(names[0])")
                : "\(names[0].isEmpty ? "images" : names[0]) + \(names[1].isEmpty ? "XML" : names[1])"
            return DevkitLayout(
                root: folder.path, year: year, pairs: [pair], setFolder: folder.setFolder, isVOC: false, text: text)
        }
        let parts = folder.folders.filter { splits.contains($0.lowercased()) }.compactMap { name -> Pair? in
            guard let inside = try? Folder(folder.child(name)), var pair = self.pair(in: inside) else { return nil }
            pair.set = name
            return pair
        }
        guard !parts.isEmpty else { return nil }
        let inside = parts[0].images == parts[0].annotations ? "images and XML side by side" : "images and annotations"
        return DevkitLayout(
            root: folder.path, year: year, pairs: parts, setFolder: folder.setFolder, isVOC: false,
            text: "\(parts.compactMap(\.set).joined(separator: ", ")), each with \(inside)")
    }

    private static func voc(_ folder: Folder, year: Int?) -> DevkitLayout {
        let images = folder.named(imageFolders) ?? "JPEGImages"
        let annotations = folder.named(annotationFolders)
        let sets = folder.setFolder
        let inside = sets.hasPrefix(folder.path + "/") ? String(sets.dropFirst(folder.path.count + 1)) : sets
        let text = [annotations, images, Files.isFolder(sets) ? inside : nil].compactMap { $0 }.joined(separator: " + ")
        return DevkitLayout(
            root: folder.path, year: year,
            pairs: [
                Pair(
                    set: nil, images: folder.child(images), annotations: folder.child(annotations ?? "Annotations"))
            ], setFolder: sets, isVOC: true, text: text)
    }

    /// Images and XML files in a folder, or in two folders of it.
    private static func pair(in folder: Folder) -> Pair? {
        let annotations = folder.all(annotationFolders).lazy.map { path in
            // Oxford-IIIT Pet and others: annotations/xmls.
            guard let inside = try? Folder(path), !inside.holdsXML, let deeper = inside.named(["xmls", "xml"]) else {
                return path
            }
            return inside.child(deeper)
        }.first { holds($0, depth: 3, where: isXML) }
        let images = folder.all(imageFolders).first { holds($0, depth: 3) { $0.hasImageExtension } }
        if let images {
            if let annotations { return Pair(images: images, annotations: annotations) }
            if folder.holdsXML { return Pair(images: images, annotations: folder.path) }
            if holds(images, depth: 3, where: isXML) { return Pair(images: images, annotations: images) }
            return nil
        }
        guard folder.holdsImages else { return nil }
        if folder.holdsXML { return Pair(images: folder.path, annotations: folder.path) }
        return annotations.map { Pair(images: folder.path, annotations: $0) }
    }

    /// Photographs without any annotation: they can be looked at, not learnt from.
    private static func imagesAlone(_ folder: Folder) -> DevkitLayout? {
        let images = folder.holdsImages ? folder.path : folder.named(imageFolders).map(folder.child)
        guard let images, holds(images, depth: 2, where: { $0.hasImageExtension }) else { return nil }
        return DevkitLayout(
            root: folder.path, year: nil, pairs: [Pair(set: nil, images: images, annotations: nil)],
            setFolder: folder.setFolder, isVOC: false, text: "images without annotations")
    }

    static func isXML(_ name: String) -> Bool { name.fileExtension.lowercased() == "xml" }

    static func year(of name: String) -> Int? {
        guard name.utf8.count == 7, name.lowercased().hasPrefix("voc"),
            name.utf8.dropFirst(3).allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(name.dropFirst(3))
    }

    private static func holds(_ path: String, depth: Int, where isWanted: (String) -> Bool) -> Bool {
        guard let names = try? Files.list(path) else { return false }
        if names.contains(where: isWanted) { return true }
        return depth > 1
            && names.contains {
                Files.isFolder("\(path)/\($0)") && holds("\(path)/\($0)", depth: depth - 1, where: isWanted)
            }
    }

    /// The entries of a folder.
    private struct Folder {
        let path: String
        let names: [String]
        let folders: [String]

        init(_ path: String) throws {
            self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
            names = try Files.list(path)
            folders = names.filter { name in
                // What ends like a file is one, without asking the disk for each of thousands.
                !name.hasImageExtension && !DevkitLayout.isXML(name) && Files.isFolder("\(path)/\(name)")
            }
        }

        func child(_ name: String) -> String { "\(path)/\(name)" }

        var holdsImages: Bool { names.contains(where: { $0.hasImageExtension }) }
        var holdsXML: Bool { names.contains(where: DevkitLayout.isXML) }

        /// The folder of the first of some names, in small letters.
        func named(_ wanted: [String]) -> String? {
            wanted.lazy.compactMap { name in folders.first { $0.lowercased() == name } }.first
        }

        /// The paths of all folders of some names, in the order of those.
        func all(_ wanted: [String]) -> [String] {
            wanted.flatMap { name in folders.filter { $0.lowercased() == name } }.map(child)
        }

        var years: [(year: Int, name: String)] {
            folders.compactMap { name in DevkitLayout.year(of: name).map { (year: $0, name: name) } }
        }

        /// `ImageSets/Main`, or `ImageSets` where the lists lie in it.
        var setFolder: String {
            guard let sets = named(["imagesets"]).map(child), let inside = try? Folder(sets) else {
                return child("ImageSets/Main")
            }
            if let main = inside.named(["main"]) { return inside.child(main) }
            return inside.names.contains { $0.hasSuffix(".txt") } ? sets : "\(sets)/Main"
        }
    }
}
