internal import Imaging
internal import Support

/// The annotations of an image set, in its order.
public struct AnnotatedSet: Hashable, Sendable {
    public var ids: [String]
    /// One for each id.
    public var annotations: [Annotation]
    /// What the policy did to objects with bad boxes.
    public var repairs: [AnnotationRepair]
    /// Annotation files whose size is missing or not the image's, where images were looked at.
    public var wrongSizes: [String]

    public init(
        ids: [String], annotations: [Annotation], repairs: [AnnotationRepair] = [], wrongSizes: [String] = []
    ) {
        precondition(ids.count == annotations.count, "\(ids.count) ids but \(annotations.count) annotations")
        self.wrongSizes = wrongSizes
        self.ids = ids
        self.annotations = annotations
        self.repairs = repairs
    }
}

extension Devkit {
    /// Reads the annotations of an image set on several threads.
    ///
    /// - Throws: `InputError` for the set, for a missing or malformed file, and for a bad box under `.stop`.
    public func annotations(
        _ set: String, policy: BadAnnotationPolicy = .stop, threads: Int = 2
    ) throws -> AnnotatedSet {
        try annotations(ids: imageSet(set), policy: policy, threads: threads)
    }

    /// The same for given ids.
    ///
    /// - Parameter usesImageSizes: takes the size of each image from its own header, so that boxes are checked against
    ///   the frame there is and not the one that is stated; an image without a readable header keeps what is stated.
    /// - Parameter turnsByEXIF: leaves a stated size that is the image's once EXIF has turned it: its boxes were drawn there.
    public func annotations(
        ids: [String], policy: BadAnnotationPolicy = .stop, usesImageSizes: Bool = false, turnsByEXIF: Bool = true,
        threads: Int = 2
    ) throws -> AnnotatedSet {
        // A parser costs as much as parsing a file, so that a batch of files shares one.
        let batch = 64
        let parts = try parallelMap((ids.count + batch - 1) / batch, threads: threads) { part in
            let parser = try AnnotationParser()
            return try ids[part * batch..<min(ids.count, (part + 1) * batch)].map {
                id -> (Annotation, [AnnotationRepair], String?) in
                let path = annotationPath(id)
                let bytes = try BoundedFile.read(path, limit: Annotation.maximumFileSize)
                var annotation = try parser.parse(bytes, file: path)
                var hasWrongSize = false
                if usesImageSizes, let header = try? ImageHeader.read(imagePath(id)), header.size != annotation.size,
                    !(turnsByEXIF && header.isTurned(to: annotation.size))
                {
                    annotation.size = header.size
                    hasWrongSize = true
                }
                let checked = try annotation.checked(policy, file: path)
                return (checked.annotation, checked.repairs, hasWrongSize ? path : nil)
            }
        }
        let all = parts.joined()
        return AnnotatedSet(
            ids: ids, annotations: all.map(\.0), repairs: all.flatMap(\.1), wrongSizes: all.compactMap(\.2))
    }
}
