internal import Support

/// A copy of the annotations of a devkit in which what is wrong has been put right where that can be done.
public struct MendedAnnotations: Hashable, Sendable {
    /// Files written, those among them that differ from the originals, and what was done to their objects.
    public private(set) var written = 0
    public private(set) var mended = 0
    public private(set) var repairs: [AnnotationRepair] = []
    /// Files that could not be read, and were not written.
    public private(set) var unreadable: [SetOmission] = []

    /// Writes the annotations of some images as `FOLDER/ID.xml`.
    ///
    /// Boxes are cut at the frame of the image; what is inverted, without area or cannot be read is left out; the size is
    /// that of the image. Files in which nothing is to be mended are copied as they are.
    /// - Throws: `InputError` when the folder is not empty, lies among the annotations, or cannot be written.
    public init(_ devkit: Devkit, ids: [String], to folder: String, threads: Int) throws {
        let inputs = devkit.layout.pairs.flatMap { [$0.annotations, $0.images] }.compactMap { $0 }
        let own = Files.resolved(folder) + "/"
        if inputs.contains(where: { own.hasPrefix(Files.resolved($0) + "/") }) {
            throw InputError(folder, "lies among the files to be mended", remedy: "give a folder elsewhere")
        }
        if Files.isFolder(folder), try !Files.list(folder).isEmpty {
            throw InputError(folder, "is not empty", remedy: "give a new folder")
        }
        try Files.makeFolder(folder)
        let images = ids.map { SetImage(id: $0, image: devkit.imageFile($0), annotation: devkit.annotationFile($0)) }
            .filter { $0.annotation != nil }
        let results = try parallelMap(images.count, threads: threads) { index in
            let image = images[index]
            return try Self.mend(image, image.annotation ?? "", to: "\(folder)/\(image.id).xml")
        }
        for result in results {
            switch result {
            case .copied: written += 1
            case .mended(let list):
                written += 1
                mended += 1
                repairs += list
            case .unreadable(let omission): unreadable.append(omission)
            }
        }
    }

    private enum Result: Sendable {
        case copied
        case mended([AnnotationRepair])
        case unreadable(SetOmission)
    }

    private static func mend(_ image: SetImage, _ source: String, to path: String) throws -> Result {
        let set = try AnnotatedSet(reading: [image], policy: .clip, usesImageSizes: true, threads: 1)
        guard let annotation = set.annotations.first else {
            return .unreadable(set.omissions.first ?? SetOmission(.unreadableAnnotation, source))
        }
        if !path.parentFolder.isEmpty { try Files.makeFolder(path.parentFolder) }
        guard set.repairs.isEmpty, set.wrongSizes.isEmpty else {
            try Files.writeAtomically(annotation.xml, to: path)
            return .mended(set.repairs)
        }
        try Files.writeAtomically(Files.read(source), to: path)
        return .copied
    }

    /// For people.
    public var text: String {
        "\(written) annotations, \(mended) of them mended"
            + (unreadable.isEmpty ? "" : "; \(unreadable.count) cannot be read and were left out")
    }
}
