internal import Glibc
internal import Support

/// Writes a devkit in VOC's own layout from images and annotations in any other.
///
/// Images and annotations are links to the originals, so that nothing is copied or changed.
public struct DevkitImport: Sendable {
    public let source: Devkit
    /// The image sets written, with their images: ids as the new devkit has them.
    public private(set) var sets: [(name: String, ids: [String])] = []
    public private(set) var omissions: [SetOmission] = []
    public private(set) var images = 0
    public private(set) var classes: [String] = []
    /// Ids that had to change to be names of files in one folder.
    public private(set) var renamed = 0
    /// Classes whose names make no file name: they have no lists of their own.
    public private(set) var unlisted: [String] = []

    /// - Parameters:
    ///   - folder: receives `VOC2007/`.
    ///   - missing: what to do with images and annotations that are not there; a source without any annotations has none
    ///     missing.
    /// - Throws: `InputError` naming what is missing or wrong, and when the folder holds a devkit already.
    public init(_ source: Devkit, to folder: String, missing: MissingPolicy, threads: Int) throws {
        self.source = source
        let root = "\(folder)/VOC2007"
        if Files.isFolder(root), try !Files.list(root).isEmpty {
            throw InputError(root, "is not empty", remedy: "give a new folder")
        }
        let selections = try Self.sources(of: source)
        var all: [String: SetImage] = [:]
        var order: [String] = []
        var listed: [(name: String, ids: [String])] = []
        for (name, set) in selections {
            let selection = DevkitSelection(source, set: set)
            let isAnnotated = try selection.images([], missing: .skip).images.contains { $0.annotation != nil }
            let (found, left) = try selection.images(isAnnotated ? [.image, .annotation] : .image, missing: missing)
            omissions += left.filter { !omissions.contains($0) }
            for image in found where all.updateValue(image, forKey: image.id) == nil { order.append(image.id) }
            listed.append((name, found.map(\.id)))
        }
        guard !order.isEmpty else {
            throw InputError(source.root, "holds nothing to import", remedy: "give a folder with images")
        }
        let names = Self.names(order)
        renamed = names.count { $0.key != $0.value }
        for part in ["JPEGImages", "Annotations", "ImageSets/Main"] { try Files.makeFolder("\(root)/\(part)") }
        for id in order {
            guard let image = all[id], let name = names[id] else { continue }
            if let path = image.image {
                try Self.link(path, at: "\(root)/JPEGImages/\(name).\(path.fileExtension.lowercased())")
            }
            if let path = image.annotation { try Self.link(path, at: "\(root)/Annotations/\(name).xml") }
        }
        images = order.count
        try writeSets(
            listed.map { ($0.name, $0.ids) }, names: names, images: order.compactMap { all[$0] },
            to: "\(root)/ImageSets/Main", threads: threads)
    }

    /// VOC's names for the sets of the source, and the names they have there.
    private static func sources(of source: Devkit) throws -> [(name: String, set: String)] {
        let usual = ["training": "train", "valid": "val", "validation": "val", "testing": "test"]
        let names = source.split == nil ? (try? source.imageSetNames()) ?? [] : SetSplit.names
        var result = names.map { (name: usual[$0.lowercased()] ?? $0, set: $0) }
        if result.contains(where: { $0.name == "train" }), !result.contains(where: { $0.name == "trainval" }) {
            result.append((name: "trainval", set: "trainval"))
        }
        if result.isEmpty { result = [(name: "all", set: "all")] }
        // A share may be too small for a single image.
        return source.split == nil ? result : result.filter { (try? source.imageSet($0.set)) != nil }
    }

    /// Ids as names in one folder: folders in front of them become part of the name.
    private static func names(_ ids: [String]) -> [String: String] {
        var used = Set(ids.filter { !$0.contains("/") })
        return Dictionary(
            uniqueKeysWithValues: ids.map { id in
                if !id.contains("/") { return (id, id) }
                let plain = id.replacing("/", with: "_")
                var name = plain
                var number = 2
                while !used.insert(name).inserted {
                    name = "\(plain)-\(number)"
                    number += 1
                }
                return (id, name)
            })
    }

    private static func link(_ path: String, at name: String) throws {
        guard symlink(Files.systemPath(Files.resolved(path)), name) == 0 else {
            throw Files.systemError(name, "the link to \(path) cannot be made")
        }
    }

    /// The sets, and for each class which images of a set show it.
    private mutating func writeSets(
        _ listed: [(name: String, ids: [String])], names: [String: String], images: [SetImage], to folder: String,
        threads: Int
    ) throws {
        let annotated = try AnnotatedSet(
            reading: images, policy: .keep, leavesOutUnreadable: true, threads: threads)
        omissions += annotated.omissions
        let unreadable = Set(annotated.omissions.map(\.file))
        let bad = Set(images.filter { unreadable.contains($0.annotation ?? "") }.map(\.id))
        let byID = Dictionary(uniqueKeysWithValues: zip(annotated.ids, annotated.annotations))
        let found = Set(annotated.annotations.flatMap { $0.objects.map(\.name) })
        classes = found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        // Linux's limit, less what an unfinished file adds.
        let longest = 255 - 20 - ".txt_".utf8.count - (listed.map(\.name.utf8.count).max() ?? 0)
        unlisted = classes.filter { $0.contains("/") || $0.utf8.count > longest }
        let listable = classes.filter { !unlisted.contains($0) }
        for (name, ids) in listed {
            let kept = ids.filter { !bad.contains($0) }
            sets.append((name, kept.compactMap { names[$0] }))
            try Files.writeAtomically(
                kept.compactMap { names[$0] }.map { "\($0)\n" }.joined(), to: "\(folder)/\(name).txt")
            for className in listable {
                let lines = kept.map { id in
                    let own = (byID[id]?.objects ?? []).filter { $0.name == className }
                    let label = own.isEmpty ? -1 : own.allSatisfy(\.isDifficult) ? 0 : 1
                    return "\(names[id] ?? id) \(String(label).aligned(2))\n"
                }
                try Files.writeAtomically(lines.joined(), to: "\(folder)/\(className)_\(name).txt")
            }
        }
    }
}
