internal import Support

/// The annotations of an image set, in its order.
public struct AnnotatedSet: Hashable, Sendable {
    public var ids: [String]
    /// One for each id.
    public var annotations: [Annotation]
    /// What the policy did to objects with bad boxes.
    public var repairs: [AnnotationRepair]

    public init(ids: [String], annotations: [Annotation], repairs: [AnnotationRepair] = []) {
        precondition(ids.count == annotations.count, "\(ids.count) ids but \(annotations.count) annotations")
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
    public func annotations(
        ids: [String], policy: BadAnnotationPolicy = .stop, threads: Int = 2
    ) throws -> AnnotatedSet {
        // A parser costs as much as parsing a file, so that a batch of files shares one.
        let batch = 64
        let parts = try parallelMap((ids.count + batch - 1) / batch, threads: threads) { part in
            let parser = try AnnotationParser()
            return try ids[part * batch..<min(ids.count, (part + 1) * batch)].map { id in
                let path = annotationPath(id)
                let bytes = try BoundedFile.read(path, limit: Annotation.maximumFileSize)
                return try parser.parse(bytes, file: path).checked(policy, file: path)
            }
        }
        let all = parts.joined()
        return AnnotatedSet(ids: ids, annotations: all.map(\.annotation), repairs: all.flatMap(\.repairs))
    }
}
